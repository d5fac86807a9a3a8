"""Work away from the event loop: files, the index, processes. The screen never waits for a disk."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from textual.message_pump import MessagePump

from core.errors import EtlganError

T = TypeVar("T")


class Errand(Generic[T]):
    """One kind of work, one at a time, in a thread that never keeps the program from ending.

    Asked again while busy, it runs once more afterwards, with what is wanted then: ten key presses are two looks.
    """

    def __init__(
        self, owner: MessagePump, work: Callable[[], T], done: Callable[[T], None], failed: Callable[[str], None]
    ) -> None:
        self._owner, self._work, self._done, self._failed = owner, work, done, failed
        self._busy = self._again = False

    @property
    def busy(self) -> bool:
        return self._busy

    def ask(self) -> None:
        """From the event loop only."""
        if self._busy:
            self._again = True
            return
        self._busy = True
        threading.Thread(target=self._run, daemon=True, name=f"errand-{self._work.__name__}").start()

    def _run(self) -> None:
        try:
            result = self._work()
        except (EtlganError, OSError) as error:
            told = one_line(error)
            self._owner.call_later(self._ended, lambda: self._failed(told))
        except Exception as error:  # a mistake of ours must not freeze the screen: it is told, and the rest goes on
            told = f"unexpected {type(error).__name__}: {error}"
            self._owner.call_later(self._ended, lambda: self._failed(told))
        else:
            self._owner.call_later(self._ended, lambda: self._done(result))

    def _ended(self, then: Callable[[], None]) -> None:
        self._busy = False
        if getattr(self._owner, "is_attached", True):
            then()
        if self._again:
            self._again = False
            self.ask()


def one_line(error: Exception) -> str:
    """What, and where."""
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
    return " ".join(str(error).split())
