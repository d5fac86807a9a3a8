"""`etlgan sweep`: many queued runs of one preset, what came of them, and which settings were best."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from etlgan_tui.cli import index, options, terminal

if TYPE_CHECKING:
    from core.config import RunConfig
    from core.rundir import Home
    from core.studies.sweep import Child, Sweep
    from core.studies.sweep_results import Outcome

_SHOWN = 20  # configurations of the table, unless all are asked for


def sweep(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="PRESET | show ID | stop ID | ls", help="A preset to sweep, or what to do with one."),
    ] = None,
    grids: Annotated[
        list[str] | None,
        typer.Option("--grid", metavar="NAME=V,V", help="A field and its values; with --random also LOW..HIGH."),
    ] = None,
    seeds: Annotated[int, typer.Option(metavar="N", min=1, max=1000, help="Runs of each configuration.")] = 1,
    draws: Annotated[
        int, typer.Option("--random", metavar="N", min=0, max=10_000, help="Draw N configurations; 0: all of the grid.")
    ] = 0,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="For all of them; repeatable.")
    ] = None,
    priority: Annotated[int, typer.Option(metavar="N", min=-(2**30), max=2**30, help="In the queue.")] = 0,
    again: Annotated[
        str, typer.Option("--resume", metavar="ID", help="Go on with this sweep.", show_default=False)
    ] = "",
    by: Annotated[
        str, typer.Option("--by", metavar="ROW", help="show: the number of the score card to go by.")
    ] = "overall",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be queued.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="show: every configuration.")] = False,
    as_json: options.Json = False,
    folder: options.HomeFolder = None,
) -> None:
    """Queue a run for every combination of some settings; `sweep show ID` tells what came of them.

    The same command again, or --resume ID, goes on: what finished is not repeated, the rest is queued again.
    """
    from core.errors import ConfigError

    home, asked = options.home(folder), list(words or [])
    verb = asked[0] if asked and asked[0] in ("show", "stop", "ls") else ""
    if len(asked) > (2 if verb in ("show", "stop") else 1):
        raise ConfigError(f"too many words: {' '.join(asked)}; a preset, or show ID, stop ID, ls")
    if verb and (grids or draws or changes or again):
        raise ConfigError(f"sweep {verb} takes no --grid, --random, --set or --resume")
    if verb == "ls":
        _list(home)
    elif verb == "show":
        _show(home, asked[1] if asked[1:] else "last", by, everything=everything, as_json=as_json)
    elif verb == "stop":
        _stop(home, asked[1] if asked[1:] else "last")
    else:
        _start(home, asked, grids or [], draws, seeds, changes or [], again, priority=priority, dry_run=dry_run)


def _start(
    home: Home,
    asked: list[str],
    grids: list[str],
    draws: int,
    seeds: int,
    changes: list[str],
    again: str,
    *,
    priority: int,
    dry_run: bool,
) -> None:
    from core.errors import ConfigError
    from core.studies import sweep as sweeps

    if again:
        if asked or grids or draws or changes:
            raise ConfigError("--resume ID takes what the sweep was begun with: no preset, --grid, --random or --set")
        wanted = sweeps.read(home, again)
    else:
        wanted = _planned(asked, grids, draws, seeds, changes)
    points = list(sweeps.points(wanted))
    if dry_run:
        for point in points:
            told = " ".join(f"{name}={value}" for name, value in point.changes.items())
            terminal.say(terminal.clean(f"{told} seed={point.seed}"))
        terminal.tell(f"{len(points):,} runs; nothing was queued")
        return
    _check(points[0].config, home, len(points))
    wanted = sweeps.keep(home, wanted)
    with index.opened(home) as store:
        new, more = sweeps.go_on(home, store, wanted, priority=priority)
    terminal.say(wanted.id)
    left = len(points) - new - more
    terminal.tell(
        f"{new:,} runs queued" + (f", {more:,} go on" if more else "") + (f", {left:,} as they were" if left else "")
    )
    terminal.tell(f"`etlgan queue` lists, `etlgan sweep show {wanted.id}` tells what came of them")


def _planned(asked: list[str], grids: list[str], draws: int, seeds: int, changes: list[str]) -> Sweep:
    from core import config
    from core.glyphs.sets.spec import absolute
    from core.studies import sweep as sweeps

    shared = dict(config.parse_assignments(changes))
    if "data.source" in shared:
        shared["data.source"] = absolute(shared["data.source"])
    return sweeps.plan(asked[0] if asked else "", shared, grids, draws=draws, seeds=seeds)


def _check(config: RunConfig, home: Home, runs: int) -> None:
    """Data that are not there are told now, not by every run at its turn; likewise a disk that is too small."""
    from core.glyphs import repertoire
    from etlgan_tui.draft import characters_of
    from etlgan_tui.estimate import disk_warning

    characters_of(config.data)
    classes = len(repertoire.characters(config.data.chars))
    if warning := disk_warning(config, classes=classes, folder=home.root, runs=runs):
        terminal.tell(terminal.clean(f"etlgan: {warning}"))


def _list(home: Home) -> None:
    from core.errors import EtlganError
    from core.studies import sweep as sweeps

    rows = []
    with index.opened(home) as store:
        for path in sorted(home.sweeps.glob("sweep-*")):
            try:
                found = sweeps.read(home, path.name)
            except EtlganError as error:
                terminal.tell(terminal.clean(f"etlgan: {error}"))
                continue
            ended = sum(
                child.state is not None and child.state.kind == "finished"
                for child in sweeps.children(home, store, found)
            )
            total = sum(1 for _ in sweeps.points(found))
            rows.append((found.id, found.preset, " ".join(axis.name for axis in found.axes), f"{ended:,}/{total:,}"))
    if not rows:
        terminal.tell(terminal.clean(f"no sweeps in {home.root} yet; `etlgan sweep PRESET --grid NAME=V,V` starts one"))
        return
    for line in terminal.table(
        ("sweep", "preset", "fields", "finished"), [tuple(map(terminal.clean, row)) for row in rows]
    ):
        terminal.say(line)


def _stop(home: Home, text: str) -> None:
    """Take what waits out of the queue and ask what runs to stop."""
    from core.errors import RunError
    from core.runs import launcher
    from core.studies import sweep as sweeps

    found = sweeps.read(home, text)
    with index.opened(home) as store:
        alive = [
            child.row.id
            for child in sweeps.children(home, store, found)
            if child.row and child.state and child.state.kind in ("queued", "running")
        ]
    waiting_first = sorted(alive, key=lambda run_id: not home.run(run_id).ticket.exists())
    for run_id in waiting_first:
        try:
            terminal.say(terminal.clean(launcher.stop(home.run(run_id))))
        except RunError as error:  # it ended meanwhile
            terminal.tell(terminal.clean(error))
    index.update(home, alive)
    terminal.tell(f"`etlgan sweep --resume {found.id}` goes on")


def _show(home: Home, text: str, by: str, *, everything: bool, as_json: bool) -> None:
    from core.studies import sweep as sweeps
    from core.studies import sweep_results as results

    found, objective = sweeps.read(home, text), results.known(by)
    with index.opened(home) as store:
        children = sweeps.children(home, store, found)
    _score(home, found, children, objective)
    outcomes = results.outcomes(home, found, children, objective)
    plots = _plots(home, found, outcomes, objective)
    if as_json:
        terminal.say_json(
            {
                "sweep": found.id,
                "objective": objective,
                "configurations": [_tree(o) for o in outcomes],
                "plots": list(map(str, plots)),
            }
        )
        return
    for line in _table(found, outcomes if everything else outcomes[:_SHOWN], objective):
        terminal.say(line)
    if len(outcomes) > _SHOWN and not everything:
        terminal.tell(f"{len(outcomes) - _SHOWN:,} more; --all shows them")
    for path in plots:
        terminal.say(terminal.clean(path))
    _best(outcomes)


def _score(home: Home, found: Sweep, children: list[Child], objective: str) -> None:
    """What only the judge can tell is asked of it now, run by run, and kept."""
    from core.studies import sweep_results as results

    if objective in results.MEASURED:
        return
    rows = results.unscored(home, found, children, objective)
    quick = objective == results.OVERALL or objective in results.OF_QUICK
    for at, row in enumerate(rows, 1):
        terminal.tell(terminal.clean(f"judging run {row.id} ({at} of {len(rows)})"))
        results.score(home, found, row, whole=not quick, say=lambda line: terminal.tell(terminal.clean(line)))


def _plots(home: Home, found: Sweep, outcomes: list[Outcome], objective: str) -> list[Path]:
    """One for each field; none before there is something to show."""
    if not any(outcome.values for outcome in outcomes):
        return []
    from core.figures import sweeps as figures

    paths = []
    for axis in found.axes:
        dots = [
            figures.Dot(outcome.changes[axis.name], value, outcome is outcomes[0])
            for outcome in outcomes
            for value in outcome.values
        ]
        path = home.sweeps / found.id / f"{axis.name}.png"
        paths.append(figures.draw(path, field=axis.name, objective=objective, dots=dots, log=axis.log))
    return paths


def _table(found: Sweep, outcomes: list[Outcome], objective: str) -> list[str]:
    names = [axis.name for axis in found.axes]
    head = ("#", *names, objective, "±" if terminal.shows_unicode(sys.stdout) else "sd", "runs")
    rows = [
        (
            str(at),
            *(outcome.changes[name] for name in names),
            "-" if math.isnan(outcome.mean) else f"{outcome.mean:.5g}",
            "" if math.isnan(outcome.spread) else f"{outcome.spread:.2g}",
            _states(outcome),
        )
        for at, outcome in enumerate(outcomes, 1)
    ]
    return terminal.table(head, [tuple(map(terminal.clean, row)) for row in rows], right=frozenset(head[-3:-1]))


def _states(outcome: Outcome) -> str:
    """`3 finished`, `1 finished, 2 queued`."""
    counted = {kind: outcome.states.count(kind) for kind in dict.fromkeys(outcome.states)}
    return ", ".join(f"{number} {kind}" for kind, number in counted.items())


def _best(outcomes: list[Outcome]) -> None:
    if outcomes and outcomes[0].values:
        from etlgan_tui.draft import Draft

        terminal.say()
        terminal.say(terminal.clean(f"best: {Draft.of(outcomes[0].config).command()}"))
    else:
        terminal.tell("nothing to compare yet; `etlgan queue` tells what waits")


def _tree(outcome: Outcome) -> dict[str, Any]:
    return {**outcome._asdict(), "config": None, "mean": outcome.mean, "spread": outcome.spread}
