"""Chosen characters, sized and split, as one memory-mapped array in the cache."""

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError
from core.glyphs import prepare
from core.glyphs.building import ARRAYS, FACTS, Order, Progress, preparation_of, write_set
from core.glyphs.mixing import DOMAIN, Mixture, Part, opened, write_mixture
from core.glyphs.repertoire import characters as repertoire
from core.glyphs.shards import Shards
from core.rundir import cache_root, write_json
from core.settings import DataConfig

VERSION = 2  # of the files below; part of the fingerprint
MIXED_VERSION = "mixed 1"  # of a set of several domains
UNUSABLE = (OSError, ValueError, LookupError, TypeError, AttributeError)  # what reading a damaged set can raise


@dataclass(frozen=True)
class GlyphSet:
    """What a run trains on and is judged by."""

    images: NDArray[np.uint8]  # (N, S, S) read-only memory map, 255 = ink, 0 = paper
    labels: NDArray[np.int64]  # (N,) 0 .. K-1
    groups: NDArray[np.int64]  # (N,) writer or sheet
    held_out: NDArray[np.bool_]  # (N,) true: other writers, never trained on
    characters: tuple[str, ...]  # K labels in their order
    fingerprint: str
    source: str
    problems: tuple[str, ...] = ()  # what was stepped over when it was made, to be told
    domains: tuple[str, ...] = ("",)  # names of the sources that were mixed; one: not a mixture
    domain: NDArray[np.int64] | None = None  # (N,) which of them an image is of; None where there is one

    def part(self, *, held_out: bool, domain: int | None = None) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """(images, labels) of the training or the held-out side (of one domain), copied into memory."""
        rows = self.side(held_out=held_out, domain=domain)
        return self.images[rows], self.labels[rows]

    def side(self, *, held_out: bool, domain: int | None = None) -> NDArray[np.bool_]:
        """(N,) which images those are."""
        rows: NDArray[np.bool_] = self.held_out == held_out
        return rows if domain is None or self.domain is None else rows & (self.domain == domain)

    def domain_of(self, *, held_out: bool) -> NDArray[np.int64] | None:
        """(n,) domain of the images that `part` gives; None where there is one domain."""
        return None if self.domain is None else self.domain[self.held_out == held_out]


def cache_folder() -> Path:
    """Where prepared sets are, one folder each, named by fingerprint."""
    return cache_root() / "glyphs"


def load(data: DataConfig, *, size: int | None = None, progress: Progress | None = None) -> GlyphSet:
    """The glyph set that `data` describes, from the cache or made now; `size` in place of data.size, 8 .. 256 pixels.

    Of several domains the sets are made one by one, then joined: data.per_char and data.held_out hold for each of them,
    and a character may be missing in some. Unknown character, nothing to train on, a disk that is full: DataError.
    """
    parts = opened(data)
    return _whole(data, parts, [_one(_order(part, size), progress) for part in parts], size)


def load_shard(
    data: DataConfig, shard: int, shards: int, *, size: int | None = None, progress: Progress | None = None
) -> GlyphSet | list[int]:
    """Prepare one of so many shards of a set, unless it was done before; the process that finds all of them done joins
    them, and gives what `load` does. Else: which shards are still missing. Errors as of `load`.
    """
    parts, made, missing = opened(data), list[GlyphSet](), set[int]()
    for order in (_order(part, size) for part in parts):
        folder = cache_folder() / _fingerprint(order)
        work = Shards.of(folder, shards)
        try:
            made.append(_read(folder, order.characters))  # that of one process, or joined before
            continue
        except UNUSABLE:
            with _writing(folder.parent):
                work.write(shard, order, progress)
        if left := work.missing():
            missing |= set(left)
            continue
        made.append(_joined(folder, order, work))
        work.remove()
    return sorted(missing) or _whole(data, parts, made, size)


def _joined(folder: Path, order: Order, work: Shards) -> GlyphSet:
    """Two processes may write the last two shards at once, and both come here: the slower one may find them gone."""
    try:
        return _cached(folder, order.characters, lambda temporary: write_set(temporary, order, None, work))
    except DataError:
        with contextlib.suppress(*UNUSABLE):
            return _read(folder, order.characters)
        raise


