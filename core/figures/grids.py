"""Grids of generated characters with their labels: one picture of samples, one of traversals. Pillow, no matplotlib."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from core.figures.page import Block, compose, fit, in_panels
from core.rundir import write_atomic

MOST_ROWS = 60
MOST_COLUMNS = 40
MOST_TRAVERSAL_ROWS = 16  # of each code
MOST_CODES = 16


def labelled_grid(
    images: np.ndarray,
    rows: Sequence[str],
    *,
    path: Path,
    title: str = "",
    columns: Sequence[str] = (),
) -> None:
    """Write a PNG of (R, C, S, S) uint8 images, 255 = ink, with what each row shows at its left.

    Many rows stand in panels side by side; rows past MOST_ROWS and columns past MOST_COLUMNS are left out, and a
    note says so. No images, or labels that do not match them: ValueError.
    """
    whole = Block(images, rows, columns)
    shown = Block(images[:MOST_ROWS, :MOST_COLUMNS], rows[:MOST_ROWS], columns[:MOST_COLUMNS])
    panels, layout = in_panels(shown)
    page = compose(panels, layout, title=title, note=_left_out(whole, shown))
    write_atomic(path, png(paper(page)))


def traversal_grid(
    images: np.ndarray,
    rows: Sequence[str],
    codes: Sequence[str],
    *,
    path: Path,
    title: str = "",
) -> None:
    """Write a PNG of (K, R, T, S, S) uint8 images, 255 = ink: one block a code, which goes from -1 to 1 in T steps.

    `codes` are K captions (slant, thickness, code 3). Rows past MOST_TRAVERSAL_ROWS are left out, and a note says so.
    """
    if images.ndim != 5 or not 0 < len(images) == len(codes):
        raise ValueError(f"{len(codes)} code names for images of {images.shape}")
    ticks = code_values(images.shape[2])
    shown = slice(MOST_TRAVERSAL_ROWS)
    pairs = list(zip(images, codes, strict=True))[:MOST_CODES]
    blocks = [Block(each[shown], rows[shown], ticks, caption=name) for each, name in pairs]
    page = compose(blocks, fit(blocks), title=title, note=_left_out(Block(images[0], rows), blocks[0]))
    write_atomic(path, png(paper(page)))


def code_values(steps: int) -> list[str]:
    """What a code is at each step of a traversal: 3 -> ['−1', '0', '1'] (with real minus signs)."""
    return [f"{round(value, 2) + 0.0:g}".replace("-", "−") for value in np.linspace(-1, 1, steps)]


def _left_out(whole: Block, shown: Block) -> str:
    pairs = zip(("rows", "columns"), shown.images.shape[:2], whole.images.shape[:2], strict=True)
    return ", ".join(f"first {some} of {all_:,} {name}" for name, some, all_ in pairs if some < all_)


def paper(page: np.ndarray) -> np.ndarray:
    """Ink -> what a screen or printer shows."""
    return 255 - page


def png(page: np.ndarray) -> bytes:
    """(h, w) uint8 -> the bytes of a grey PNG."""
    buffer = io.BytesIO()
    Image.fromarray(page).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
