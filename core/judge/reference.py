"""The real side of a score card: the judge, the held-out images, and what real training images measure against them."""

from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError
from core.glyphs import glyphset
from core.glyphs.glyphset import GlyphSet
from core.judge.classifier import Judge, Reading
from core.judge.copying import Copying
from core.judge.distances import NEIGHBOURS
from core.judge.judges import judge_for, pupil_for
from core.settings import DataConfig

FEWEST = 20  # held-out images of a character below which its numbers are said to be weak

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]
Progress = Callable[[str, int, int], None]  # what is being done, how far, of how much


class Exhibit(NamedTuple):
    """Images that are judged."""

    images: Images  # (n, S, S)
    labels: Labels  # (n,) what was asked for
    reading: Reading


class Opposite(NamedTuple):
    """What an exhibit is compared with, and what real training images of the same number come to."""

    real: Exhibit  # held out
    train: Exhibit  # as many of each class

    def like(self, exhibit: Exhibit) -> Exhibit:
        """As many of each class of the exhibit as there are real ones, where it has them."""
        return part_of(exhibit, first_of_each(exhibit.labels, self.real.labels))


class Reference:
    """Everything about one data set that does not depend on who draws; made once, used for every column."""

    def __init__(self, data: DataConfig, glyphs: GlyphSet, judge: Judge, domain: int) -> None:
        self.data, self.glyphs, self.judge, self.domain = data, glyphs, judge, domain
        self.characters = glyphs.characters
        self.classes = len(glyphs.characters)
        self._real_pupil: float | None = None
        self._opposites: dict[int, Opposite] = {}

    @classmethod
    def load(cls, data: DataConfig, *, domain: int | None = None, progress: Progress | None = None) -> "Reference":
        """From the cache, or made now. Of several domains one is judged; None: the last. None held out: DataError."""
        glyphs = glyphset.load(data)
        number = len(glyphs.domains) - 1 if domain is None else domain
        if not glyphs.side(held_out=True, domain=number).any():
            where = f" in domain {glyphs.domains[number]}" if len(glyphs.domains) > 1 else ""
            told = f"this run held out no images{where} (data.held_out={data.held_out})"
            raise DataError(f"{told}, so there is nothing to judge it by")
        judge = judge_for(data, domain=number, progress=said(progress, "training the judge"))
        return cls(data, glyphs, judge, number)

    @property
    def key(self) -> tuple[str, ...]:
        """What the controls' numbers depend on."""
        several = len(self.glyphs.domains) > 1
        return (self.glyphs.fingerprint, *([self.glyphs.domains[self.domain]] if several else []))

    def exhibit(self, images: Images, labels: Labels) -> Exhibit:
        """Read by the judge."""
        return Exhibit(images, labels, self.judge.read(images))

    @cached_property
    def train(self) -> tuple[Images, Labels]:
        """The run's training split of this domain."""
        return self.glyphs.part(held_out=False, domain=self.domain)

    @cached_property
    def held_out(self) -> Exhibit:
        """All that nobody learned from."""
        return self.exhibit(*self.glyphs.part(held_out=True, domain=self.domain))

    def whole(self, most: int) -> Opposite:
        """Held-out images, at most so many of each class, for whatever was generated in that number."""
        if most not in self._opposites:
            labels = self.held_out.labels
            counts = np.minimum(np.bincount(labels, minlength=self.classes), most)
            chosen = first_of_each(labels, np.repeat(np.arange(self.classes), counts))
            self._opposites[most] = self._opposite(chosen)
        return self._opposites[most]

    @cached_property
    def halves(self) -> tuple[Opposite, Exhibit]:
        """One half of the held-out writers, and the other half to be judged against it: the ceiling."""
        groups = self.glyphs.groups[self.glyphs.side(held_out=True, domain=self.domain)]
        order = np.random.default_rng(0).permutation(np.unique(groups))
        first = np.isin(groups, order[: (len(order) + 1) // 2])
        if len(order) < 2:  # one sheet, or no groups known: halves by image
            first = np.arange(len(groups)) % 2 == 0
        other = part_of(self.held_out, np.flatnonzero(~first))
        return self._opposite(np.flatnonzero(first)), other

    @cached_property
    def copying(self) -> Copying:
        """Distances to the training images."""
        return Copying(*self.train)

    @cached_property
    def weak(self) -> dict[str, int]:
        """Characters with fewer than FEWEST held-out images, and how many they have: to be told."""
        counts = np.bincount(self.held_out.labels, minlength=self.classes)
        return {c: int(n) for c, n in zip(self.characters, counts, strict=True) if n < FEWEST}

    def real_pupil(self, progress: Progress | None = None) -> float:
        """Share of held-out images read by a network that learned from the run's own training split; cached."""
        if self._real_pupil is None:
            self._real_pupil = self._read_by_pupil(progress)
        return self._real_pupil

    def _read_by_pupil(self, progress: Progress | None) -> float:
        judge = pupil_for(self.data, domain=self.domain, progress=said(progress, "training a reader on real images"))
        return self.share_read(judge)

    def share_read(self, judge: Judge) -> float:
        """Share of the held-out images that a judge reads right."""
        return float((judge.read(self.held_out.images).label == self.held_out.labels).mean())

    def judged(self, opposite: Opposite) -> NDArray[np.int64]:
        """Classes with enough real images for a k-th neighbour."""
        counts = np.bincount(opposite.real.labels, minlength=self.classes)
        return np.flatnonzero(counts > NEIGHBOURS)

    def _opposite(self, rows: NDArray[np.int64]) -> Opposite:
        real = part_of(self.held_out, rows)
        images, labels = self.train
        shuffled = np.random.default_rng(1).permutation(len(labels))
        chosen = shuffled[first_of_each(labels[shuffled], real.labels)]
        return Opposite(real, self.exhibit(images[chosen], labels[chosen]))


def first_of_each(labels: Labels, like: Labels) -> NDArray[np.int64]:
    """Positions of the first images of each class, as many as `like` has of it, or as there are."""
    wanted = np.bincount(like, minlength=int(labels.max(initial=0)) + 1)
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], labels[order])
    return order[np.arange(len(labels)) - starts < wanted[labels[order]]]


def part_of(exhibit: Exhibit, rows: NDArray[np.int64]) -> Exhibit:
    """Some of its images."""
    label, confidence, features = exhibit.reading
    reading = Reading(label[rows], confidence[rows], features[rows])
    return Exhibit(exhibit.images[rows], exhibit.labels[rows], reading)


def said(progress: Progress | None, words: str) -> Callable[[int, int], None] | None:
    """A progress without words, from one with."""
    return None if progress is None else lambda done, total: progress(words, done, total)
