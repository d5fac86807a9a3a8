"""Samples of a source, laid out to be looked at: a row a character, as they are or step by step through preparation."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.glyphs.cells.steps import steps
from core.glyphs.prepare import AS_IT_IS, Preparation, prepare
from core.glyphs.sources import Source

Images = NDArray[np.uint8]

WRITERS = 1000  # to choose from, of a source without end


class Sheet(NamedTuple):
    """A page of images with their captions."""

    rows: tuple[str, ...]  # characters
    columns: tuple[str, ...]  # captions, or none
    images: Images  # (R, C, S, S) 255 = ink


class Picked(NamedTuple):
    """Raw cells of some characters, `across` of each."""

    characters: tuple[str, ...]
    across: int
    batches: list[tuple[NDArray[np.int64], Images]]  # (places, row after row, and cells (n, H, W) of one geometry)


def pick(source: Source, characters: Sequence[str], *, across: int, seed: int = 0) -> Picked:
    """`across` cells of each character, or as many as there are, taken at random from all of them; of a source that has
    as many as one likes, from those of its first writers.
    """
    endless = source.counts() is None
    index = source.index(characters, per_char=max(across, WRITERS) if endless else across, held_out=0)
    rng = np.random.default_rng(seed)
    rows, places = [], []
    for label in range(len(characters)):
        here = np.flatnonzero(index.labels == label)
        some = np.sort(rng.permutation(here)[:across])
        rows.append(some)
        places.append(label * across + np.arange(len(some)))
    where = np.concatenate(places)
    batches = [(where[positions], cells) for positions, cells in source.batches(np.concatenate(rows))]
    return Picked(tuple(characters), across, batches)


def leaf(source: Source, character: str, *, first: int, count: int) -> Picked:
    """Images `first` to `first + count` of one character in the order of the source, as many of them as there are."""
    index = source.index((character,), per_char=first + count, held_out=0)
    rows = np.arange(len(index.labels))[first : first + count]
    batches = list(source.batches(rows)) if len(rows) else []
    return Picked((character,), len(rows), batches)


def contact(picked: Picked, size: int, options: Preparation = AS_IT_IS) -> Sheet:
    """A row a character, the cells as they are or prepared; paper where there are fewer of one."""
    return Sheet(picked.characters, (), _sized(picked, options, size))


def before_after(picked: Picked, options: Preparation, size: int) -> Sheet:
    """A row a cell, a column a step of the preparation; the last column is the result."""
    shown = steps(options)
    columns = [_sized(picked, step, size).reshape(-1, size, size) for step in shown.values()]
    rows = tuple(character for character in picked.characters for _ in range(picked.across))
    return Sheet(rows, tuple(shown), np.stack(columns, axis=1))


def _sized(picked: Picked, options: Preparation, size: int) -> Images:
    images = np.zeros((len(picked.characters) * picked.across, size, size), np.uint8)
    for places, cells in picked.batches:
        images[places] = prepare(cells, options, size)
    return images.reshape(len(picked.characters), picked.across, size, size)
