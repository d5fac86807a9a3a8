"""The paper under the ink: its grey, which light may slope over the cell, and its grain, image by image."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

LIGHTEST = 200.0  # a level above this is no paper: the cell is full of ink, or inverted
NEAR = 1.5  # deviations around the median that are averaged for the level
SLOPED = 2.5  # deviations around the level, in which there is paper but hardly ink
CLIPPED = 0.95  # what that leaves of the deviation
STEEPEST = 0.3  # of the level: a steeper slope is no light, but print
FINEST = np.float32(1 / 16)  # grey from the middle to an edge, to which a slope is told


def paper_of(images: npt.NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """(n, H, W) -> (n, H, W) the paper's grey, a plane; (n,) deviation of its grain. Ink must cover less than half.

    From the median down there is only paper, and the mean around the median tells the level finer than the few greys of
    a scan do. A plane is fitted to what is near that level, and the grain is what lies around the plane: of 16 greys
    paper may have two alone, of which the median is one, and a level a little too low leaves the paper's darker side as
    ink.
    """
    if not images.size:
        return np.zeros(images.shape, np.float32), np.zeros(len(images), np.float32)
    greys, counts = np.arange(256.0), _histograms(images)
    median = (counts.cumsum(1) * 2 >= counts.sum(1, keepdims=True)).argmax(1)[:, None]
    below = _deviation(counts, median)
    grainy = np.flatnonzero(below)
    next_grey = np.zeros(len(images))
    next_grey[grainy] = _step(counts[grainy])
    near = np.where(np.abs(greys - median) <= np.maximum(NEAR * below, next_grey)[:, None], counts, 0)
    level = np.minimum((near @ greys) / near.sum(1), LIGHTEST)[:, None]
    grain: Floats = np.where(below > 0, np.maximum(below, _deviation(counts, level)), 0).astype(np.float32)
    plane: Floats = np.repeat(level.astype(np.float32), images[0].size, axis=1).reshape(images.shape)
    if len(grainy):
        plane[grainy], grain[grainy] = _sloped(images[grainy], plane[grainy], grain[grainy])
    return plane, grain


def _deviation(counts: Doubles, level: npt.NDArray[np.number]) -> Doubles:
    """(n, 256) pixels of each grey, (n, 1) -> (n,) deviation from the level of what is below it."""
    greys = np.arange(256.0)
    below = np.where(greys < level, counts, counts * (greys == level) / 2)
    deviation: Doubles = np.sqrt((below * (greys - level) ** 2).sum(1) / np.maximum(below.sum(1), 0.5))
    return deviation


def _step(counts: Doubles) -> npt.NDArray[np.int64]:
    """(n, 256) -> (n,) smallest difference of two greys that an image has; each has two."""
    image, grey = np.nonzero(counts)
    apart = np.where(np.diff(image) == 0, np.diff(grey), 256)
    steps = np.full(len(counts), 256)
    np.minimum.at(steps, image[1:], apart)
    return steps


def _sloped(images: npt.NDArray[np.uint8], level: Floats, grain: Floats) -> tuple[Floats, Floats]:
    """(n, H, W), (n, H, W) level, (n,) -> the plane and the grain around it, by least squares over what is paper."""
    height, width = images.shape[1:]
    y, x = np.meshgrid(*(np.linspace(-1, 1, side, dtype=np.float32) for side in (height, width)), indexing="ij")
    terms = np.stack([np.ones_like(x), y, x], axis=-1).reshape(-1, 3)  # (pixels, 3)
    products = (terms[:, :, None] * terms[:, None]).reshape(-1, 9)
    reach = SLOPED * grain[:, None]
    away = (images - level).reshape(len(images), -1)
    paper = (np.abs(away) <= reach).astype(np.float32)
    normal = (paper @ products).reshape(-1, 3, 3) + np.eye(3, dtype=np.float32)  # of hardly any paper: no slope
    steepest = STEEPEST * level[:, 0, :1]
    slope = np.linalg.solve(normal, ((away * paper) @ terms)[:, :, None])[:, 1:, 0]
    slope = np.rint(np.clip(slope, -steepest, steepest) / FINEST) * FINEST  # the sums are rounded as the batch is large
    sloped = slope[:, :1] * terms[:, 1] + slope[:, 1:] * terms[:, 2]
    away -= sloped
    np.copyto(away, 0, where=np.abs(away) > reach)
    around = np.sqrt(np.square(away).sum(1) / np.maximum(paper.sum(1), 1)) / CLIPPED
    return np.maximum(level + sloped.reshape(level.shape), 0), around


def _histograms(images: npt.NDArray[np.uint8]) -> Doubles:
    """(n, H, W) -> (n, 256) pixels of each grey."""
    first = (np.arange(len(images), dtype=np.int64) * 256)[:, None]
    cells = images.reshape(len(images), -1) + first
    return np.bincount(cells.ravel(), minlength=256 * len(images)).reshape(-1, 256).astype(np.float64)
