"""Generated characters as a scanner would have seen them: the penman's model of paper, frame and neighbours."""

import numpy as np
from numpy.typing import NDArray

from core.glyphs.penman.scan import rescanned

LEVELS = 16  # of the scanners of ETL1 and ETL8G, ETL9G
BLOCK = 32  # cells at a time: a few megabytes


def as_scanned(
    images: NDArray[np.uint8], sheets: NDArray[np.int64], samples: NDArray[np.int64], *, seed: int, large: bool
) -> NDArray[np.uint8]:
    """(n, S, S) clean, 255 = ink -> (n, 63, 64), or (n, 127, 128) if large: cells of 16 grey levels, 0 .. 255.

    `sheets` (n,) number the paper and the scanner, `samples` (n,) everything else.
    """
    height, width = (127, 128) if large else (63, 64)
    cells = np.empty((len(images), height, width), np.uint8)
    for start in range(0, len(images), BLOCK):
        rows = slice(start, start + BLOCK)
        ink = images[rows].astype(np.float32) * np.float32(1 / 255)
        seen = rescanned(ink, sheets[rows], samples[rows], width=width, height=height, levels=LEVELS, seed=seed)
        cells[rows] = seen.cells * np.uint8(255 // (LEVELS - 1))
    return cells
