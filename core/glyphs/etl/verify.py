"""Is every file what was published? Size, number of records and the historic checksums, one plain row a file."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Literal, NamedTuple

import numpy as np

from core.glyphs.etl.datasets import KnownFile, known_files
from core.glyphs.etl.discover import EtlFile
from core.glyphs.etl.errors import EtlFormatError

PIECE = 1 << 22  # bytes read at a time

Status = Literal["ok", "differs", "unknown"]


class Verified(NamedTuple):
    """The verdict on one file; None where nothing was published or nothing was computed."""

    file: str
    data_set: str
    published_as: str | None
    status: Status
    size: int
    published_size: int | None
    records: int
    published_records: int | None
    sysv: int | None
    published_sysv: int | None
    bsd: int | None
    published_bsd: int | None
    message: str


def verify(
    files: Iterable[EtlFile], *, bsd: bool = False, progress: Callable[[int], None] | None = None
) -> Iterator[Verified]:
    """Check each file against what was published, one row as soon as it is read; `bsd` adds the slower checksum.

    `progress` is told the bytes of every piece read; what it raises ends the reading.
    """
    for file in files:
        try:
            sysv, bsd_sum, size = checksums(_watched(file.source.stream(PIECE), progress), bsd=bsd)
        except EtlFormatError as error:
            yield _row(file, file.known, "differs", file.source.size, None, None, str(error))
            continue
        finally:
            file.source.close()
        known = file.known or _known_by_sum(file, sysv)
        status, message = _verdict(file, known, sysv, bsd_sum, size)
        yield _row(file, known, status, size, sysv, bsd_sum, message)


def missing_files(files: Iterable[EtlFile]) -> list[str]:
    """Published files of the data sets that are there, but for these files."""
    there = {file.known.name for file in files if file.known}
    data_sets = {file.data_set.name for file in files}
    return [name for name, known in known_files().items() if known.data_set.name in data_sets and name not in there]


def checksums(pieces: Iterable[bytes], *, bsd: bool) -> tuple[int, int | None, int]:
    """(System V `sum -s`, BSD `sum -r` or None, bytes) of a stream."""
    total = size = bsd_sum = 0
    for piece in pieces:
        total += int(np.frombuffer(piece, np.uint8).sum(dtype=np.uint64))
        size += len(piece)
        if bsd:
            bsd_sum = bsd_step(bsd_sum, piece)
    return sysv_sum(total), bsd_sum if bsd else None, size


def _watched(pieces: Iterator[bytes], progress: Callable[[int], None] | None) -> Iterator[bytes]:
    for piece in pieces:
        if progress:
            progress(len(piece))
        yield piece


def sysv_sum(total: int) -> int:
    """The System V checksum from the sum of all bytes: 32 bits, the halves added twice."""
    total &= 0xFFFFFFFF
    once = (total & 0xFFFF) + (total >> 16)
    return (once & 0xFFFF) + (once >> 16)


def bsd_step(state: int, piece: bytes) -> int:
    """Go on with the BSD checksum: 16 bits, turned right by one, then a byte added. One byte after the other."""
    turned = _turned()
    for byte in piece:
        state = turned[state] + byte
    return state & 0xFFFF


@cache
def _turned() -> list[int]:
    """Every 16-bit number turned right by one, and on for what a byte more runs over to: no step needs a mask."""
    turned = [number >> 1 | (number & 1) << 15 for number in range(1 << 16)]
    return turned + turned[:256]


def _known_by_sum(file: EtlFile, sysv: int) -> KnownFile | None:
    """A renamed file is told from its siblings of the same size by its checksum."""
    same_set = (known for known in known_files().values() if known.data_set is file.data_set)
    return next((known for known in same_set if known.bytes == file.source.size and known.sysv == sysv), None)


def _verdict(file: EtlFile, known: KnownFile | None, sysv: int, bsd_sum: int | None, size: int) -> tuple[Status, str]:
    if known is None or known.bytes is None:
        rest = size % file.data_set.format.size
        if rest:
            return "differs", f"not a whole number of records, {rest} bytes more: cut off?"
        return "unknown", "nothing was published about such a file"
    if size != known.bytes:
        return "differs", f"{size:,} bytes, published {known.bytes:,}: download or unpack it again"
    if sysv != known.sysv:
        return "differs", f"System V checksum {sysv}, published {known.sysv}: download or unpack it again"
    if bsd_sum is not None and bsd_sum != known.bsd:
        return "differs", f"BSD checksum {bsd_sum:05d}, published {known.bsd:05d}: download or unpack it again"
    return "ok", "as published"


def _row(
    file: EtlFile,
    known: KnownFile | None,
    status: Status,
    size: int,
    sysv: int | None,
    bsd_sum: int | None,
    message: str,
) -> Verified:
    return Verified(
        file=file.source.label,
        data_set=file.data_set.name,
        published_as=known.name if known else None,
        status=status,
        size=size,
        published_size=known.bytes if known else None,
        records=size // file.data_set.format.size,
        published_records=known.records if known else None,
        sysv=sysv,
        published_sysv=known.sysv if known else None,
        bsd=bsd_sum,
        published_bsd=known.bsd if known else None,
        message=message,
    )