def _whole(data: DataConfig, parts: list[Part], made: list[GlyphSet], size: int | None) -> GlyphSet:
    """The sets of all domains as one."""
    if len(parts) == 1:
        return made[0]
    characters = repertoire(data.chars)
    mixture = Mixture(data, characters, tuple(part.name for part in parts), tuple(made))
    folder = cache_folder() / _mixed_fingerprint(parts, characters, size)
    return _cached(folder, characters, lambda temporary: write_mixture(temporary, mixture))


def fingerprint(data: DataConfig) -> str:
    """That of the glyph set that `data` describes now; its images are not made for this."""
    parts = opened(data)
    if len(parts) == 1:
        return _fingerprint(_order(parts[0], None))
    return _mixed_fingerprint(parts, repertoire(data.chars), None)


def _one(order: Order, progress: Progress | None) -> GlyphSet:
    folder = cache_folder() / _fingerprint(order)
    return _cached(folder, order.characters, lambda temporary: write_set(temporary, order, progress))


def _cached(folder: Path, characters: tuple[str, ...], write: Callable[[Path], dict[str, Any]]) -> GlyphSet:
    try:
        return _read(folder, characters)
    except UNUSABLE:  # not there yet, or damaged: (re)build it
        _build(folder, characters, write)
        return _read(folder, characters)


def _order(part: Part, size: int | None) -> Order:
    data, source = part.data, part.source
    return Order(data, source, part.characters, preparation_of(data, source), size or data.size)


def _mixed_fingerprint(parts: list[Part], characters: tuple[str, ...], size: int | None) -> str:
    made = [(part.name, _fingerprint(_order(part, size))) for part in parts]
    return hashlib.sha256(json.dumps([MIXED_VERSION, made, characters]).encode()).hexdigest()[:20]


def _fingerprint(order: Order) -> str:
    data = order.data
    source, steps = order.source.fingerprint(), (prepare.VERSION, asdict(order.options))
    chosen = ("".join(order.characters), data.per_char, data.held_out, data.seed, data.strict)
    return hashlib.sha256(json.dumps([VERSION, source, steps, chosen, order.size]).encode()).hexdigest()[:20]


def _read(folder: Path, characters: tuple[str, ...]) -> GlyphSet:
    """Open a cached set; one of UNUSABLE if its content is not what was written."""
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    if facts["characters"] != list(characters):
        raise ValueError(f"{folder}: damaged")
    domains = tuple(map(str, facts.get("domains") or [""]))
    arrays = {}
    for name in ARRAYS + (DOMAIN,) * (len(domains) > 1):
        path = folder / f"{name}.npy"
        if _checksum(path) != facts["checksums"][name]:
            raise ValueError(f"{path}: damaged")
        arrays[name] = np.load(path, mmap_mode="r" if name == "images" else None, allow_pickle=False)
    return GlyphSet(
        **arrays,
        characters=characters,
        fingerprint=folder.name,
        source=str(facts["source"]),
        problems=tuple(map(str, facts["problems"])),
        domains=domains,
    )


def _checksum(path: Path) -> int:
    value = 0
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            value = zlib.crc32(block, value)
    return value


def _build(folder: Path, characters: tuple[str, ...], write: Callable[[Path], dict[str, Any]]) -> None:
    """Write the set beside its place and rename it there: two builders at once do no harm, the first one wins."""
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")  # hosts share pids
    try:
        with _writing(folder.parent):
            temporary.mkdir(parents=True)
            facts = write(temporary)
            checksums = {path.stem: _checksum(path) for path in temporary.glob("*.npy")}
            write_json(temporary / FACTS, {**facts, "checksums": checksums})
            _put(temporary, folder, characters)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def _writing(cache: Path) -> Iterator[None]:
    """What the disk refuses inside is told."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"cannot write the prepared glyphs to {cache}: {error.strerror or error}; see ETLGAN_CACHE"
        ) from error


def _put(temporary: Path, folder: Path, characters: tuple[str, ...]) -> None:
    """Rename; where a damaged set stands in the way, it goes; where another process was first, its set stays."""
    with _one_at_a_time(folder.parent):  # else what goes may be the good set of a third one
        try:
            temporary.rename(folder)
        except OSError:
            try:
                _read(folder, characters)
            except UNUSABLE:
                shutil.rmtree(folder, ignore_errors=True)
                temporary.rename(folder)


@contextlib.contextmanager
def _one_at_a_time(cache: Path) -> Iterator[None]:
    """A lock on the folder, until this ends; a disk that has no locks goes without."""
    descriptor = os.open(cache, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
