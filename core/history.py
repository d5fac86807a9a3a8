"""Reading `events.jsonl`: tail a growing file by byte offset, and fold its events into curves that have no seam."""

from __future__ import annotations  # array[int] is no expression before Python 3.12

import math
import os
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby, islice
from operator import attrgetter, lt
from pathlib import Path
from typing import TypeGuard, TypeVar

from core import events
from core.errors import RunError
from core.events import AnyEvent, Finished, Sampled, Saved, Scored, Started, Step

BLOCK = 1 << 20  # bytes a read: some 4,000 reports, which stay in the cache of a core
LONGEST_LINE = 64 << 20  # bytes; what is longer is no event

# The columns of History that are fields of Step under the same name and may be null there.
MEASURED = ("images_per_s", "d", "g", "info_cat", "info_con", "q_real", "q_fake")

File = TypeVar("File", Sampled, Saved)


class Tail:
    """Follows one growing file of event lines from a byte offset. A torn last line waits for its rest."""

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.path = path
        self.offset = offset  # bytes; always the start of a line
        self.restarts = 0  # how often the file was found replaced or cut short, so that reading began again at 0
        self.problems: list[str] = []  # damaged lines, each named by its byte offset
        self._inode = 0

    def read(self, limit_bytes: int = BLOCK) -> list[AnyEvent]:
        """The next events, of about `limit_bytes`; [] when there is nothing new (or no file yet).

        Damaged lines are told in `problems` and skipped. When `restarts` has grown, what was read before is void.
        A file that is there but cannot be read: RunError.
        """
        block = self._whole_lines(limit_bytes)
        start, self.offset = self.offset, self.offset + len(block)
        try:
            return events.decode_lines(block)
        except RunError:
            return list(self._one_by_one(block, start))

    def read_all(self) -> Iterator[list[AnyEvent]]:
        """Block after block up to the end of the file as it is now."""
        before = -1
        while self.offset != before:
            before = self.offset
            yield self.read()

    def _whole_lines(self, limit: int) -> bytes:
        """From the offset to the last line's end within `limit` bytes; at least one line where there is one."""
        try:
            with self.path.open("rb") as file:
                self._notice_replacement(file.fileno())
                file.seek(self.offset)
                block = file.read(limit)
                while b"\n" not in block and limit <= len(block) < LONGEST_LINE:
                    limit *= 2
                    block += file.read(limit - len(block))
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise RunError(f"cannot read {self.path}: {error.strerror}") from None
        if len(block) >= LONGEST_LINE and b"\n" not in block:
            self._problem(self.offset, f"a line of over {LONGEST_LINE >> 20} MiB; what follows it is not read")
        return block[: block.rfind(b"\n") + 1]

    def _notice_replacement(self, descriptor: int) -> None:
        """Begin again when this is another file, or there is no line's end just before the offset."""
        inode = os.fstat(descriptor).st_ino
        replaced = self._inode not in (0, inode)
        if self.offset and (replaced or os.pread(descriptor, 1, self.offset - 1) != b"\n"):
            self.offset = 0
            self.restarts += 1
            self.problems.clear()
        self._inode = inode

    def _one_by_one(self, block: bytes, start: int) -> Iterator[AnyEvent]:
        for line in block.split(b"\n"):
            try:
                if line.strip():
                    yield events.decode(line, where=f"{self.path.name}, byte {start}")
            except RunError as error:
                self._say(str(error))
            start += len(line) + 1

    def _problem(self, offset: int, text: str) -> None:
        self._say(f"{self.path.name}, byte {offset}: {text}")

    def _say(self, problem: str) -> None:
        if problem not in self.problems[-1:]:
            self.problems.append(problem)


