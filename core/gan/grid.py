"""The pictures drawn during training: the same fixed latents at every step, tiled into one plain image."""

import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from core.gan.ink import to_ink
from core.gan.model import Latent

ROWS = 60  # classes shown at most: a picture of 3,000 rows helps nobody
COLUMNS = 10
CHUNK = 512  # images generated at a time


class FixedLatents(NamedTuple):
    """What the pictures of a run are drawn from."""

    rows: int
    grid: Latent  # (rows * COLUMNS): a row a class; a column has one noise and one style
    traversal: Latent  # (C * rows * COLUMNS): for every code, a row a class, the code from -1 to 1, all else kept


def row_names(characters: Sequence[str], *, labelled: bool) -> list[str]:
    """What stands beside the rows of classes 0 .. K-1: their characters, or the categorical code's values (c, as in
    the InfoGAN paper) where a recipe without labels ties none of them to a character.
    """
    return list(characters) if labelled else [f"c={value}" for value in range(len(characters))]


def fixed_latents(
    *, classes: int, noise: int, codes: int, seed: int, device: torch.device, domains: int = 1
) -> FixedLatents:
    """Chosen by the seed alone. With several domains the grid's columns go through them in turn, each style once a
    domain; the traversal is in the last one, the look that was asked for beside the others.
    """
    rows = min(classes, ROWS)
    generator = torch.Generator().manual_seed(seed)
    draws = torch.randn(COLUMNS, noise, generator=generator)
    styles = torch.rand(COLUMNS, codes, generator=generator) * 2 - 1
    label = torch.arange(rows).repeat_interleave(COLUMNS)
    shown = last = None
    if domains > 1:
        hand = torch.arange(COLUMNS) // domains
        draws, styles = draws[hand], styles[hand]
        shown = (torch.arange(COLUMNS) % domains).repeat(rows)
        last = torch.full((codes * rows * COLUMNS,), domains - 1)
    grid = Latent(draws.repeat(rows, 1), label, styles.repeat(rows, 1), shown)
    moved = torch.zeros(codes, rows, COLUMNS, codes)
    for code in range(codes):
        moved[code, :, :, code] = torch.linspace(-1, 1, COLUMNS)
    count = codes * rows * COLUMNS
    traversal = Latent(draws[:1].expand(count, -1), label.repeat(codes), moved.view(count, codes), last)
    return FixedLatents(rows, grid.to(device), traversal.to(device))


@torch.no_grad()
def drawn(generator: nn.Module, latent: Latent, *, at_once: int = CHUNK) -> Tensor:
    """(B) latents -> (B, S, S) uint8 where the generator is, 255 = ink; nothing waits for the device."""
    parts = []
    for start in range(0, max(len(latent.label), 1), at_once):  # of none, one empty part
        images = generator(latent.part(slice(start, start + at_once)))
        parts.append(to_ink(images))
    return torch.cat(parts)


def generate(generator: nn.Module, latent: Latent, *, at_once: int = CHUNK) -> NDArray[np.uint8]:
    """The same as an array."""
    return drawn(generator, latent, at_once=at_once).cpu().numpy()


def tiled(images: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """(R * columns, S, S) -> (R * S, columns * S)."""
    side = images.shape[-1]
    rows = len(images) // columns
    return images.reshape(rows, columns, side, side).swapaxes(1, 2).reshape(rows * side, columns * side)


def png(ink: NDArray[np.uint8]) -> bytes:
    """(H, W), 255 = ink -> a PNG for people: dark ink on white paper."""
    buffer = io.BytesIO()
    Image.fromarray(255 - ink).save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()
