"""How far a long piece of work is: a bar where a person looks, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from etlgan_tui.cli import terminal

_QUIET = 10.0  # seconds between two lines of a log
_FIRST = 2.0  # seconds of work that go without a word


@contextmanager
def progress_bar(verb: str) -> Iterator[Callable[[int, int], None]]:
    """A function of (done, in all), drawn on stderr as `verb done/all`."""
    shown = _bar(verb) if terminal.is_terminal(sys.stderr) else _lines(verb)
    with shown as update:
        yield update


@contextmanager
def _bar(verb: str) -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        refresh_per_second=5,
    )
    with bar:
        task = bar.add_task(verb, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def _lines(verb: str) -> Iterator[Callable[[int, int], None]]:
    said = time.monotonic() + _FIRST - _QUIET

    def update(done: int, total: int) -> None:
        nonlocal said
        if time.monotonic() - said > _QUIET:
            said = time.monotonic()
            terminal.tell(f"{verb} {done:,} of {total:,}")

    yield update
