"""Following one run: its curves, its pictures, its log and its state. No terminal in here."""

from __future__ import annotations

from typing import NamedTuple

from core import usage
from core.events import Sampled, Scored, Started
from core.history import Tail
from core.rundir import RunDir, read_json
from core.runs.meta import RunMeta, printable, read_meta
from core.runs.state import State, state_of
from core.usage import UsageHistory
from etlgan_tui.console import ConsoleTail
from etlgan_tui.histories import Curves, Followed
from etlgan_tui.series import Column, Floats


class Shot(NamedTuple):
    """A run as it was found at one moment."""

    gone: bool  # its directory is not there any more
    state: State
    meta: RunMeta
    step: Floats  # (N,) finished updates at each report
    columns: dict[str, Column]  # by the names of core.history.MEASURED
    started: Started | None  # of the newest attempt
    seconds: float  # of training, over the attempts that count
    to_target: float | None  # seconds of training until the judge first saw the target reached
    sampled: tuple[Sampled, ...]
    scored: tuple[Scored, ...]
    usage: Curves  # of the machine, by the names of core.usage.MEASURED
    said: list[str]  # event lines that are new, for people
    console: list[str]  # console lines that are new
    problems: tuple[str, ...]
    whole: bool  # the events were read up to their end


class Feed:
    """Reads what is new of one run, for one thread at a time. Its events may be read already, or by others too."""

    def __init__(self, run: RunDir, events: Followed | None = None) -> None:
        self.run = run
        self._events = events or Followed(run)
        self._told = 0  # event lines given out
        self._usage = UsageFeed(run)
        self._meta: RunMeta | None = None  # as last read: a run that has gone keeps its name
        self._console = ConsoleTail(run.console)

    def read(self) -> Shot:
        """Everything that came since the last read, as far as one reading reaches. Unreadable events: RunError."""
        gone = not self.run.path.is_dir()
        self._meta = self._meta if gone and self._meta else read_meta(self.run)
        events = self._events
        with events.lock:
            whole, history, curves = events.read(), events.history, events.curves
            said = events.said[self._told :]
            self._told += len(said)
            return Shot(
                gone=gone,
                state=state_of(self.run),
                meta=self._meta,
                step=curves.step.values,
                columns=curves.measured,
                started=history.started[-1] if history.started else None,
                seconds=history.seconds[-1] if history.seconds else 0.0,
                to_target=history.seconds_to_target,
                sampled=tuple(history.sampled),
                scored=tuple(history.scored),
                usage=self._usage.read(),
                said=said,
                console=self._console.read(),
                problems=events.problems,
                whole=whole,
            )


class UsageFeed:
    """What training takes of the machine."""

    def __init__(self, run: RunDir) -> None:
        self._tail, self._history, self._curves = Tail(run.usage), UsageHistory(), Curves(usage.MEASURED)
        self._restarts = self._cuts = 0

    def read(self) -> Curves:
        """Up to the end of the file; some 3 MB a day of training."""
        for batch in self._tail.read_all():
            if self._tail.restarts > self._restarts:
                self._restarts, self._history, self._curves = (
                    self._tail.restarts,
                    UsageHistory(),
                    Curves(usage.MEASURED),
                )
            self._history.add(batch)
        if self._history.cuts != self._cuts:
            self._cuts, self._curves = self._history.cuts, Curves(usage.MEASURED)
        self._curves = self._curves.follow(self._history)
        return self._curves


def environment_lines(run: RunDir) -> list[tuple[str, str]]:
    """env.json as name and value, one line each, harmless; the diff only by its size."""
    return [(printable(name), printable(value)) for name, value in _flat_lines(read_json(run.env), "")]


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
