"""The pictures of a score card's page: characters beside characters, as PNG bytes. Pillow, no matplotlib."""

from collections.abc import Sequence

import numpy as np

from core.figures.grids import code_values, paper, png
from core.figures.page import Block, Layout, compose, in_panels

SCALE = 64  # pixels that an image is enlarged to
WIDTH = 1100  # pixels of a page


def rows_picture(images: np.ndarray, rows: Sequence[str], columns: Sequence[str] = ()) -> bytes:
    """(R, C, S, S) uint8, 255 = ink, with a label a row; many rows stand in panels side by side."""
    panels, layout = in_panels(Block(images, rows, columns), room=(WIDTH, 1400))
    return png(paper(compose(panels, Layout(min(layout.scale, _scale(images)), layout.across))))


def pairs_picture(above: np.ndarray, below: np.ndarray, names: tuple[str, str], columns: Sequence[str]) -> bytes:
    """Two rows (C, S, S) of images that belong together column by column."""
    block = Block(np.stack([above, below]), names, columns)
    return png(paper(compose([block], Layout(_scale(above), 1))))


def sweeps_picture(images: np.ndarray, rows: Sequence[str], codes: Sequence[str]) -> bytes:
    """(K, R, T, S, S): for each code a block in which it goes from -1 to 1."""
    blocks = [
        Block(each, rows, code_values(images.shape[2]), caption=name) for each, name in zip(images, codes, strict=True)
    ]
    return png(paper(compose(blocks, Layout(_scale(images), 2))))


def _scale(images: np.ndarray) -> int:
    return max(1, SCALE // int(images.shape[-1]))
