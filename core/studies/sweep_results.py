"""What came of a sweep: each point's objective over its seeds, and which configuration is best."""

import json
import math
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from core.errors import RunError
from core.judge.quantities import BY_NAME, QUANTITIES, QUICK
from core.rundir import Home, read_json, write_json
from core.runs.meta import printable
from core.runs.store import Row
from core.settings import RunConfig
from core.studies.command import ETLGAN
from core.studies.sweep import Child, Sweep

OVERALL = "overall"  # of the score card
MEASURED = ("q_fake", "q_real", "d", "g", "info_cat", "info_con", "images_per_s", "seconds")  # last values of a run
LOSSES = ("d", "g", "info_cat", "info_con")
OF_QUICK = frozenset(line.name for line in QUANTITIES if line.row in QUICK)  # of `etlgan score --quick`
PRUNED = "pruned"  # tag of a run that a search stopped on the way
SCORE_SECONDS = 3600.0


class Outcome(NamedTuple):
    """One configuration, over its seeds."""

    changes: dict[str, str]
    config: RunConfig  # of the first seed
    values: tuple[float, ...]  # of the objective, for the seeds that have one
    runs: tuple[str, ...]  # ids
    states: tuple[str, ...]  # kinds, "missing" where there is no run

    @property
    def mean(self) -> float:
        return statistics.fmean(self.values) if self.values else math.nan

    @property
    def spread(self) -> float:
        """Standard deviation over seeds; NaN for fewer than two."""
        return statistics.stdev(self.values) if len(self.values) > 1 else math.nan


def lower_is_better(objective: str) -> bool:
    """Of losses, and of what the score card's table says so."""
    return objective in LOSSES or (objective in BY_NAME and BY_NAME[objective].lower_is_better)


def known(objective: str) -> str:
    """The objective, if a score card or a run has such a number; else RunError that lists them."""
    names = [OVERALL, *(line.name for line in QUANTITIES), *MEASURED]
    if objective not in names:
        raise RunError(f"no objective {printable(objective)!r}; choose from {', '.join(dict.fromkeys(names))}")
    return objective


def card_path(home: Home, sweep: Sweep, run_id: str) -> Path:
    """Where the sweep keeps a quick score card of a child."""
    return home.sweeps / sweep.id / f"{run_id}.json"


def value(home: Home, sweep: Sweep, row: Row, objective: str) -> float | None:
    """From the run's whole card, the sweep's quick one, the trainer's own scores, or its last values."""
    for path in (home.run(row.id).scores, card_path(home, sweep, row.id)):
        tree = read_json(path)
        columns = tree.get("columns")
        generated = columns.get("generated") if isinstance(columns, dict) else None
        numbers = (generated if isinstance(generated, dict) else {}) | {OVERALL: tree.get(OVERALL)}
        judged, number = tree.get("time"), numbers.get(objective)
        if _finite(judged) and _finite(number) and float(judged or 0) >= row.updated:  # not of an earlier attempt
            return float(number or 0)
    try:
        own = json.loads(row.scores or "{}").get(objective)
    except (ValueError, AttributeError):
        own = None
    own = getattr(row, objective) if own is None and objective in MEASURED else own
    return float(own) if _finite(own) else None


def _finite(number: Any) -> bool:
    return isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number)


def unscored(home: Home, sweep: Sweep, found: Sequence[Child], objective: str) -> list[Row]:
    """Finished children whose objective only a score card can tell, and that have none."""
    rows = [child.row for child in found if child.row and child.state and child.state.kind == "finished"]
    return [row for row in rows if value(home, sweep, row, objective) is None]


def score(home: Home, sweep: Sweep, row: Row, *, whole: bool = False, say: Callable[[str], None]) -> None:
    """Let the judge read a child, in a process of its own, which tells a terminal how it gets on; what fails is said,
    and leaves the child without."""
    words = ["score", row.id, "--home", str(home.root), "--checkpoint", "last", "--json"]
    words += [] if whole else ["--quick"]
    try:
        done = subprocess.run(
            [*ETLGAN, *words],
            stdout=subprocess.PIPE,
            stderr=None if sys.stderr.isatty() else subprocess.PIPE,
            text=True,
            timeout=SCORE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        say(f"run {row.id} has no score card: {error}")
        return
    try:
        card = json.loads(done.stdout) if done.returncode == 0 else None
    except ValueError:
        card = None
    if not isinstance(card, dict):
        last = ((done.stderr or "").strip().splitlines() or ["no answer"])[-1]
        say(f"run {row.id} has no score card: {printable(last)}")
        return
    write_json(card_path(home, sweep, row.id), card)


def _state(child: Child) -> str:
    if child.row and child.state:
        return PRUNED if child.state.kind == "stopped" and PRUNED in child.row.tags else child.state.kind
    return "missing"


def outcomes(home: Home, sweep: Sweep, found: Sequence[Child], objective: str) -> list[Outcome]:
    """One for each configuration, the best first; those without a value come last."""
    groups: dict[tuple[tuple[str, str], ...], list[Child]] = {}
    for child in found:
        groups.setdefault(tuple(child.point.changes.items()), []).append(child)
    results = [
        Outcome(
            dict(changes),
            group[0].point.config,
            tuple(
                number
                for child in group
                if child.row and child.state and child.state.kind == "finished"
                if (number := value(home, sweep, child.row, objective)) is not None
            ),
            tuple(child.row.id for child in group if child.row),
            tuple(map(_state, group)),
        )
        for changes, group in groups.items()
    ]
    sign = 1 if lower_is_better(objective) else -1
    return sorted(results, key=lambda outcome: (not outcome.values, sign * outcome.mean if outcome.values else 0.0))
