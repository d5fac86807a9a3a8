"""The training set as tensors on the device: class-uniform batches are drawn there."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class Batch(NamedTuple):
    """A batch as drawn, before augmentation."""

    images: Tensor  # (B, 1, S, S) in [-1, 1], channels last
    label: Tensor  # (B,)
    codes: Tensor  # (B, A) in [-1, 1]


class Pool:
    """All training images, sorted by class, resident as uint8."""

    def __init__(
        self, images: NDArray[np.uint8], labels: NDArray[np.int64], codes: NDArray[np.float32], device: torch.device
    ) -> None:
        """images (N, S, S), 255 = ink; labels (N,), every class 0 .. K-1 present; codes (N, A) anchored properties."""
        order = np.argsort(labels, kind="stable")
        counts = np.bincount(labels)
        self.images = torch.from_numpy(np.ascontiguousarray(images[order]))[:, None].to(device)
        self.codes = torch.from_numpy(np.ascontiguousarray(codes[order])).to(device)
        self.counts = torch.from_numpy(counts).to(device)
        self.starts = torch.from_numpy(np.cumsum(counts) - counts).to(device)

    def draw(self, count: int) -> Batch:
        """`count` images: the class uniform, then the image uniform within it."""
        device = self.images.device
        label = torch.randint(len(self.counts), (count,), device=device)
        within = torch.randint(2**31, (count,), device=device) % self.counts[label]  # MPS knows no float64
        rows = self.starts[label] + within
        images = self.images[rows].float().div_(127.5).sub_(1).contiguous(memory_format=torch.channels_last)
        return Batch(images, label, self.codes[rows])
