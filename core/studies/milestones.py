"""How far the runs of a search are, at the same steps for all, so that they can be compared on the way."""

import math
from bisect import bisect_right
from collections.abc import Sequence

from core.history import History, Tail
from core.rundir import Home
from core.runs.store import Row
from core.studies import sweep_results as results
from core.studies.sweep import Sweep

PARTS = 20  # of a training; at the end of each, runs are compared


class Milestones:
    """Reads what the runs say as they say it.

    Watched is the number that the search goes by, where training tells it; else the first of the scores that it tells
    (`train.score_every`); else Q's reading of what was drawn, which is the higher the better, as a score is.
    """

    def __init__(self, home: Home, sweep: Sweep) -> None:
        self.home, self.sweep = home, sweep
        self.every = max(1, sweep.base.train.steps // PARTS)
        self._told: dict[str, tuple[Tail, History]] = {}

    def passed(self, rows: Sequence[Row]) -> list[tuple[int, float]]:
        """(step, value) of every milestone that all of these runs have passed: the mean over them, signed so that
        higher is better. Milestones before the first value are left out."""
        series = [self._series(row.id) for row in rows]
        reached = min((steps[-1] for steps, _ in series if steps), default=0)
        if any(not steps for steps, _ in series):
            return []
        found = []
        for step in range(self.every, reached + 1, self.every):
            values = [_latest(steps, values, step) for steps, values in series]
            if not any(map(math.isnan, values)):
                found.append((step, sum(values) / len(values)))
        return found

    def _series(self, run_id: str) -> tuple[list[int], list[float]]:
        told = self._history(run_id)
        by = self.sweep.by
        if by in results.MEASURED:
            sign = -1.0 if results.lower_is_better(by) else 1.0
            return list(told.step), [sign * value for value in getattr(told, by)]
        if self.sweep.base.train.score_every:
            cards = [event for event in told.scored if event.scores]
            name = by if any(by in event.scores for event in cards) else next(iter(cards[0].scores)) if cards else ""
            sign = -1.0 if name == by and results.lower_is_better(by) else 1.0
            scores = [event.scores.get(name) for event in cards]
            return [event.step for event in cards], [math.nan if s is None else sign * s for s in scores]
        return list(told.step), list(told.q_fake)

    def _history(self, run_id: str) -> History:
        tail, told = self._told.setdefault(run_id, (Tail(self.home.run(run_id).events), History()))
        restarts = tail.restarts
        batches = list(tail.read_all())
        if tail.restarts > restarts:  # the file was replaced: what was read is void
            tail, told = Tail(tail.path), History()
            batches = list(tail.read_all())
            self._told[run_id] = tail, told
        for batch in batches:
            told.add(batch)
        return told


def _latest(steps: list[int], values: list[float], step: int) -> float:
    """The value at the step or the last one before it; NaN where there is none."""
    at = bisect_right(steps, step)
    return values[at - 1] if at else math.nan
