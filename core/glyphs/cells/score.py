"""How clean is cleaned? Measured on as-scanned cells of the embedded pen, whose truth is known (`etlgan bench data`).

Everything is weighed by ink that the raw cell shows: what a scanner lost, no preparation can keep or drop. `lost` is
the character's own ink that is gone, `left` the neighbours' and the frame's ink that is still there, `paper` the grey
that is left where there is neither, against the paper's own grey.
"""

import time
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from core.glyphs import penman
from core.glyphs.prepare import Preparation, clean

HIRAGANA = "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわをん"
GEOMETRIES = {  # width, height, levels
    "ETL1, 6, 7": (64, 63, 16),
    "ETL2": (60, 60, 64),
    "ETL3, 4, 5": (72, 76, 16),
    "ETL8B, 9B": (64, 63, 2),
    "ETL8G, 9G": (128, 127, 16),
}
GONE = 0.5  # of 255: less than this is nothing
BLANK = 3  # of 255: less truth than this is paper

Floats = npt.NDArray[np.float32]


class Score(NamedTuple):
    """Shares, 0 .. 1, by weight over all cells."""

    cells: int
    lost: float
    left: float
    paper: float
    per_second: float


def score(width: int, height: int, levels: int, *, writers: int, seed: int = 5) -> Score:
    """Clean 46 characters by so many writers each, and compare with the truth."""
    sums = np.zeros(6)
    seconds = 0.0
    for place, character in enumerate(HIRAGANA):
        ids = np.arange(writers) + 1000 * place
        truth = penman.scanned_cell(character, ids, width=width, height=height, levels=levels, seed=seed)
        cells = np.rint(truth.cells.astype(np.float32) * (255 / (levels - 1))).astype(np.uint8)
        start = time.perf_counter()
        cleaned = clean(cells, Preparation())
        seconds += time.perf_counter() - start
        sums += _weights(cells, cleaned, truth)
    own, lost, foreign, left, paper, grey = sums.tolist()
    count = writers * len(HIRAGANA)
    return Score(count, lost / own, left / max(foreign, 1), grey / paper if paper else 0.0, count / seconds)


def _weights(cells: npt.NDArray[np.uint8], cleaned: Floats, truth: penman.ScannedCells) -> npt.NDArray[np.float64]:
    """Own ink, lost; foreign ink, left; paper's grey, left."""
    grey = truth.paper[:, None, None]
    shown = np.maximum(cells.astype(np.float32) - 255 * grey, 0) / (1 - grey)
    is_foreign = truth.foreign > truth.ink
    own = np.where(is_foreign, 0, np.minimum(truth.ink, shown))
    foreign = np.where(is_foreign, np.minimum(truth.foreign, shown), 0)
    gone = cleaned < GONE
    blank = (truth.ink < BLANK) & (truth.foreign < BLANK)
    paper = np.broadcast_to(255 * grey, cells.shape)[blank].sum()
    left = np.where(truth.paper > 0, (cleaned * blank).sum((1, 2)), 0).sum()
    return np.array([own.sum(), own[gone].sum(), foreign.sum(), foreign[~gone].sum(), paper, left], np.float64)
