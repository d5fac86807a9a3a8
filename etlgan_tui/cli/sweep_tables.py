"""What came of sweeps: a table, a scatter plot for each field, the best configuration as a command."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etlgan_tui.cli import index, terminal

if TYPE_CHECKING:
    from core.rundir import Home
    from core.runs.store import Row
    from core.studies.sweep import Child, Sweep
    from core.studies.sweep_results import Outcome

_SHOWN = 20  # configurations of the table, unless all are asked for


def listing(home: Home, *, as_json: bool) -> None:
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
            rows.append((found, ended))
    if as_json:
        terminal.say_json(
            [
                {
                    "sweep": found.id,
                    "preset": found.preset,
                    "fields": [axis.name for axis in found.axes],
                    "finished": ended,
                    "wanted": found.wanted,
                }
                for found, ended in rows
            ]
        )
        return
    if not rows:
        terminal.tell(terminal.clean(f"no sweeps in {home.root} yet; `etlgan sweep PRESET --grid NAME=V,V` starts one"))
        return
    cells = [
        (found.id, found.preset, " ".join(axis.name for axis in found.axes), f"{ended:,}/{found.wanted:,}")
        for found, ended in rows
    ]
    for line in terminal.table(
        ("sweep", "preset", "fields", "finished"), [tuple(map(terminal.clean, row)) for row in cells]
    ):
        terminal.say(line)


def show(home: Home, text: str, by: str, *, everything: bool, as_json: bool) -> None:
    from core.studies import sweep as sweeps
    from core.studies import sweep_results as results

    found = sweeps.read(home, text)
    objective = results.known(by or found.by or results.OVERALL)
    with index.opened(home) as store:
        children = sweeps.children(home, store, found)
    score(home, found, children, objective)
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


def score(home: Home, found: Sweep, children: list[Child], objective: str) -> None:
    """What only the judge can tell is asked of it now, run by run, and kept."""
    from core.studies import sweep_results as results

    if objective in results.MEASURED:
        return
    rows = results.unscored(home, found, children, objective)
    for at, row in enumerate(rows, 1):
        judge(home, found, row, objective, place=f"{at} of {len(rows)}")


def judge(home: Home, found: Sweep, row: Row, objective: str, *, place: str = "") -> None:
    """A quick card where that has the objective, else a whole one."""
    from core.studies import sweep_results as results

    quick = objective == results.OVERALL or objective in results.OF_QUICK
    terminal.tell(terminal.clean(f"judging run {row.id}" + (f" ({place})" if place else "")))
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
