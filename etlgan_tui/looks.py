"""How values look, in the dashboard and to the commands. Plain values to plain text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.runs.state import State
    from core.runs.store import Row

# The word says it all; the glyph (and a colour class of the same name) only repeats it.
GLYPHS = {
    "queued": "○",
    "running": "●",
    "finished": "✓",
    "stopped": "■",
    "failed": "✗",
    "killed": "✗",
    "crashed": "✗",
}


def state_word(state: State) -> str:
    """`✓ finished`, `✗ failed (rc 1)`, `● running, silent`."""
    detail = f" ({state.detail})" if state.detail else ""
    return f"{GLYPHS.get(state.kind, '?')} {state.kind}{detail}{', silent' if state.stale else ''}"


def state_mark(state: State) -> str:
    """The same in a table, in ten cells: the preview has the details. What a live run is besides is said instead."""
    word = "silent" if state.stale else state.detail if state.live and state.detail else state.kind
    return f"{GLYPHS.get(state.kind, '?')} {word}"


def told_apart(runs: Sequence[tuple[str, str]]) -> list[str]:
    """Names of (id, name); before those that several have stands the end of the id, which is not cut off first."""
    names = Counter(name for _, name in runs)
    return [f"{i.rpartition('-')[2]} {name}" if name and names[name] > 1 else name or i for i, name in runs]


def folder(path: Path) -> str:
    """With ~ for the user's home, and nothing that a terminal obeys."""
    from core.runs.meta import printable

    home = Path.home()
    return printable(f"~/{path.relative_to(home)}" if path.is_relative_to(home) and path != home else str(path))


def progress(row: Row) -> str:
    """`1,200/4,000`."""
    return f"{row.step:,}" + (f"/{row.steps:,}" if row.steps is not None else "")


def short_progress(row: Row) -> str:
    """`1,200/4k`; where that is all, `4,000`."""
    whole = row.steps is not None and row.step != row.steps
    return (f"{row.step:,}" if row.step < 100_000 else short_count(row.step)) + (
        f"/{short_count(row.steps)}" if whole and row.steps is not None else ""
    )


def short_count(count: int) -> str:
    """950, 1.2k, 40k, 3.5M."""
    for unit, size in (("M", 10**6), ("k", 10**3)):
        if count >= size:
            return f"{count / size:.4g}{unit}" if count % size else f"{count // size}{unit}"
    return f"{count}"


def short_age(seconds: float) -> str:
    """12s, 3m, 5h, 8d."""
    return age(seconds).replace(" min", "m").replace(" ", "")


def cut(text: str, cells: int) -> str:
    """At most so many cells wide, with an ellipsis where something is missing."""
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= cells else f"{set_cell_size(text, cells - 1).rstrip()}…"


def age(seconds: float) -> str:
    """12 s, 3 min, 5 h, 8 d."""
    seconds = max(0.0, seconds)
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


MOST_PROBLEMS = 3  # of a run's beginning, told at once; its console log has all


def counted(number: int, noun: str) -> str:
    """`1 image`, `2,000 images`."""
    return f"{number:,} {noun}{'s'[: number != 1]}"


def duration(seconds: float) -> str:
    """1:05, 1:02:03, 5 d 4 h."""
    whole = max(0, round(min(seconds, 1e12)))
    if whole >= 100 * 3600:
        return f"{whole // 86400} d {whole % 86400 // 3600} h"
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def packed(parts: Iterable[str], cells: int, between: str) -> list[str]:
    """As many parts a line as fit into so many cells; none is broken, a longer one has a line of its own."""
    from rich.cells import cell_len

    lines = list[str]()
    for part in parts:
        longer = f"{lines[-1]}{between}{part}" if lines else part
        if lines and cell_len(longer) <= cells:
            lines[-1] = longer
        else:
            lines.append(part)
    return lines


def number(value: float | None, pattern: str = ".3f") -> str:
    return "" if value is None else format(value, pattern)


def percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f} %"
