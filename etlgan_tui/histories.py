"""What runs said, as growing columns: read once, whoever shows it. No terminal in here."""

from __future__ import annotations

import threading
import time
from array import array
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from core.events import AnyEvent, Finished, Sampled, Saved, Scored, Started, Step, Usage
from core.history import MEASURED, History, Tail
from core.rundir import RunDir
from core.runs.meta import printable
from etlgan_tui import looks
from etlgan_tui.series import Column

READ_SECONDS = 0.5  # a read; the rest of a long file comes with the next one
KEPT = 6  # histories; one of a million values takes some 40 MB


class Columns(Protocol):
    """What curves are made of: growing arrays of equal length."""

    step: array[int]


@dataclass
class Curves:
    """Columns of one history. They only grow; what a resumed attempt voids makes new ones."""

    names: tuple[str, ...] = MEASURED
    step: Column = field(default_factory=Column)
    measured: dict[str, Column] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.measured = {name: Column() for name in self.names}

    def follow(self, history: Columns) -> Curves:
        """These columns with what is new appended, or new ones where the past has changed."""
        count = self.step.count
        if count > len(history.step) or (count and self.step.values[-1] != history.step[count - 1]):
            return Curves(self.names).follow(history)
        if count < len(history.step):
            for name, column in self.measured.items():
                column.extend(np.array(getattr(history, name)[count:], dtype=np.float64))
            self.step.extend(np.array(history.step[count:], dtype=np.float64))
        return self


class Followed:
    """One run's events, read on by whoever asks. `lock` is to be held by who reads, and while `history` is looked at;
    `curves` may be looked at while they grow."""

    def __init__(self, run: RunDir) -> None:
        self.lock = threading.Lock()
        self.history, self.curves = History(), Curves()
        self.said: list[str] = []  # everything but the reports, a line each, for people
        self._tail = Tail(run.events)
        self._restarts = self._attempts = 0

    @property
    def problems(self) -> tuple[str, ...]:
        """Damaged lines."""
        return tuple(self._tail.problems)

    def read(self) -> bool:
        """What is new, as far as READ_SECONDS reach; whether that was all. Unreadable events: RunError."""
        whole = self._read_events()
        if len(self.history.started) != self._attempts:  # a resumed attempt may replace what was drawn
            self._attempts, self.curves = len(self.history.started), Curves()
        self.curves = self.curves.follow(self.history)
        return whole

    def _read_events(self) -> bool:
        until = time.monotonic() + READ_SECONDS
        while batch := self._tail.read():
            if self._tail.restarts > self._restarts:
                self._restarts, self.history, self.curves = self._tail.restarts, History(), Curves()
            self.history.add(batch)
            self.said += [describe(event) for event in batch if type(event) is not Step]
            if time.monotonic() > until:
                return False
        return True


class Histories:
    """Those of the runs that were looked at last. From any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[RunDir, Followed] = OrderedDict()

    def of(self, run: RunDir) -> Followed:
        """The same one for the same run, as long as it is kept."""
        with self._lock:
            found = self._kept.setdefault(run, Followed(run))
            self._kept.move_to_end(run)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return found

    def forget(self) -> None:
        """All of them."""
        with self._lock:
            self._kept.clear()


def describe(event: AnyEvent) -> str:
    """One line for people, harmless whatever the event says."""
    clock = time.strftime("%H:%M:%S", time.localtime(event.time))
    match event:
        case Step() | Usage():
            what = "report"
        case Started():
            what = f"attempt {event.attempt} begins on {event.device}, {event.precision}, {event.classes} classes"
            what += "".join(f"; {problem}" for problem in event.problems[: looks.MOST_PROBLEMS])
        case Sampled():
            what = f"{event.kind} drawn: {event.path}"
        case Saved():
            what = f"checkpoint saved: {event.path}{' (best)' if event.best else ''}"
        case Scored():
            what = "scored: " + ", ".join(
                f"{name} {value:.4g}" for name, value in event.scores.items() if value is not None
            )
        case Finished():
            what = f"attempt {event.attempt} {event.state}{': ' if event.message else ''}{event.message}"
    return f"{clock}  {event.step:>9,}  {printable(what)}"
