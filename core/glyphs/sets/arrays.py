"""A source whose images are one array in memory, as MNIST, KMNIST and K49 are."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError
from core.glyphs.sources import Index

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]

DIGITS = "0123456789"
KMNIST = "おきすつなはまやれを"
K49 = "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわゐゑをんゝ"

LARGEST = 4 << 30  # bytes of one array; the largest set anybody publishes in these formats has 0.2 GB
LONGEST_SIDE = 1024  # pixels


@dataclass(frozen=True)
class Part:
    """One array of images with its labels, such as the training half of a set."""

    images: Bytes  # (N, H, W) 255 = ink
    labels: Integers  # (N,)
    test: bool | None  # a half of the set's own split; None if it has none


class ArraySource:
    """Images of one size with integer labels, and the characters that the labels stand for."""

    needs_preparation = False
    problems: Sequence[str] = ()

    def __init__(self, name: str, parts: Sequence[Part], characters: str, fingerprint: str) -> None:
        self.name = name
        self.characters = characters
        self._fingerprint = fingerprint
        self.images = np.concatenate([part.images for part in parts])
        self.labels = np.concatenate([part.labels for part in parts])
        sides = {part.test for part in parts}
        self.held_out = np.concatenate([np.full(len(part.labels), bool(part.test)) for part in parts])
        self.has_split = sides == {True, False}
        self._rows = np.empty(0, np.int64)

    def fingerprint(self) -> str:
        return self._fingerprint

    def counts(self) -> Mapping[str, int]:
        numbers = np.bincount(self.labels, minlength=len(self.characters))
        return {character: int(count) for character, count in zip(self.characters, numbers, strict=True) if count}

    def index(self, characters: Sequence[str], *, per_char: int, held_out: int) -> Index:
        """Every image of these characters; each its own group, for nobody says who wrote it."""
        del per_char, held_out
        missing = [character for character in characters if character not in self.counts()]
        if missing:
            there = "".join(self.counts())
            raise DataError(
                f"{self.name} holds no image of {' '.join(missing[:10])}; it has {there}, to choose from by data.chars"
            )
        position = np.full(len(self.characters), -1)
        for label, character in enumerate(characters):
            position[self.characters.index(character)] = label
        self._rows = np.flatnonzero(position[self.labels] >= 0)
        split = self.held_out[self._rows] if self.has_split else None
        return Index(position[self.labels[self._rows]], self._rows, split)

    def batches(self, rows: Integers) -> Iterator[tuple[Integers, Bytes]]:
        """(positions in `rows`, their images)."""
        yield np.arange(len(rows)), self.load(rows)

    def load(self, rows: Integers) -> Bytes:
        loaded: Bytes = self.images[self._rows[rows]]
        return loaded


def checked(images: NDArray[np.generic], labels: NDArray[np.generic], *, test: bool | None, name: str) -> Part:
    """Arrays as they came from a file, or DataError: their shapes and types must be those of labelled images."""
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    if images.ndim != 3 or images.dtype != np.uint8 or not 1 <= max(images.shape[1:]) <= LONGEST_SIDE:
        raise DataError(
            f"{name}: {images.dtype} array of shape {images.shape}; expected bytes, (images, height, width)"
        )
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise DataError(f"{name}: labels of type {labels.dtype} and shape {labels.shape}; expected one number an image")
    if len(labels) != len(images):
        raise DataError(f"{name}: {len(images):,} images but {len(labels):,} labels; do the two files belong together?")
    return Part(np.asarray(images, np.uint8), labels.astype(np.int64), test)


def characters_for(parts: Sequence[Part], told: str | None, name: str) -> str:
    """What the labels 0, 1, 2 ... stand for: as told by the set's name, else digits, else K49's hiragana."""
    labels = np.concatenate([part.labels for part in parts])
    if not len(labels):
        raise DataError(f"{name}: holds no images")
    low, high = int(labels.min()), int(labels.max())
    characters = told or next((set_ for set_ in (DIGITS, K49) if high < len(set_)), "")
    if low < 0 or high >= len(characters):
        raise DataError(
            f"{name}: labels run from {low} to {high}, and what they stand for is not known; digits, KMNIST and K49 "
            "are, and what characters.csv (label,character) beside IDX files names; other sets are read as folders of "
            "images named by character"
        )
    return characters
