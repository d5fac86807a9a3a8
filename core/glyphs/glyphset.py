"""Chosen characters, sized and split, as one memory-mapped array in the cache."""

import hashlib
import json
import os
import secrets
import shutil
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.config import DataConfig
from core.errors import DataError
from core.glyphs.prepare import AS_IT_IS, Preparation, prepare
from core.glyphs.repertoire import characters as repertoire
from core.glyphs.sources import Index, Source, open_source
from core.rundir import cache_root, write_json

VERSION = 1  # of the files below; part of the fingerprint
ARRAYS = ("images", "labels", "groups", "held_out")  # one NPY file each

UNUSABLE = (OSError, ValueError, LookupError, TypeError, AttributeError)  # what reading a damaged set can raise

Progress = Callable[[int, int], None]  # images done, images in all


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

    def part(self, *, held_out: bool) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """(images, labels) of the training or the held-out side, copied into memory."""
        rows = np.flatnonzero(self.held_out == held_out)
        return self.images[rows], self.labels[rows]


def load(data: DataConfig, *, progress: Progress | None = None) -> GlyphSet:
    """The glyph set that `data` describes, from the cache or made now. Too few images, unknown character: DataError."""
    characters = repertoire(data.chars)
    source = open_source(data)
    fingerprint = _fingerprint(data, source, characters)
    folder = cache_root() / "glyphs" / fingerprint
    try:
        return _read(folder, characters)
    except UNUSABLE:  # not there yet, or damaged: (re)build it
        _build(folder, data, source, characters, progress)
        return _read(folder, characters)


def _fingerprint(data: DataConfig, source: Source, characters: tuple[str, ...]) -> str:
    facts = [VERSION, source.fingerprint(), "".join(characters), data.per_char, data.held_out, data.size, data.seed]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:20]


def _read(folder: Path, characters: tuple[str, ...]) -> GlyphSet:
    """Open a cached set; one of UNUSABLE if its content is not what was written."""
    facts = json.loads((folder / "glyphs.json").read_text())
    if facts["characters"] != list(characters):
        raise ValueError(f"{folder}: damaged")
    arrays = {}
    for name in ARRAYS:
        path = folder / f"{name}.npy"
        if _checksum(path) != facts["checksums"][name]:
            raise ValueError(f"{path}: damaged")
        arrays[name] = np.load(path, mmap_mode="r" if name == "images" else None, allow_pickle=False)
    return GlyphSet(**arrays, characters=characters, fingerprint=folder.name, source=str(facts["source"]))


def _checksum(path: Path) -> int:
    value = 0
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            value = zlib.crc32(block, value)
    return value


def _build(
    folder: Path, data: DataConfig, source: Source, characters: tuple[str, ...], progress: Progress | None
) -> None:
    """Write the set beside its place and rename it there: two builders at once do no harm, the first one wins."""
    index = source.index(characters, per_char=data.per_char, held_out=data.held_out)
    rows, held_out = choose(index, characters, data)
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")  # hosts share pids
    try:
        temporary.mkdir(parents=True)
        _write_images(temporary / "images.npy", source, rows, data.size, progress)
        np.save(temporary / "labels.npy", index.labels[rows])
        np.save(temporary / "groups.npy", index.groups[rows])
        np.save(temporary / "held_out.npy", held_out)
        facts = {
            "source": source.name,
            "characters": characters,
            "checksums": {name: _checksum(temporary / f"{name}.npy") for name in ARRAYS},
        }
        write_json(temporary / "glyphs.json", facts)
        _put(temporary, folder, characters)
    except OSError as error:
        raise DataError(
            f"cannot write the prepared glyphs to {folder.parent}: {error.strerror}; see ETLGAN_CACHE"
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


def _write_images(path: Path, source: Source, rows: NDArray[np.int64], size: int, progress: Progress | None) -> None:
    images = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(len(rows), size, size))
    if hasattr(os, "posix_fallocate"):  # a disk that fills under a memory map is a bus error, here it is an OSError
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    done = 0
    for places, sized in sized_batches(source, rows, size):
        images[places] = sized
        done += len(places)
        if progress:
            progress(done, len(rows))
    images.flush()


def sized_batches(
    source: Source, rows: NDArray[np.int64], size: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
    """`source.batches(rows)`, cleaned where the source is raw, as (n, size, size)."""
    options = Preparation() if source.needs_preparation else AS_IT_IS
    for places, raw in source.batches(rows):
        yield places, raw if raw.shape[1:] == (size, size) and options is AS_IT_IS else prepare(raw, options, size)


def choose(index: Index, characters: tuple[str, ...], data: DataConfig) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Which positions of the index to take: per_char training and held_out other images of every character.

    Returns (rows sorted by label, held-out flags). Where the source has no split of its own, whole groups are held out,
    in an order that depends on data.seed only. Fewer images than asked for: DataError naming the characters.
    """
    flags = index.held_out if index.held_out is not None else _split(index, len(characters), data)
    rows, short = [], []
    for label, character in enumerate(characters):
        here = np.flatnonzero(index.labels == label)
        train, test = here[~flags[here]], here[flags[here]]
        if len(train) < data.per_char or len(test) < data.held_out:
            short.append(f"{character} ({len(train)} + {len(test)})")
        rows.append(np.concatenate([train[: data.per_char], test[: data.held_out]]))
    if short:
        raise DataError(
            f"too few images of {len(short)} characters, such as {', '.join(short[:5])}; asked for "
            f"{data.per_char} + {data.held_out} held out: set data.per_char and data.held_out lower"
        )
    chosen = np.concatenate(rows)
    return chosen, flags[chosen]


def _split(index: Index, classes: int, data: DataConfig) -> NDArray[np.bool_]:
    """Hold out whole groups, in a seeded order, while they hold a character that has not data.held_out images yet."""
    groups, of = np.unique(index.groups, return_inverse=True)
    members = np.split(np.argsort(of, kind="stable"), np.cumsum(np.bincount(of))[:-1]) if len(groups) else []
    have = np.zeros(classes, np.int64)
    out = np.zeros(len(of), bool)
    for group in np.random.default_rng([data.seed, 17]).permutation(len(groups)):
        labels = index.labels[members[group]]
        if (have[labels] < data.held_out).any():
            out[members[group]] = True
            np.add.at(have, labels, 1)
            if (have >= data.held_out).all():
                break
    return out
