"""A bar on stderr for work of several parts, each with its own words; lines now and then where nobody can see a bar."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from etlgan_tui.cli import terminal

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

LINE_SECONDS = 10.0


class Waiting:
    """A context manager; `progress(words, done, total)` moves it."""

    def __init__(self) -> None:
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._words, self._said = "", 0.0

    def __enter__(self) -> Waiting:
        if terminal.is_terminal(sys.stderr):
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=30),
                TimeElapsedColumn(),
                console=Console(stderr=True, highlight=False, markup=False, emoji=False),
                transient=True,
            )
            self._task = self._bar.add_task("loading", total=None)
            self._bar.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.__exit__(kind, error, trace)

    def progress(self, words: str, done: int, total: int) -> None:
        """How far a part is; new words begin another part."""
        if self._bar and self._task is not None:
            self._bar.update(self._task, description=words, completed=done, total=total)
        elif words != self._words or time.monotonic() - self._said >= LINE_SECONDS:
            self._said = time.monotonic()
            terminal.tell(f"{words}: {done} of {total}")
        self._words = words
