"""Grey levels as the networks see them."""

import torch
from torch import Tensor


def from_ink(images: Tensor) -> Tensor:
    """(...) uint8, 255 = ink -> the same in [-1, 1]."""
    return images.to(torch.get_default_dtype()).div_(127.5).sub_(1)


def to_ink(images: Tensor) -> Tensor:
    """(B, 1, S, S) in [-1, 1] -> (B, S, S) uint8, 255 = ink."""
    return ((images[:, 0].float() + 1) * 127.5).round().clamp(0, 255).byte()
