"""How a run's state looks: a glyph, a word, a colour; and which exit code it means."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from etlgan_tui.looks import GLYPHS

if TYPE_CHECKING:
    from core.runs.state import State


class Look(NamedTuple):
    """Of one kind of state, beside its glyph (looks.GLYPHS). The word says it all; glyph and colour only repeat it."""

    plain: str  # where the locale has no such glyph
    ansi: str  # SGR colour number
    exit_code: int


# fmt: off
LOOKS = {
    "queued":   Look(".", "36", 0),
    "running":  Look(">", "34", 0),
    "finished": Look("+", "32", 0),
    "stopped":  Look("=", "33", 130),
    "failed":   Look("x", "31", 1),
    "killed":   Look("x", "31", 1),
    "crashed":  Look("x", "31", 1),
}
# fmt: on
_UNKNOWN = Look("?", "35", 1)


def look(kind: str) -> Look:
    return LOOKS.get(kind, _UNKNOWN)


def word(kind: str, detail: str = "", *, unicode: bool) -> str:
    """`✓ finished`, `✗ failed (1)`."""
    glyph = GLYPHS.get(kind, "?") if unicode else look(kind).plain
    return f"{glyph} {kind} ({detail})" if detail else f"{glyph} {kind}"


def state_word(state: State, *, unicode: bool) -> str:
    """The same for a derived state, with the warning that it has been silent for long."""
    silent = " - silent" if state.stale else ""
    return word(state.kind, str(state.detail or ""), unicode=unicode) + silent
