"""Work away from the event loop: files, the index, processes. The screen never waits for a disk."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from textual.message_pump import MessagePump

from core.errors import EtlganError

T = TypeVar("T")
COLLECTOR = (10_000, 20, 50)  # gc's thresholds; Python's own are (700, 10, 10)


def spare_the_collector() -> None:
    """Look for cycles less often, and not among what was imported: at Python's own pace that takes a third of the time
    in which a long run opens. Call once, when everything is loaded."""
    gc.freeze()
    gc.set_threshold(*COLLECTOR)


def once(
    owner: MessagePump, work: Callable[[], T], *, done: Callable[[T], None], failed: Callable[[str], None]
) -> None:
    """Do `work` in a thread that never keeps the program from ending; what came of it is told on the event loop."""

    def run() -> None:
        try:
            result = work()
        except (EtlganError, OSError) as error:
            told = one_line(error)
        except Exception as error:  # a mistake of ours must not freeze the screen: it is told, and the rest goes on
            told = f"unexpected {type(error).__name__}: {one_line(error)}"
        else:
            owner.call_later(done, result)
            return
        owner.call_later(failed, told)

    threading.Thread(target=run, daemon=True, name="errand").start()


class Errand(Generic[T]):
    """One kind of work, one at a time. Asked again while busy, it runs once more afterwards, with what is wanted
    then: ten key presses are two looks."""

    def __init__(
        self, owner: MessagePump, work: Callable[[], T], *, done: Callable[[T], None], failed: Callable[[str], None]
    ) -> None:
        self._owner, self._work, self._done, self._failed = owner, work, done, failed
        self.busy = self._again = False
        self._begun = 0.0

    @property
    def waited(self) -> float:
        """Seconds since the work that is under way was begun."""
        return time.monotonic() - self._begun if self.busy else 0.0

    def ask(self) -> None:
        """From the event loop only."""
        if self.busy:
            self._again = True
            return
        self.busy, self._begun = True, time.monotonic()
        once(self._owner, self._work, done=self._succeeded, failed=self._told)

    def _succeeded(self, result: T) -> None:
        self._ended()
        self._done(result)

    def _told(self, problem: str) -> None:
        self._ended()
        self._failed(problem)

    def _ended(self) -> None:
        self.busy = False
        if self._again:
            self._again = False
            self.ask()


def one_line(error: Exception) -> str:
    """What, and where."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return " ".join(str(error).split())
