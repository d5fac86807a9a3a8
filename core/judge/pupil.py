"""A recogniser as an OCR team would train it: several sources of images, each with its share of every batch."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from core.gan import heap
from core.judge.classifier import BATCH, Judge, fit, seeded

# Classical augmentation of characters, as strong as keeps them the characters that they are.
ROTATION = math.radians(10)
SHEAR = 0.2
SCALE = 0.15  # either way, each axis on its own
SHIFT = 0.1  # of the side, either way
ELASTIC = 0.09  # of half the side: standard deviation of a smooth field of 4 x 4 points
GAMMA = 0.4  # log of the ink's exponent, either way
THICKER = 0.25  # probability of thicker strokes, and of thinner ones


class Food(NamedTuple):
    """Images to learn from."""

    images: NDArray[np.uint8]  # (N, S, S), 255 = ink
    labels: NDArray[np.int64]  # (N,) classes drawn alike, whatever their numbers are
    share: float  # of every batch, 0 .. 1


def train(
    foods: Sequence[Food],
    classes: int,
    *,
    steps: int,
    seed: int,
    augmented: bool = True,
    precision: str = "fp32",
    progress: Callable[[int, int], None] | None = None,
) -> Judge:
    """A judge's network trained on all `foods`, each augmented in the same way; shares add up to 1.

    precision: fp32 or bf16 (faster on some CPUs).
    """
    order = np.random.default_rng([seed, 29])
    drawers = [_Drawer(food, order) for food in foods]
    numbers = _numbers([food.share for food in foods])

    def draw() -> tuple[Tensor, Tensor]:
        parts = [drawer.draw(number) for drawer, number in zip(drawers, numbers, strict=True)]
        images = torch.from_numpy(np.concatenate([part[0] for part in parts])[:, None]).float().div(255)
        batch = augment(images) if augmented else images
        labels = torch.from_numpy(np.concatenate([part[1] for part in parts]))
        return batch.contiguous(memory_format=torch.channels_last), labels

    heap.keep()
    torch.set_flush_denormal(True)  # of few images all is soon learnt: vanishing gradients would cost three times more
    try:
        with seeded(seed):
            pupil = Judge(classes, foods[0].images.shape[-1])
            pupil.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            fit(pupil, draw, steps=steps, precision=precision, progress=progress)
    finally:
        torch.set_flush_denormal(False)  # the state is the whole process's
    return pupil.eval()


def augment(images: Tensor) -> Tensor:
    """(B, 1, S, S) in [0, 1] -> the same: affine and elastic deformation, stroke width, darkness of ink."""
    count, side = len(images), images.shape[-1]
    angle, shear, grow_x, grow_y, x, y = (torch.rand(6, count) * 2 - 1) * torch.tensor(
        [ROTATION, SHEAR, SCALE, SCALE, 2 * SHIFT, 2 * SHIFT]
    )[:, None]
    cos, sin = angle.cos(), angle.sin()
    theta = torch.stack(
        [
            torch.stack([cos * (1 + grow_x), shear - sin, x], 1),
            torch.stack([sin, cos * (1 + grow_y), y], 1),
        ],
        1,
    )  # (B, 2, 3)
    grid = F.affine_grid(theta, [count, 1, side, side], align_corners=False)
    field = F.interpolate(torch.randn(count, 2, 4, 4) * ELASTIC, size=side, mode="bicubic", align_corners=True)
    moved = F.grid_sample(images, grid + field.permute(0, 2, 3, 1), align_corners=False)
    chosen = torch.rand(count, 1, 1, 1)
    thick, thin = F.max_pool2d(moved, 3, 1, 1), -F.max_pool2d(-moved, 3, 1, 1)
    amount = torch.rand(count, 1, 1, 1) * 0.6
    other = torch.where(chosen < THICKER, thick, torch.where(chosen > 1 - THICKER, thin, moved))
    inked = torch.lerp(moved, other, amount).clamp(0, 1)
    return inked ** torch.exp((torch.rand(count, 1, 1, 1) * 2 - 1) * GAMMA)


def _numbers(shares: Sequence[float]) -> list[int]:
    """How many of a batch each share is, at least one; they add up to BATCH."""
    numbers = [max(1, round(share * BATCH)) for share in shares]
    numbers[0] += BATCH - sum(numbers)
    return numbers


class _Drawer:
    """Class-uniform draws."""

    def __init__(self, food: Food, random: np.random.Generator) -> None:
        self.food, self.random = food, random
        self.order = np.argsort(food.labels, kind="stable")
        counts = np.bincount(food.labels)
        self.classes = np.flatnonzero(counts)
        self.counts, self.starts = counts, np.cumsum(counts) - counts

    def draw(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        label = self.random.choice(self.classes, number)
        rows = self.order[self.starts[label] + self.random.integers(0, 2**31, number) % self.counts[label]]
        return self.food.images[rows], self.food.labels[rows]