@dataclass
class History:
    """What counts of a run so far: columns of its reports, and its other events.

    An attempt that resumes at step s voids what earlier attempts said past s; at s itself, what is said again
    replaces what was said before. So `step` strictly increases, and curves have no seam.
    Columns are equally long arrays; a null (not measured, or not finite) is nan: `numpy.array(history.d)` plots.
    """

    step: array[int] = field(default_factory=lambda: array("q"))
    time: array[float] = field(default_factory=lambda: array("d"))  # Unix seconds
    seconds: array[float] = field(default_factory=lambda: array("d"))  # of training, over the attempts that count
    images_per_s: array[float] = field(default_factory=lambda: array("d"))
    d: array[float] = field(default_factory=lambda: array("d"))
    g: array[float] = field(default_factory=lambda: array("d"))
    info_cat: array[float] = field(default_factory=lambda: array("d"))
    info_con: array[float] = field(default_factory=lambda: array("d"))
    q_real: array[float] = field(default_factory=lambda: array("d"))
    q_fake: array[float] = field(default_factory=lambda: array("d"))
    started: list[Started] = field(default_factory=list)  # every attempt
    finished: list[Finished] = field(default_factory=list)  # every attempt that had a last word
    sampled: list[Sampled] = field(default_factory=list)
    saved: list[Saved] = field(default_factory=list)
    scored: list[Scored] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)  # damaged lines
    seconds_to_target: float | None = None  # of training until the judge first saw train.target
    _reached: int = 0  # the step of that
    _earlier: float = 0.0  # training seconds of earlier attempts, up to where the newest one went on

    def newest(self, kind: str = "grid") -> Sampled | None:
        """The newest picture of a kind; None before there is one."""
        return next((event for event in reversed(self.sampled) if event.kind == kind), None)

    def add(self, batch: Iterable[AnyEvent]) -> None:
        """Fold in the next events of the same file, in order."""
        batch = list(batch)
        if _steps_alone(batch):  # as nearly all batches of a long run are: no need to look for groups
            self._add_steps(batch)
            return
        for _, group in groupby(batch, type):
            alike = list(group)
            if _steps_alone(alike):
                self._add_steps(alike)
            else:
                for event in alike:
                    self._add_event(event)

    def _add_steps(self, steps: list[Step]) -> None:
        at = [step.step for step in steps]
        if not all(map(lt, at, islice(at, 1, None))):
            for step in steps:  # odd, but a file may hold anything: each replaces what is at or past it
                self._extend([step])
        else:
            self._extend(steps)

    def _extend(self, steps: list[Step]) -> None:
        if self.step and steps[0].step <= self.step[-1]:
            self._cut(bisect_left(self.step, steps[0].step))
        self.step.extend([step.step for step in steps])
        self.time.extend([step.time for step in steps])
        self.seconds.extend([step.seconds + self._earlier for step in steps])
        for name in MEASURED:
            getattr(self, name).extend(_numbers(list(map(attrgetter(name), steps))))

    def _add_event(self, event: AnyEvent) -> None:
        match event:
            case Started():
                self._resume_at(event.step)
                self.started.append(event)
            case Finished():
                self.finished.append(event)
            case Sampled():
                _drop_said_again(self.sampled, event)
                self.sampled.append(event)
            case Saved():
                _drop_said_again(self.saved, event)
                self.saved.append(event)
            case Scored():
                self.scored.append(event)
                if event.passed and event.seconds is not None and self.seconds_to_target is None:
                    self.seconds_to_target, self._reached = self._earlier + event.seconds, event.step

    def _resume_at(self, step: int) -> None:
        self._cut(bisect_right(self.step, step))
        self._earlier = self.seconds[-1] if self.seconds else 0.0
        self.sampled = [event for event in self.sampled if event.step <= step]
        self.saved = [event for event in self.saved if event.step <= step]
        self.scored = [event for event in self.scored if event.step <= step]
        if self._reached > step:
            self.seconds_to_target, self._reached = None, 0

    def _cut(self, length: int) -> None:
        for name in ("step", "time", "seconds", *MEASURED):
            del getattr(self, name)[length:]


def _steps_alone(events: list[AnyEvent]) -> TypeGuard[list[Step]]:
    return set(map(type, events)) == {Step}


def _numbers(values: list[float | None]) -> array[float]:
    """Asking for forgiveness is four times as quick as looking for nulls first, and most columns have none."""
    try:
        return array("d", values)  # type: ignore[arg-type]  # that is the question
    except TypeError:
        return array("d", [math.nan if value is None else value for value in values])


def _drop_said_again(files: list[File], event: File) -> None:
    """A resumed attempt draws and saves once more at the step it resumes from: the same file."""
    if files and files[-1].step >= event.step:
        files[:] = [old for old in files if old.path != event.path]


def curves(path: Path) -> History:
    """The whole of one `events.jsonl`; an empty History where there is no file yet."""
    tail, history = Tail(path), History()
    for batch in tail.read_all():
        history.add(batch)
    history.problems = tail.problems
    return history
