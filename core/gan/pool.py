"""The training set as tensors on the device: batches, uniform over characters and within them over domains, or not."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.gan.chance import Chance, Stream
from core.gan.ink import from_ink


class Batch(NamedTuple):
    """A batch as drawn, before augmentation."""

    images: Tensor  # (B, 1, S, S) in [-1, 1], channels last
    label: Tensor  # (B,)
    codes: Tensor  # (B, A) in [-1, 1]
    domain: Tensor | None = None  # (B,) where there are several


class Pool:
    """All training images, sorted by class, resident as uint8."""

    def __init__(
        self,
        images: NDArray[np.uint8],
        labels: NDArray[np.int64],
        codes: NDArray[np.float32],
        device: torch.device,
        *,
        domain: NDArray[np.int64] | None = None,
        domains: int = 1,
        balanced: bool = True,
    ) -> None:
        """images (N, S, S), 255 = ink; labels (N,), every class 0 .. K-1 present; codes (N, A) anchored properties;
        domain (N,) where there are several. balanced: characters are drawn alike, then images; false: images alike.
        """
        cells = labels if domain is None else labels * domains + domain
        order = np.argsort(cells, kind="stable")
        counts = np.bincount(cells, minlength=domains * (int(labels.max()) + 1))
        self.domains, self.balanced = domains, balanced
        self.cells = torch.from_numpy(cells[order]).to(device)  # (N,)
        self.images = torch.from_numpy(np.ascontiguousarray(images[order]))[:, None].to(device)
        self.codes = torch.from_numpy(np.ascontiguousarray(codes[order])).to(device)
        self.counts = torch.from_numpy(counts).to(device)
        self.starts = torch.from_numpy(np.cumsum(counts) - counts).to(device)
        there = torch.from_numpy(counts > 0).view(-1, domains).to(device)  # (K, D)
        self.seen, self.unseen = _Choice(there), _Choice(~there)

    def draw(self, chance: Chance) -> Batch:
        """An image for each of the samples that `chance` draws for: the class uniform, then its domain among those that
        have it, then the image within both; or any image, its class and domain with it.
        """
        if self.balanced:
            cell = chance.below(Stream.CLASS, len(self.counts) // self.domains)
            if self.domains > 1:
                cell = cell * self.domains + self.seen.draw(cell, chance, Stream.DOMAIN)
            rows = self.starts[cell] + chance.below(Stream.IMAGE, self.counts[cell])
        else:
            rows = chance.below(Stream.IMAGE, len(self.cells))
            cell = self.cells[rows]
        label, domain = (cell, None) if self.domains == 1 else (cell // self.domains, cell % self.domains)
        images = from_ink(self.images[rows])
        images = images.contiguous(memory_format=torch.channels_last)
        return Batch(images, label, self.codes[rows], domain)


class _Choice:
    """Uniform draws of one of the domains that are marked for a class."""

    def __init__(self, marked: Tensor) -> None:
        """marked (K, D) bool."""
        self.number = marked.sum(1)  # (K,)
        self.order = torch.argsort((~marked).to(torch.uint8), dim=1, stable=True)  # (K, D) marked ones first

    def draw(self, label: Tensor, chance: Chance, stream: Stream) -> Tensor:
        """(B,) -> (B,); of a class without a marked domain, any."""
        return self.order[label, chance.below(stream, self.number[label].clamp(min=1))]
