"""Where records come from: a file that is memory-mapped, or a member of a zip that is streamed, never unpacked.

Both answer one question: these whole records, please, by number in rising order. Bytes that were not asked for are
not read from a mapped file; a zip has to be run through up to the last record asked for.
"""

import hashlib
import lzma
import mmap
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Protocol

import numpy as np
import numpy.typing as npt

from core.glyphs.etl.errors import EtlFormatError, printable

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]

EDGE = 4096  # bytes at either end of a file that go into its fingerprint
STRIDE = 1 << 20  # bytes skipped at a time in a zip
SPARSE = 8  # fewer than one record in so many: tell the kernel not to read ahead


class RecordFile(Protocol):
    """N bytes that hold records, wherever they are."""

    @property
    def name(self) -> str: ...  # as its owner named it, without folders
    @property
    def label(self) -> str: ...  # for messages: the path, and the member if in a zip
    @property
    def size(self) -> int: ...
    def head(self, count: int) -> bytes: ...
    def fingerprint(self) -> str: ...
    def read(self, places: Places, record: int, width: int) -> Bytes: ...
    def stream(self, count: int) -> Iterator[bytes]: ...
    def close(self) -> None: ...


class MappedFile:
    """A plain file, mapped into memory while it is being read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name
        self.label = printable(str(path))
        with told(self.label):
            status = path.stat()
        self.size = status.st_size
        self._modified = status.st_mtime_ns
        self._map: mmap.mmap | None = None

    def head(self, count: int) -> bytes:
        """The first bytes; fewer if the file is shorter."""
        with told(self.label), self.path.open("rb") as file:
            return file.read(count)

    def fingerprint(self) -> str:
        """Changes whenever size, time of change or either end of the file does."""
        with told(self.label), self.path.open("rb") as file:
            first = file.read(EDGE)
            file.seek(max(0, self.size - EDGE))
            last = file.read(EDGE)
        return _digest(f"{self.name} {self.size} {self._modified}".encode(), first, last)

    def read(self, places: Places, record: int, width: int) -> Bytes:
        """(n,) record numbers -> (n, width) the first bytes of those records, copied."""
        if not len(places):
            return np.empty((0, width), np.uint8)
        mapped = self._open()
        sparse = (int(places[-1]) - int(places[0]) + 1) > SPARSE * len(places) or width * SPARSE < record
        if hasattr(mapped, "madvise"):
            mapped.madvise(mmap.MADV_RANDOM if sparse else mmap.MADV_NORMAL)
        rows = np.frombuffer(mapped, np.uint8, self.size // record * record).reshape(-1, record)
        if places[-1] - places[0] + 1 == len(places):
            return rows[places[0] : places[-1] + 1, :width].copy()
        return rows[places, :width]

    def stream(self, count: int) -> Iterator[bytes]:
        """The whole file in pieces."""
        with told(self.label), self.path.open("rb") as file:
            while piece := file.read(count):
                yield piece

    def close(self) -> None:
        """Let go of the map, so that the pages of a file that is done count no longer."""
        if self._map is not None:
            with suppress(BufferError):  # somebody still holds a view: the map goes when that does
                self._map.close()
            self._map = None

    def _open(self) -> mmap.mmap:
        with told(self.label):
            # Reading a map behind the end of a file that was cut would kill the process, so look before each read.
            if self.path.stat().st_size != self.size:
                raise EtlFormatError(f"{self.label}: its size changed while it was open; start again")
            if self._map is None:
                with self.path.open("rb") as file:
                    self._map = mmap.mmap(file.fileno(), self.size, access=mmap.ACCESS_READ)
        return self._map


class ZippedFile:
    """A member of a zip, run through as a stream."""

    def __init__(self, archive: Path, member: zipfile.ZipInfo) -> None:
        self.archive = archive
        self.member = member
        self.name = Path(member.filename).name
        self.label = printable(f"{archive}:{member.filename}")
        self.size = member.file_size
        self._zip: zipfile.ZipFile | None = None
        self._stream: IO[bytes] | None = None
        self._position = 0

    def head(self, count: int) -> bytes:
        """The first bytes; fewer if the member is shorter."""
        self._seek(0)
        return self._take(min(count, self.size))

    def fingerprint(self) -> str:
        """Changes with the member's size, checksum or date, or the archive's size."""
        with told(self.label):
            status = self.archive.stat()
        parts = (self.member.filename, self.size, self.member.CRC, self.member.date_time, status.st_size)
        return _digest(repr((*parts, status.st_mtime_ns)).encode())

    def read(self, places: Places, record: int, width: int) -> Bytes:
        """(n,) record numbers in rising order -> (n, width) the first bytes of those records.

        After the last record the checksum is compared, so whoever indexes a member knows that all of it is sound.
        """
        rows = np.empty((len(places), width), np.uint8)
        for row, place in enumerate(places):
            self._seek(int(place) * record)
            rows[row] = np.frombuffer(self._take(width), np.uint8)
        if len(places) and places[-1] == self.size // record - 1:
            self._seek(self.size)
            self._finish()
        return rows

    def stream(self, count: int) -> Iterator[bytes]:
        """The whole member in pieces; a wrong checksum is told at the end."""
        self._seek(0)
        left = self.size
        while left:
            piece = self._take(min(count, left))
            left -= len(piece)
            yield piece
        self._finish()

    def close(self) -> None:
        """Close the archive; the next read opens it again."""
        for open_file in (self._stream, self._zip):
            if open_file is not None:
                open_file.close()
        self._stream = self._zip = None

    def _seek(self, position: int) -> None:
        """Go on to `position`; a stream can only be run forward, so going back starts again."""
        if self._stream is None or position < self._position:
            self.close()
            with told(self.label):
                self._zip = zipfile.ZipFile(self.archive)
                self._stream = self._zip.open(self.member)
            self._position = 0
        while self._position < position:
            self._take(min(STRIDE, position - self._position))

    def _take(self, count: int) -> bytes:
        assert self._stream is not None
        with told(self.label):
            piece = self._stream.read(count)
            if len(piece) != count:
                raise EOFError
        self._position += count
        return piece

    def _finish(self) -> None:
        """Read past the end, which makes the archive compare its checksum."""
        assert self._stream is not None
        with told(self.label):
            self._stream.read(1)


@contextmanager
def told(label: str) -> Iterator[None]:
    """Turn what the system or the zip says into one clear message."""
    try:
        yield
    except PermissionError:
        raise EtlFormatError(f"{label}: no permission to read it; change its rights (chmod u+r) or copy it") from None
    except FileNotFoundError:
        raise EtlFormatError(f"{label}: there is no such file") from None
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, struct.error):
        raise EtlFormatError(f"{label}: the zip is damaged or cut off; download it again") from None
    except NotImplementedError as error:  # packed in a way that this Python does not know
        raise EtlFormatError(f"{label}: the zip cannot be read ({error}); unpack it first") from None
    except (OSError, ValueError) as error:
        raise EtlFormatError(f"{label}: cannot be read ({error})") from None


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:32]
