"""What programs print, made harmless: escape sequences gone, carriage returns folded, lines of bearable length."""

from __future__ import annotations

import os
from pathlib import Path

from core.runs.meta import printable
from etlgan_tui.escapes import last_written, without_escapes

FIRST_LOOK = 1 << 20  # bytes from the end of a log that is opened
MOST_BYTES = 8 << 20  # a read; what a log grew beyond that meanwhile is skipped
LONGEST = 2000  # characters of a line that are shown
_TORN_LIMIT = 64 << 10  # bytes of a line without an end that are kept


def fold(line: str) -> str:
    """A line as a terminal would leave it: what a carriage return overwrote is dropped, escapes and controls too."""
    line = last_written(line)
    cut = len(line) > 4 * LONGEST
    line = without_escapes(line[: 4 * LONGEST])
    if "\t" in line:
        line = line.expandtabs(4)
    line = line if line.isascii() and line.isprintable() else printable(line)
    return line[:LONGEST] + "…" if cut or len(line) > LONGEST else line


class ConsoleTail:
    """Follows a growing log by byte offset; a line without an end waits for its rest, or is shown when it is long."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = -1
        self._inode = 0
        self._torn = b""

    def read(self) -> list[str]:
        """The lines that are new. A log that is missing or cannot be read has none; a shortened one begins again."""
        try:
            with self.path.open("rb") as file:
                count = self._due(file.fileno(), file.seek(0, os.SEEK_END))
                file.seek(self._offset)
                block = file.read(count)
        except OSError:
            return []
        self._offset += len(block)
        return self._lines(block) if block else []

    def _due(self, descriptor: int, size: int) -> int:
        """How many bytes to read; moves the offset where the log is new, was replaced, or ran ahead."""
        inode = os.fstat(descriptor).st_ino
        if self._offset < 0:
            self._offset = max(0, size - FIRST_LOOK)
        elif size < self._offset or inode != self._inode:
            self._offset, self._torn = 0, b""
        self._inode = inode
        if size - self._offset > MOST_BYTES:
            self._offset, self._torn = size - MOST_BYTES, b""
        return size - self._offset

    def _lines(self, block: bytes) -> list[str]:
        *whole, torn = (self._torn + block).split(b"\n")
        if len(torn) > _TORN_LIMIT:
            torn = torn[-_TORN_LIMIT:]
        self._torn = torn
        return [fold(line[-_TORN_LIMIT:].decode(errors="replace")) for line in whole]
