"""Following one run: its events as growing columns, its pictures, its log and its state. No terminal in here."""

from __future__ import annotations

import time
from array import array
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np

from core import usage
from core.events import AnyEvent, Finished, Sampled, Saved, Scored, Started, Step, Usage
from core.history import MEASURED, History, Tail
from core.rundir import RunDir, read_json
from core.runs.meta import RunMeta, read_meta
from core.runs.state import State, state_of
from core.usage import UsageHistory
from etlgan_tui.console import ConsoleTail
from etlgan_tui.series import Column, Floats

READ_SECONDS = 0.5  # a read; the rest of a long file comes with the next one


class Shot(NamedTuple):
    """A run as it was found at one moment."""

    gone: bool  # its directory is not there any more
    state: State
    meta: RunMeta
    step: Floats  # (N,) finished updates at each report
    columns: dict[str, Column]  # by the names of core.history.MEASURED
    started: Started | None  # of the newest attempt
    seconds: float  # of training, over the attempts that count
    sampled: tuple[Sampled, ...]
    scored: tuple[Scored, ...]
    usage: Curves  # of the machine, by the names of core.usage.MEASURED
    said: list[str]  # event lines that are new, for people
    console: list[str]  # console lines that are new
    problems: tuple[str, ...]
    whole: bool  # the events were read up to their end


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


class Feed:
    """Reads what is new of one run. For one thread at a time."""

    def __init__(self, run: RunDir) -> None:
        self.run = run
        self._tail, self._history, self._curves = Tail(run.events), History(), Curves()
        self._usage = UsageFeed(run)
        self._console = ConsoleTail(run.console)
        self._restarts = self._attempts = 0

    def read(self) -> Shot:
        """Everything that came since the last read, as far as READ_SECONDS reach. Unreadable events: RunError."""
        gone = not self.run.path.is_dir()
        said, whole = self._read_events()
        if len(self._history.started) != self._attempts:  # a resumed attempt may replace what was drawn
            self._attempts, self._curves = len(self._history.started), Curves()
        self._curves = self._curves.follow(self._history)
        history = self._history
        return Shot(
            gone=gone,
            state=state_of(self.run),
            meta=read_meta(self.run),
            step=self._curves.step.values,
            columns=self._curves.measured,
            started=history.started[-1] if history.started else None,
            seconds=history.seconds[-1] if history.seconds else 0.0,
            sampled=tuple(history.sampled),
            scored=tuple(history.scored),
            usage=self._usage.read(),
            said=said,
            console=self._console.read(),
            problems=tuple(self._tail.problems),
            whole=whole,
        )

    def _read_events(self) -> tuple[list[str], bool]:
        said: list[str] = []
        until = time.monotonic() + READ_SECONDS
        while batch := self._tail.read():
            if self._tail.restarts > self._restarts:
                self._restarts, self._history, self._curves = self._tail.restarts, History(), Curves()
            self._history.add(batch)
            said += [describe(event) for event in batch if not isinstance(event, Step)]
            if time.monotonic() > until:
                return said, False
        return said, True


class UsageFeed:
    """What training takes of the machine."""

    def __init__(self, run: RunDir) -> None:
        self._tail, self._history, self._curves = Tail(run.usage), UsageHistory(), Curves(usage.MEASURED)
        self._past = (0, 0)

    def read(self) -> Curves:
        """Up to the end of the file; some 3 MB a day of training."""
        for batch in self._tail.read_all():
            if self._tail.restarts > self._past[0]:
                self._history = UsageHistory()
            self._history.add(batch)
        past = self._tail.restarts, self._history.cuts
        if past != self._past:
            self._past, self._curves = past, Curves(usage.MEASURED)
        self._curves = self._curves.follow(self._history)
        return self._curves


def describe(event: AnyEvent) -> str:
    """One line for people."""
    clock = time.strftime("%H:%M:%S", time.localtime(event.time))
    match event:
        case Step() | Usage():
            what = "report"
        case Started():
            what = f"attempt {event.attempt} begins on {event.device}, {event.precision}, {event.classes} classes"
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
    return f"{clock}  {event.step:>9,}  {what}"


def environment_lines(run: RunDir) -> list[tuple[str, str]]:
    """env.json as name and value, one line each; the diff only by its size."""
    return list(_flat_lines(read_json(run.env), ""))


def _flat_lines(tree: dict[str, object], prefix: str) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    for key, value in tree.items():
        if isinstance(value, dict):
            lines += _flat_lines(value, f"{prefix}{key}.")
        elif key == "diff":
            lines.append((f"{prefix}{key}", f"{str(value).count(chr(10))} lines"))
        else:
            text = " ".join(map(str, value)) if isinstance(value, list) else str(value)
            lines.append((f"{prefix}{key}", text[:500]))
    return lines
