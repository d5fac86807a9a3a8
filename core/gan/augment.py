"""Character-safe augmentation of what D sees, on batches, on the device.

Small moves, turns, scale and shear, a change of ink, a cut-out. No flips, no quarter turns: they make other characters.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from core.gan.chance import Chance, Stream

SHIFT = 0.12  # of the image's side, either way
SCALE = 0.15  # 0.85 .. 1.15
ANGLE = math.radians(8)
SHEAR = 0.10
CUTOUT = 0.25  # side of the square that is blanked, of the image's side
INK = 0.3  # ink contrast: exponent e^-0.3 .. e^0.3


class Draw(NamedTuple):
    """One random choice for a batch; the same draw may be applied to real and generated images."""

    affine: Tensor  # (B, 2, 3) for affine_grid
    gamma: Tensor  # (B,)
    corner: Tensor  # (B, 2) of the cut-out, in 0 .. 1; outside the image where there is none
    intact: Tensor  # (B,) 1 where slant and thickness are as they were


def draw(chance: Chance, stream: Stream, probability: float) -> Draw:
    """Choose for every sample; each kind of change happens with `probability`, independently."""
    drawn = chance.uniform(stream, 12)
    uniform = drawn[:, :8] * 2 - 1
    happens = (drawn[:, 8:] < probability).to(drawn.dtype)
    shape = happens[:, 0]
    scale = 1 + SCALE * uniform[:, 0] * shape
    angle, shear = ANGLE * uniform[:, 1] * shape, SHEAR * uniform[:, 2] * shape
    cos, sin = angle.cos(), angle.sin()
    shift = 2 * SHIFT * uniform[:, 3:5] * happens[:, 1:2]
    rows = [
        scale * cos,
        scale * (shear * cos - sin),
        shift[:, 0],
        scale * sin,
        scale * (shear * sin + cos),
        shift[:, 1],
    ]
    corner = (uniform[:, 5:7] + 1) / 2 * (1 + CUTOUT) - CUTOUT + 2 * (1 - happens[:, 2:3])
    gamma = torch.exp(INK * uniform[:, 7] * happens[:, 3])
    return Draw(torch.stack(rows, 1).view(-1, 2, 3), gamma, corner, (1 - shape) * (1 - happens[:, 3]))


def apply(images: Tensor, choice: Draw) -> Tensor:
    """(B, 1, S, S) in [-1, 1] -> the same shape and range; differentiable, paper comes in from outside."""
    ink = (images.to(torch.get_default_dtype()) + 1) / 2
    grid = F.affine_grid(choice.affine, list(ink.shape), align_corners=False)
    ink = F.grid_sample(ink, grid, align_corners=False)
    ink = ink.clamp(1e-4, 1) ** choice.gamma[:, None, None, None]
    places = (torch.arange(ink.shape[-1], device=ink.device) + 0.5) / ink.shape[-1]
    inside = (places >= choice.corner[..., None]) & (places < choice.corner[..., None] + CUTOUT)  # (B, 2, S)
    return ink * ~(inside[:, 0, :, None] & inside[:, 1, None, :])[:, None] * 2 - 1
