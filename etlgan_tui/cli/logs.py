"""`etlgan logs`: what the trainer printed, with nothing in it acted upon by the terminal."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from etlgan_tui.cli import options, terminal

if TYPE_CHECKING:
    from core.rundir import RunDir

_BLOCK = 1 << 16
_LONGEST = 4096  # bytes of a line that are shown: its end, since a progress bar overwrites its beginning
_POLL = 0.2  # seconds


def logs(
    text: options.Run,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run ends (or Ctrl-C).")] = False,
    lines: Annotated[int | None, typer.Option("--lines", "-n", min=0, metavar="N", help="Only the last N.")] = None,
    folder: options.HomeFolder = None,
) -> None:
    """Print what the trainer wrote to its console.

    Escape sequences are removed, overwritten progress bars folded.
    """
    run = options.run(folder, text)
    if lines is not None:
        for line in last_lines(run.console, lines):
            terminal.say(line)
    elif not run.console.exists():
        terminal.tell(f"run {run.id} has printed nothing yet")
    if follow or lines is None:
        _print(run, follow=follow, from_end=lines is not None)


def last_lines(path: Path, count: int) -> list[str]:
    """The last lines of a log, clean; reads no more of the file than it may need."""
    if count < 1 or not path.exists():
        return []
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - count * _LONGEST))
        return list(Console(file).read(final=True))[-count:]


class Console:
    """Whole lines of a growing log, clean; an unfinished last line waits for its end."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._rest = file, b""

    def read(self, *, final: bool = False) -> Iterator[str]:
        """Lines that are new. `final`: nothing more will come, so the last line counts as it is."""
        while block := self._file.read(_BLOCK):
            *whole, rest = (self._rest + block).split(b"\n")
            self._rest = rest[-_BLOCK:]
            yield from map(_shown, whole)
        if final and self._rest:
            yield _shown(self._rest)
            self._rest = b""


def _shown(raw: bytes) -> str:
    return terminal.fold(raw[-_LONGEST:].decode("utf-8", "replace"))


def _print(run: RunDir, *, follow: bool, from_end: bool) -> None:
    from core.runs.state import state_of
    from etlgan_tui.cli.watch import ALIVE

    while follow and not run.console.exists() and state_of(run).kind in ALIVE:
        time.sleep(_POLL)
    if not run.console.exists():
        return
    with run.console.open("rb") as file:
        file.seek(0, os.SEEK_END if from_end else os.SEEK_SET)
        console = Console(file)
        alive = True
        while alive:
            alive = follow and state_of(run).kind in ALIVE  # before reading: its last words are still read
            for line in console.read(final=not alive):
                terminal.say(line)
            sys.stdout.flush()
            time.sleep(_POLL if alive else 0)
