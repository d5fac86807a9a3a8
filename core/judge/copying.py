"""Does a generated character copy a training image? Distances in a space of its own: blurred pixels of unit length.

Not the judge's features: a classifier is trained to forget style, so two writers' images of one character may lie
closer there than a copy with a little noise. Pixels are blurred by about one, so that noise and the grain of a scan do
not hide a copy, and scaled to unit length, so that a paler copy remains one. Characters differ in how much room writing
leaves (two く are nearer to each other than two ぬ), so a distance counts in units of its class's usual one: the median
from held-out to training images.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core.judge.distances import nearest

BLUR = 1.0  # standard deviation in pixels, at 32 x 32
PERCENTILE = 1.0  # of the held-out images' distances: nearer than that is suspicious

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]
Floats = NDArray[np.float64]


class Copying:
    """Distances to one training set."""

    def __init__(self, images: Images, labels: Labels) -> None:
        self.images, self.labels = images, labels

    def nearest(self, images: Images, labels: Labels) -> tuple[Floats, NDArray[np.int64]]:
        """(n,) distance to the nearest training image of the same class, and (n,) its position in the set."""
        distance, which = np.full(len(labels), np.inf), np.zeros(len(labels), np.int64)
        for label in np.unique(labels):
            here, pool = np.flatnonzero(labels == label), np.flatnonzero(self.labels == label)
            if len(pool):
                distance[here], found = nearest(vectors(images[here]), vectors(self.images[pool]))
                which[here] = pool[found]
        return distance, which

    def usual(self, real: Images, truth: Labels, labels: Labels) -> Floats:
        """(n,) of each label's class: the median distance of its real held-out images; 1 where it has none."""
        return _units(_medians(self.nearest(real, truth)[0], truth), labels)

    def share(self, images: Images, labels: Labels, real: Images, truth: Labels) -> float:
        """Share of images nearer to the training set than all but PERCENTILE % of the real held-out ones are."""
        usual, _ = self.nearest(real, truth)
        unit = _medians(usual, truth)
        counted = np.isin(labels, list(unit))
        if not counted.any():
            return float("nan")
        found, _ = self.nearest(images[counted], labels[counted])
        limit = np.percentile(usual / _units(unit, truth), PERCENTILE)
        return float((found / _units(unit, labels[counted]) < limit).mean())


def vectors(images: Images) -> NDArray[np.float32]:
    """(n, S, S) -> (n, F): averaged down to at most 32 x 32, blurred, of unit length (a blank image: zeros)."""
    side = min(32, images.shape[-1])
    cells = images.shape[-1] // side
    small = images.reshape(-1, side, cells, side, cells).mean((2, 4), dtype=np.float32)
    flat: NDArray[np.float32] = ndimage.gaussian_filter(small, (0, BLUR, BLUR)).reshape(len(images), -1)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    unit: NDArray[np.float32] = flat / np.maximum(length, 1e-6)
    return unit


def _medians(distance: Floats, labels: Labels) -> dict[int, float]:
    return {int(label): float(np.median(distance[labels == label])) for label in np.unique(labels)}


def _units(unit: dict[int, float], labels: Labels) -> Floats:
    return np.array([max(unit.get(label, 1.0), 1e-9) for label in labels.tolist()], np.float64)
