"""Chosen characters, sized and split, as one memory-mapped array in the cache."""

import hashlib
import json
import os
import secrets
import shutil
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.config import DataConfig
from core.errors import DataError
from core.glyphs import prepare
from core.glyphs.building import ARRAYS, FACTS, Order, Progress, preparation_of, write_set
from core.glyphs.repertoire import characters as repertoire
from core.glyphs.sources import open_source
from core.rundir import cache_root, write_json

VERSION = 2  # of the files below; part of the fingerprint
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

    def part(self, *, held_out: bool) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """(images, labels) of the training or the held-out side, copied into memory."""
        rows = np.flatnonzero(self.held_out == held_out)
        return self.images[rows], self.labels[rows]


def cache_folder() -> Path:
    """Where prepared sets are, one folder each, named by fingerprint."""
    return cache_root() / "glyphs"


def load(data: DataConfig, *, size: int | None = None, progress: Progress | None = None) -> GlyphSet:
    """The glyph set that `data` describes, from the cache or made now; `size` in place of data.size, 8 .. 256 pixels.

    Unknown character, nothing to train on, a disk that is full: DataError.
    """
    characters = repertoire(data.chars)
    source = open_source(data)
    order = Order(data, source, characters, preparation_of(data, source), size or data.size)
    folder = cache_folder() / _fingerprint(order)
    try:
        return _read(folder, characters)
    except UNUSABLE:  # not there yet, or damaged: (re)build it
        _build(folder, order, progress)
        return _read(folder, characters)


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
    arrays = {}
    for name in ARRAYS:
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
    )


def _checksum(path: Path) -> int:
    value = 0
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            value = zlib.crc32(block, value)
    return value


def _build(folder: Path, order: Order, progress: Progress | None) -> None:
    """Write the set beside its place and rename it there: two builders at once do no harm, the first one wins."""
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")  # hosts share pids
    try:
        temporary.mkdir(parents=True)
        facts = write_set(temporary, order, progress)
        checksums = {name: _checksum(temporary / f"{name}.npy") for name in ARRAYS}
        write_json(temporary / FACTS, {**facts, "checksums": checksums})
        _put(temporary, folder, order.characters)
    except OSError as error:
        raise DataError(
            f"cannot write the prepared glyphs to {folder.parent}: {error.strerror or error}; see ETLGAN_CACHE"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _put(temporary: Path, folder: Path, characters: tuple[str, ...]) -> None:
    """Rename; where a damaged set stands in the way, it goes; where another process was first, its set stays."""
    try:
        temporary.rename(folder)
    except OSError:
        try:
            _read(folder, characters)
        except UNUSABLE:
            shutil.rmtree(folder, ignore_errors=True)
            temporary.rename(folder)
