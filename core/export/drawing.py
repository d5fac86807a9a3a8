"""Samples from a generator, in stretches of a fixed length: sample i is the same whoever asks for it, and with whom."""

from collections.abc import Generator
from contextlib import closing
from typing import NamedTuple, Protocol

import numpy as np
import torch

from core.export import styles
from core.export.batch import Batch, Floats, Images, Integers
from core.export.look import as_scanned
from core.export.order import Order
from core.export.prefetch import drawn_ahead
from core.export.request import Request
from core.gan import heap
from core.gan.sample import Sampler

CHUNK = 64  # samples drawn together on a CPU, always: they stay in the cache, and see `together`
ATTEMPTS = 10  # drawn at most for a sample that the judge does not read; then the most certain one is taken
ONE_HAND = -1  # stands for "whatever character" in the key of a style


class Reader(Protocol):
    """A judge: what it reads, and how certain it is."""

    def __call__(self, images: Images) -> tuple[Integers, Floats]:
        """(n, S, S) -> (n,) class numbers of the run, (n,) probabilities."""


class HowDrawn(Protocol):
    """What every request says of the drawing itself."""

    @property
    def domain(self) -> str | None:
        """In whose look; None: the last."""

    @property
    def temperature(self) -> float:
        """What the noise is multiplied by."""

    @property
    def precision(self) -> str:
        """fp32, or bf16: half the time on CPUs that have it, and a grey level here and there is another."""


class Filtered(NamedTuple):
    """What the judge's filter did, a number for each of the request's characters."""

    drawn: Integers  # images that were looked at
    kept_below: Integers  # samples of which no attempt was read as asked with enough confidence


class Drawer:
    """Draws any stretch of an export."""

    def __init__(self, sampler: Sampler, request: Request, *, reader: Reader | None = None) -> None:
        self.sampler, self.request, self.reader = sampler, request, reader
        self.chunk = together(sampler)
        self.order = Order([count for _, count in request.counts])
        self._classes = sampler.labels(request.characters)

    def nothing_filtered(self) -> Filtered:
        """The report before the first sample."""
        count = len(self.request.counts)
        return Filtered(np.zeros(count, np.int64), np.zeros(count, np.int64))

    def batches(self, first: int, end: int, report: Filtered) -> Generator[Batch, None, None]:
        """Samples first .. end - 1 in order; `report` is counted up. To be closed, as `drawn_ahead`."""

        def draw(start: int) -> tuple[Batch, Filtered]:
            own = self.nothing_filtered()
            return self._chunk(start, slice(max(first - start, 0), min(end - start, self.chunk)), own), own

        with closing(drawn_ahead(draw, range(first - first % self.chunk, end, self.chunk))) as ahead:
            for batch, own in ahead:
                for mine, theirs in zip(report, own, strict=True):
                    mine += theirs
                yield batch

    def _chunk(self, start: int, rows: slice, report: Filtered) -> Batch:
        """Called in several threads at once: `report` is this chunk's own."""
        index = np.minimum(np.arange(start, start + self.chunk), self.order.total - 1)
        places = self.order.at(index)
        hand = np.full(self.chunk, ONE_HAND) if self.request.writers else self._classes[places.label]
        codes = styles.codes(self.request.seed, hand, places.turn, self.sampler.codes)
        images = self._images(places.label, hand, places.turn, codes, 0)
        confidence = None
        if self.reader is not None:
            confidence = self._filtered(images, places.label, (hand, places.turn, codes), rows, report)
        label, turn = places.label[rows], places.turn[rows]
        finished = self._finished(images[rows], index[rows], turn)
        return Batch(start + rows.start, finished, label, turn, codes[rows], confidence)

    def _images(self, label: Integers, hand: Integers, turn: Integers, codes: Floats, attempt: int) -> Images:
        noise = styles.noise(self.request.seed, hand, turn, attempt, self.sampler.config.model.noise)
        return sampled(self.sampler, self.request, self._classes[label], codes, noise)

    def _filtered(
        self, images: Images, labels: Integers, style: tuple[Integers, Integers, Floats], rows: slice, report: Filtered
    ) -> Floats:
        """Draw again, with other noise, what the judge does not read; images[rows] are replaced in place."""
        hand, turn, codes = style
        kept, label = images[rows], labels[rows]
        best = self._certainty(kept, label)
        np.add.at(report.drawn, label, 1)
        for attempt in range(1, ATTEMPTS):
            again = best < self.request.confidence
            if not again.any():
                break
            others = self._images(labels, hand, turn, codes, attempt)[rows]
            asked = again | self.sampler.on_cpu  # of a GPU's thousands one is always in doubt: the others go unread
            certain = np.full(len(label), -1, np.float32)
            certain[asked] = self._certainty(others[asked], label[asked])
            certain[~again] = -1
            np.add.at(report.drawn, label[again], 1)
            better = certain > best
            kept[better], best[better] = others[better], certain[better]
        np.add.at(report.kept_below, label[best < self.request.confidence], 1)
        return best

    def _certainty(self, images: Images, label: Integers) -> Floats:
        """(n,) the judge's probability where it reads what was asked for, else 0."""
        assert self.reader is not None
        read, probability = self.reader(images)
        return np.where(read == self._classes[label], probability, 0).astype(np.float32)

    def _finished(self, images: Images, index: Integers, turn: Integers) -> Images:
        if self.request.look == "scanned":
            sheets = turn if self.request.writers else index
            images = as_scanned(images, sheets, index, seed=self.request.seed, large=self.large)
        return 255 - images if self.request.black_on_white else images

    @property
    def large(self) -> bool:
        """Whether scanned cells are 128 x 127 as in ETL8G and ETL9G, else 64 x 63."""
        return self.request.format == "etl9g" or self.sampler.size > 32

    def shape(self) -> tuple[int, int]:
        """Height and width of every image."""
        if self.request.look == "scanned":
            return (127, 128) if self.large else (63, 64)
        return self.sampler.size, self.sampler.size


def use_threads(count: int | None) -> None:
    """CPU threads that draw (see prefetch.py); None: as many as torch would take."""
    heap.keep()
    if count:
        torch.set_num_threads(count)


def together(sampler: Sampler) -> int:
    """Samples drawn in one call, always, since last digits may depend on a batch's length: a GPU wants thousands."""
    return CHUNK if sampler.on_cpu else sampler.at_once


def sampled(sampler: Sampler, request: HowDrawn, labels: Integers, codes: Floats, noise: Floats) -> Images:
    """(n,) class numbers of the run, (n, C) codes, (n, Z) noise -> (n, S, S), as the request says."""
    with torch.autocast(sampler.device.type, torch.bfloat16, enabled=request.precision == "bf16"):
        return sampler.draw(labels, codes=codes, noise=noise, domain=request.domain, temperature=request.temperature)
