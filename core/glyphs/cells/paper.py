"""The paper under the ink: its grey and its grain, per image, from the histogram alone."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

LIGHTEST = 200.0  # a level above this is no paper: the cell is full of ink, or inverted
NEAR = 1.5  # deviations around the median that are averaged for the level


def paper_of(images: npt.NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """(n, H, W) -> (n,) the paper's mean grey, (n,) its deviation; ink must cover less than half of the cell.

    Seen from the median down there is only paper, so the deviation is taken there; the mean around the median tells
    the level finer than the few grey levels of a scan do.
    """
    if not images.size:
        return np.zeros(len(images), np.float32), np.zeros(len(images), np.float32)
    greys = np.arange(256, dtype=np.float64)
    counts = _histograms(images)  # (n, 256)
    median = (counts.cumsum(1) * 2 >= counts.sum(1, keepdims=True)).argmax(1)[:, None]
    below = np.where(greys < median, counts, counts * (greys == median) / 2)
    grain = np.sqrt((below * (greys - median) ** 2).sum(1) / below.sum(1))
    near = np.where(np.abs(greys - median) <= NEAR * grain[:, None], counts, 0)
    level = (near @ greys) / near.sum(1)
    return np.minimum(level, LIGHTEST).astype(np.float32), grain.astype(np.float32)


def _histograms(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """(n, H, W) -> (n, 256) pixels of each grey."""
    first = (np.arange(len(images), dtype=np.int64) * 256)[:, None]
    cells = images.reshape(len(images), -1) + first
    return np.bincount(cells.ravel(), minlength=256 * len(images)).reshape(-1, 256).astype(np.float64)
