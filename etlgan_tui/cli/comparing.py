"""`etlgan diff` and `etlgan compare`: what differs between runs, and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from etlgan_tui import looks
from etlgan_tui.cli import options, terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.history import History
    from core.rundir import RunDir
    from core.runs.differences import Difference

_Runs = Annotated[list[str], typer.Argument(metavar="RUN...", help="Runs: ids, unique beginnings, names, last.")]
_CURVES, _GRIDS = "compare-curves.png", "compare-grids.png"
_LAST = (("d", "D loss"), ("g", "G loss"), ("info_cat", "info, label"), ("info_con", "info, codes"))
_ENDS = 40  # lines of files that changed


def diff(texts: _Runs, as_json: options.Json = False, folder: options.HomeFolder = None) -> None:
    """Show what differs between runs: configuration, data, code, environment.

    Exit code 0, whether something differs or not.
    """
    from core.runs import differences

    runs = _runs(folder, texts)
    found = differences.between(runs)
    if as_json:
        terminal.say_json({"runs": [run.id for run in runs], "differences": [each._asdict() for each in found]})
        return
    if not found:
        terminal.say("no differences")
    for section in dict.fromkeys(each.section for each in found):
        _section(section, runs, [each for each in found if each.section == section])
    for line in _changed_files(runs):
        terminal.say(terminal.clean(line))


def compare(
    texts: _Runs,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where the pictures go.")] = Path(),
    step: Annotated[
        int | None, typer.Option("--step", metavar="N", min=0, help="Samples at this step; default: the last of all.")
    ] = None,
    as_json: options.Json = False,
    folder: options.HomeFolder = None,
) -> None:
    """Compare runs: last values, final and best scores, curves and sample grids as pictures."""
    from core import history
    from core.errors import RunError
    from core.runs.disk import telling

    runs = _runs(folder, texts)
    histories = [history.curves(run.events) for run in runs]
    about = [_about(run, told) for run, told in zip(runs, histories, strict=True)]
    if out.exists() and not out.is_dir():
        raise RunError(f"{out}: not a folder; --out names one, which is made where it is missing")
    with telling(out):
        out.mkdir(parents=True, exist_ok=True)
    pictures = _pictures(runs, histories, looks.told_apart([(each["id"], each["name"]) for each in about]), out, step)
    if as_json:
        terminal.say_json({"runs": about, "pictures": [str(path) for path in pictures]})
        return
    for line in _table(about):
        terminal.say(line)
    for path in pictures:
        terminal.say(terminal.clean(path))


def _runs(folder: Path | None, texts: Sequence[str]) -> list[RunDir]:
    """Two or more different runs. Fewer: ConfigError."""
    from core.errors import ConfigError

    runs = {run.id: run for run in (options.run(folder, text) for text in texts)}
    if len(runs) < 2:
        raise ConfigError("name two or more different runs; `etlgan ls` lists them")
    return list(runs.values())


def _section(title: str, runs: list[RunDir], rows: list[Difference]) -> None:
    from core.runs.meta import read_meta

    head = [title, *map(terminal.clean, looks.told_apart([(run.id, read_meta(run).name) for run in runs]))]
    cells = [[terminal.clean(each.name), *(terminal.clean(value)[:120] for value in each.values)] for each in rows]
    for line in terminal.table(head, cells):
        terminal.say(line)
    terminal.say()


def _changed_files(runs: list[RunDir]) -> list[str]:
    """Between the commits of the first run and each other one, where the repository knows both."""
    from core.rundir import read_json
    from core.runs.differences import code_of
    from core.runs.environment import SOURCES, stat_of_changes

    commits = [str(code_of(read_json(run.env)).get("commit", "")) for run in runs]
    lines: list[str] = []
    for other in dict.fromkeys(commits[1:]):
        if other != commits[0] and (changes := stat_of_changes(SOURCES.parent, commits[0], other)):
            lines += [f"files changed from commit {commits[0][:12]} to {other[:12]}", *changes[-_ENDS:], ""]
    return lines


def _about(run: RunDir, told: History) -> dict[str, Any]:
    """One run's outcome as plain values."""
    import math

    from core.runs.meta import read_meta
    from core.runs.state import state_of
    from etlgan_tui.cards import card

    state, cards = state_of(run), [event for event in told.scored if event.scores]
    first = next(iter(cards[-1].scores), "") if cards else ""
    rated = [(event.scores.get(first), event.step) for event in cards]
    best = max(((value, step) for value, step in rated if value is not None), default=(None, None))
    shares = [(value, step) for value, step in zip(told.q_fake, told.step, strict=True) if not math.isnan(value)]
    return {
        "id": run.id,
        "name": read_meta(run).name,
        "state": state.kind,
        "step": told.step[-1] if told.step else 0,
        "seconds": told.seconds[-1] if told.seconds else 0.0,
        "last": {name: getattr(told, name)[-1] if told.step else None for name, _ in _LAST},
        "q_fake": {"final": shares[-1][0] if shares else None, "best": max(shares, default=(None,))[0]},
        "scores": dict(cards[-1].scores) if cards else {},
        "best_score": {"name": first, "value": best[0], "step": best[1]},
        "card": card(run),
    }


