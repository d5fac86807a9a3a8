"""Follow a run from its events until it ends, and tell about it: a live board, lines now and then, or JSON."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Protocol

from core import events
from core.errors import EtlganError
from core.events import AnyEvent
from core.history import Tail
from core.settings import RunConfig
from etlgan_tui import looks
from etlgan_tui.cli import states, terminal
from etlgan_tui.cli.progress import Progress, line

if TYPE_CHECKING:
    from core.rundir import RunDir
    from core.runs.state import State

POLL = 0.1  # seconds between looks at the events
_STATE_EVERY = 0.5  # seconds between looks at the state
_LINE_EVERY = 10.0  # seconds between lines where nobody watches a terminal
ALIVE = ("queued", "running")
_ASKING = (signal.SIGINT, signal.SIGTERM)


class Display(Protocol):
    """What shows a run while it goes."""

    def event(self, event: AnyEvent, progress: Progress, /) -> None:
        """A new event."""

    def draw(self, progress: Progress, word: str, note: str, /) -> None:
        """Several times a second."""

    def warn(self, text: str, /) -> None:
        """What to know beside the course of things, of data, checkpoints or the disk; each once."""


class JsonLines:
    """Every event as one JSON line on stdout."""

    def event(self, event: AnyEvent, _progress: Progress) -> None:
        sys.stdout.write(events.encode(event).decode())
        sys.stdout.flush()

    def draw(self, progress: Progress, word: str, note: str) -> None:
        pass

    def warn(self, text: str) -> None:
        terminal.tell(terminal.clean(f"etlgan: {text}"))


class Lines:
    """A line on stderr at the start, every ten seconds, and at the end."""

    def __init__(self) -> None:
        self._due = 0.0
        self._note = ""

    def event(self, event: AnyEvent, progress: Progress) -> None:
        if isinstance(event, events.Started):
            self._say(f"{event.device}, {event.precision}, {event.threads} threads, batch {event.batch_size}")
        elif isinstance(event, events.Step) and (time.monotonic() >= self._due or event.step == progress.steps):
            self._say(f"{line(progress, event)}  {terminal.duration(progress.seconds_left())} left")
            self._due = time.monotonic() + _LINE_EVERY

    def draw(self, progress: Progress, _word: str, note: str) -> None:
        if note != self._note and not progress.last:
            self._say(note)
        self._note = note

    def warn(self, text: str) -> None:
        self._say(f"etlgan: {text}")

    def _say(self, text: str) -> None:
        terminal.tell(terminal.clean(text))


class LiveBoard:
    """The board of live.py; events only change what it draws next."""

    def __init__(self, stack: ExitStack, watched: Watched) -> None:
        from core.glyphs import repertoire
        from etlgan_tui.cli.live import Board

        characters = len(repertoire.characters(watched.config.data.chars))
        self._run = watched.run
        self._board = stack.enter_context(Board(run_id=watched.run.id, config=watched.config, characters=characters))
        self._next, self._warning = 0.0, ""

    def event(self, event: AnyEvent, _progress: Progress) -> None:
        from etlgan_tui.cli import samples

        if isinstance(event, events.Sampled) and event.kind == "grid":
            columns, lines = self._board.room()
            self._board.strip = samples.strip(self._run, event, columns=columns, lines=lines)

    def draw(self, progress: Progress, word: str, note: str) -> None:
        if time.monotonic() >= self._next:
            self._board.draw(progress, word, f"{self._warning}{note}")
            self._next = time.monotonic() + 0.2

    def warn(self, text: str) -> None:
        self._warning = f"{terminal.clean(text)}. {self._warning}"  # all of them, the newest first


class Watched:
    """A run, its events as far as they were read, and what they say."""

    def __init__(self, run: RunDir, config: RunConfig) -> None:
        self.run, self.config = run, config
        self.progress = Progress(steps=config.train.steps)
        self._tail = Tail(run.events)
        for batch in self._tail.read_all():  # history: known to the display, not told again
            self.progress.take(batch)

    def read(self) -> list[AnyEvent]:
        """Events that are new since the last call."""
        before = self._tail.restarts
        found = self._tail.read()
        if self._tail.restarts > before:
            self.progress = Progress(steps=self.config.train.steps)
        self.progress.take(found)
        return found


def watch(watched: Watched, *, stop: Callable[[], str], as_json: bool) -> State:
    """Show the run until it ends, or until a second Ctrl-C leaves it to itself. Returns the last state seen.

    The first Ctrl-C, or SIGTERM, calls `stop`.
    """
    with ExitStack() as stack:
        interrupts = stack.enter_context(_interrupts())
        return _follow(watched, _display(stack, watched, as_json), stop, interrupts)


def _display(stack: ExitStack, watched: Watched, as_json: bool) -> Display:
    if as_json:
        return JsonLines()
    if terminal.is_terminal(sys.stderr) and terminal.shows_unicode(sys.stderr):
        return LiveBoard(stack, watched)
    return Lines()


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Ctrl-C is counted, not raised, so that no line of the loop is left half done. `kill`, as `timeout` and service
    managers do it, counts as one; a terminal that is closed (SIGHUP) does not.
    """
    heard: list[int] = []
    before = {number: signal.signal(number, lambda number, _: heard.append(number)) for number in _ASKING}
    try:
        yield heard
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _follow(watched: Watched, display: Display, stop: Callable[[], str], interrupts: list[int]) -> State:
    from core.runs import disk
    from core.runs.state import state_of

    unicode = terminal.shows_unicode(sys.stderr)
    now, looked, asked, low = state_of(watched.run), time.monotonic(), "", ""
    while True:
        found = watched.read()
        for event in found:
            display.event(event, watched.progress)
            if isinstance(event, events.Started) and event.problems:
                display.warn("; ".join(event.problems[: looks.MOST_PROBLEMS]))
        if interrupts and not asked:
            asked = _ask(stop)
        elif len(interrupts) > 1:
            return now
        display.draw(watched.progress, states.state_word(now, unicode=unicode), asked or _note(watched.progress, now))
        if not found and now.kind not in ALIVE:
            return now
        if time.monotonic() >= looked + _STATE_EVERY:
            # Looked at before the next read: what the run wrote before it ended is still shown.
            now, looked = state_of(watched.run), time.monotonic()
            if not low and (low := disk.low(watched.run.path)):
                display.warn(low)
        time.sleep(POLL)


def _ask(stop: Callable[[], str]) -> str:
    try:
        stop()
    except EtlganError as error:  # it may have ended in this very moment
        return str(error)
    return "stopping: it finishes its step and saves; Ctrl-C again leaves it to itself"


def _note(progress: Progress, state: State) -> str:
    if state.kind == "queued":
        return f"{state.detail or 'waits its turn'}; {state.message or 'it may be left: Ctrl-C twice'}"
    if progress.last is None:
        return "first steps" if progress.started else "preparing glyphs and networks"
    sampled = progress.history.newest()
    parts = [f"newest picture {sampled.path}"] if sampled else []
    if progress.history.saved:
        parts.append(f"checkpoint {progress.history.saved[-1].step:,}")
    return ", ".join([*parts, "Ctrl-C stops it cleanly"])
