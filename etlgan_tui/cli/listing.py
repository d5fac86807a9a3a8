"""`etlgan ls`: the runs of this home, newest first."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from etlgan_tui import looks
from etlgan_tui.cli import options, terminal

if TYPE_CHECKING:
    from core.rundir import Home
    from core.runs.state import State
    from core.runs.store import Row

_USUAL_LIMIT = 50
# Left out from the right where the terminal is too narrow for them.
_HEAD = (
    "state",
    "name",
    "run",
    "step",
    "age",
    "Q drawn",
    "score",
    "to target",
    "tags",
    "parent",
    "chars",
    "D",
    "G",
    "images/s",
    "note",
)
_RIGHT = frozenset({"step", "age", "Q drawn", "score", "to target", "D", "G", "images/s"})
_FEWEST = 5  # columns that are always there; then names are cut
_LONGEST = 32  # cells of a name, tags or a note


def ls(
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="Only with this in name, id, tags, note ...", show_default=False)
    ] = "",
    tag: Annotated[str, typer.Option(metavar="TAG", help="Only with this tag.", show_default=False)] = "",
    sweep: Annotated[str, typer.Option(metavar="ID", help="Only runs of this sweep.", show_default=False)] = "",
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="How many.")] = _USUAL_LIMIT,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    as_json: options.Json = False,
    folder: options.HomeFolder = None,
) -> None:
    """List the runs, newest first."""
    home = options.home(folder)
    parent = _sweep(home, sweep) if sweep else ""
    rows, total = _rows(home, text, tag, parent, sys.maxsize >> 1 if everything else limit)
    if as_json:
        terminal.say_json([_json(row, state) for row, state in rows])
        return
    if not rows:
        terminal.tell(terminal.clean(_nothing(home, text or tag or parent)))
        return
    for line in _lines(rows, flat=bool(parent)):
        terminal.say(line)
    if total > len(rows):
        terminal.tell(f"{total - len(rows):,} older ones; --all shows them")


def _sweep(home: Home, text: str) -> str:
    from core.studies import sweep as sweeps

    return sweeps.read(home, text).id


def _rows(home: Home, text: str, tag: str, parent: str, limit: int) -> tuple[list[tuple[Row, State]], int]:
    """The newest runs with their states, and how many there are."""
    from core.runs.state import state_of
    from etlgan_tui.cli import index

    if not home.runs.is_dir():
        return [], 0  # looking into a folder must not leave a database in it
    with index.opened(home) as store:
        found = store.runs(limit=limit, text=text, tag=tag, parent=parent)
        return [(row, state_of(home.run(row.id))) for row in found], store.count(text=text, tag=tag, parent=parent)


def _nothing(home: Home, wanted: str) -> str:
    if wanted and home.runs.is_dir():
        return f"no run in {home.root} has {wanted!r}"
    return f"no runs in {home.root} yet; `etlgan run` starts one"


def _json(row: Row, state: State) -> dict[str, Any]:
    """Everything that the index knows, but for its own bookkeeping."""
    import msgspec

    hidden = (
        "offset",
        "signature",
        "seconds_before",
        "score_step",
        "target_step",
        "bad_lines",
        "bad_line",
        "mark",
        "finished",
        "message",
    )
    facts = {name: value for name, value in row._asdict().items() if name not in hidden}
    facts["config"] = msgspec.json.decode(row.config) if row.config else None
    facts["scores"] = msgspec.json.decode(row.scores) if row.scores else {}
    return {**facts, "state": state._asdict()}


def _lines(rows: list[tuple[Row, State]], *, flat: bool) -> list[str]:
    """The table: as many columns as fit, the state coloured where a person looks."""
    drawn = _drawn(rows, flat=flat)
    cells = [line for line, _ in drawn]
    used = [at for at, name in enumerate(_HEAD) if name in ("state", "name", "run") or any(line[at] for line in cells)]
    lines = _table(cells, used)
    while len(used) > _FEWEST and sys.stdout.isatty() and max(map(_wide, lines)) > terminal.width():
        lines = _table(cells, used := used[:-1])
    if sys.stdout.isatty():
        lines = _table(cells, used, give="name")
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return (
        [lines[0], *(_coloured(line, state) for line, (_, state) in zip(lines[1:], drawn, strict=True))]
        if coloured
        else lines
    )


def _drawn(rows: list[tuple[Row, State]], *, flat: bool) -> list[tuple[tuple[str, ...], State | None]]:
    """Cells and state of every line: sweeps and runs with their children below them, unless all are of one sweep."""
    if flat:
        return [(_cells(row, state), state) for row, state in rows]
    from etlgan_tui.family import family

    lines: list[tuple[tuple[str, ...], State | None]] = []
    unicode = terminal.shows_unicode(sys.stdout)
    members = family([(row.id, row.parent) for row, _ in rows])
    for member in members:
        if member.at is None:
            number = sum(row.parent == member.id for row, _ in rows)
            lines.append((_sweep_cells(member.id, number), None))
        else:
            row, state = rows[member.at]
            row = row._replace(parent="") if member.depth else row  # it is drawn
            lines.append((_cells(row, state, branch=member.branch(unicode=unicode)), state))
    return lines


def _sweep_cells(sweep: str, number: int) -> tuple[str, ...]:
    glyph = "▾" if terminal.shows_unicode(sys.stdout) else "v"
    told = {"state": f"{glyph} sweep", "name": f"{number:,} run{'s'[: number != 1]}", "run": sweep}
    return tuple(told.get(name, "") for name in _HEAD)


def _table(cells: list[tuple[str, ...]], used: list[int], *, give: str = "") -> list[str]:
    head = [_HEAD[at] for at in used]
    return terminal.table(head, [[line[at] for at in used] for line in cells], right=_RIGHT, give=give)


def _wide(line: str) -> int:
    from rich.cells import cell_len

    return cell_len(line)


def _coloured(line: str, state: State | None) -> str:
    from etlgan_tui.cli.states import look

    if state is None:
        return line
    end = line.find("  ")
    return f"\x1b[{look(state.kind).ansi}m{line[:end]}\x1b[0m{line[end:]}"


def _cells(row: Row, state: State, *, branch: str = "") -> tuple[str, ...]:
    """One row of the table, in the order of _HEAD; `branch` is drawn before the name."""
    from etlgan_tui.cli.states import state_word

    steps = "" if row.steps is None else f"/{row.steps:,}"
    values = (
        state_word(state, unicode=terminal.shows_unicode(sys.stdout)),
        row.name,
        row.id,
        "damaged" if row.error and row.steps is None else f"{row.step:,}{steps}",
        looks.age(time.time() - row.created),
        "" if row.q_fake is None else f"{100 * row.q_fake:.1f} %",
        "" if row.score is None else f"{row.score:.4g}",
        "" if row.seconds_to_target is None else f"{row.seconds_to_target:,.0f} s",
        ", ".join(row.tags),
        row.parent,
        row.chars,
        "" if row.d is None else f"{row.d:.3f}",
        "" if row.g is None else f"{row.g:.3f}",
        "" if row.images_per_s is None else f"{row.images_per_s:,.0f}",
        row.note,
    )
    cells = [_short(terminal.clean(value)) for value in values]
    cells[1] = branch + cells[1]
    return tuple(cells)


def _short(text: str) -> str:
    return terminal.fit(text, _LONGEST).rstrip() if len(text) > _LONGEST // 2 else text