def _table(about: list[dict[str, Any]]) -> list[str]:
    """A line a fact, a column a run."""
    rows: list[tuple[str, list[str]]] = [
        ("run", [each["id"] for each in about]),
        ("state", [each["state"] for each in about]),
        ("step", [f"{each['step']:,}" for each in about]),
        ("training time", [terminal.duration(each["seconds"]) for each in about]),
    ]
    rows += [(title, [_number(each["last"][name]) for each in about]) for name, title in _LAST]
    rows += [(f"Q drawn, {when}", [_number(each["q_fake"][when]) for each in about]) for when in ("final", "best")]
    names = dict.fromkeys(name for each in about for name in each["scores"])
    rows += [(f"score: {name}", [_number(each["scores"].get(name)) for each in about]) for name in names]
    if any(each["best_score"]["value"] is not None for each in about):
        rows.append(("best first score", [_best(each["best_score"]) for each in about]))
    judged = dict.fromkeys(name for each in about for name in each["card"])
    rows += [(f"score card: {name}", [_number(each["card"].get(name)) for each in about]) for name in judged]
    head = ["", *(terminal.clean(each["name"]) for each in about)]
    return terminal.table(head, [[terminal.clean(cell) for cell in (name, *values)] for name, values in rows])


def _best(score: dict[str, Any]) -> str:
    return "-" if score["value"] is None else f"{score['value']:.4g} at step {score['step']:,}"


def _number(value: float | None) -> str:
    return "-" if value is None or value != value else f"{value:.4g}"


def _pictures(
    runs: list[RunDir], histories: list[History], names: list[str], out: Path, step: int | None
) -> list[Path]:
    from core.figures import comparison

    comparison.plot_curves(list(zip(names, histories, strict=True)), out / _CURVES)
    blocks = _grids(runs, histories, names, step)
    if not blocks:
        return [out / _CURVES]
    comparison.side_by_side(blocks, out / _GRIDS)
    return [out / _CURVES, out / _GRIDS]


def _grids(runs: list[RunDir], histories: list[History], names: list[str], step: int | None) -> list[Any]:
    """(caption, images, rows) of each run's newest grid up to one step that all have reached."""
    from core.errors import DataError
    from etlgan_tui.cli import samples

    drawn = [[event for event in told.sampled if event.kind == "grid"] for told in histories]
    at = step if step is not None else min((events[-1].step for events in drawn if events), default=0)
    blocks = []
    for run, events, name in zip(runs, drawn, names, strict=True):
        event = next((event for event in reversed(events) if event.step <= at), None)
        try:
            images = samples.cells(run, event)
        except DataError as error:
            terminal.tell(f"etlgan: {terminal.clean(error)}")
            continue
        if event is None or images is None:
            terminal.tell(f"etlgan: run {run.id} has no sample grid at or before step {at:,}")
            continue
        blocks.append((f"{name}, step {event.step:,}", images, event.rows))
    return blocks
