"""Slant and stroke thickness of glyph images, vectorised; each twice, by ways that have nothing in common.

Images are (N, H, W), uint8 or float, high is ink, 0 is paper; the scale of grey does not matter. Slant is a shear,
dx / dy: 0 upright, positive when the top leans to the right; `degrees` turns it into an angle. Thickness is in
pixels. A blank image measures nan.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Images = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Measure = Callable[[Images], Floats]

INK = 0.5  # of the image's brightest pixel: from here on a pixel counts as ink where a yes or no is needed
SHEARS = np.linspace(-1.0, 1.0, 41)  # tried by `slant_by_projection`; 1 is 45 degrees
FINER = 2  # times, for the skeleton: half a pixel counts in strokes of two


def slant(images: Images) -> Floats:
    """(N,) shear by image moments: minus u11 / u02, the x that the ink's line of regression gains as y rises."""
    ink = _floats(images)
    y, x = (np.arange(length, dtype=np.float64) for length in ink.shape[1:])
    rows, columns = ink.sum(2), ink.sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mass = rows.sum(1)
        mean_y, mean_x = rows @ y / mass, columns @ x / mass
        u11 = np.einsum("nhw,h,w->n", ink, y, x, optimize=True) / mass - mean_y * mean_x
        u02 = rows @ y**2 / mass - mean_y**2
        return np.where(u02 > 0, -u11 / u02, np.nan)  # minus: rows are counted downwards


def thickness(images: Images) -> Floats:
    """(N,) pixels: twice the ink over the length of its outline, which is the sum of the grey slope's size."""
    ink = _floats(images)
    padded = np.pad(ink, ((0, 0), (1, 1), (1, 1)))
    down, across = np.diff(padded, axis=1), np.diff(padded, axis=2)  # averaged over the four pixels of each corner
    slope = np.hypot(down[:, :, 1:] + down[:, :, :-1], across[:, 1:] + across[:, :-1]) / 2
    outline = slope.sum((1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(outline > 0, 2 * ink.sum((1, 2)) / outline, np.nan).astype(np.float64)


def slant_by_projection(images: Images) -> Floats:
    """(N,) shear that makes the upright strokes stand in the fewest columns: the sharpest sheared column profile."""
    ink = _floats(images)
    if not len(ink):
        return np.empty(0)
    sharpness = np.stack([_profile_sharpness(ink, shear) for shear in SHEARS], axis=1)  # (N, shears)
    best = np.clip(sharpness.argmax(1), 1, len(SHEARS) - 2)
    rows = np.arange(len(ink))
    before, at, after = (sharpness[rows, best + step] for step in (-1, 0, 1))
    bend = before - 2 * at + after
    with np.errstate(invalid="ignore", divide="ignore"):
        between = np.where(bend < 0, 0.5 * (before - after) / bend, 0.0)  # vertex of the parabola through three
    found = SHEARS[best] + np.clip(between, -1, 1) * (SHEARS[1] - SHEARS[0])
    return np.where(ink.sum((1, 2)) > 0, found, np.nan)


def thickness_by_skeleton(images: Images) -> Floats:
    """(N,) pixels: twice the mean distance from the strokes' middle line to the paper, on images twice as fine."""
    measured = np.full(len(images), np.nan)
    for place, image in enumerate(_floats(images)):
        if image.max() > 0:
            fine = ndimage.zoom(np.pad(image, 1), FINER, order=1, grid_mode=True, mode="nearest")
            distance = ndimage.distance_transform_edt(fine > INK * image.max())
            ridge = (distance > 0) & (distance >= ndimage.maximum_filter(distance, size=3))
            # The middle of an odd line is half a pixel farther from the paper than that of an even one.
            measured[place] = (2 * distance[ridge].mean() - 0.5) / FINER if ridge.any() else np.nan
    return measured


def degrees(shear: Floats) -> Floats:
    """A shear as an angle from the upright."""
    return np.degrees(np.arctan(shear))


def _floats(images: Images) -> npt.NDArray[np.float32]:
    if images.ndim != 3:
        raise ValueError(f"images of shape {images.shape}; expected (N, H, W)")
    return images.astype(np.float32, copy=False)


def _profile_sharpness(ink: npt.NDArray[np.float32], shear: float) -> Floats:
    """(N,) sum of squares of the column sums after the image was sheared upright by `shear`."""
    count, height, width = ink.shape
    reach = int(np.ceil(abs(shear) * height / 2)) + 1
    profile = np.zeros((count, width + 2 * reach))
    for row in range(height):
        # A top that leans right by `shear` is moved back by as much: upper rows to the left.
        offset = reach + shear * (row - (height - 1) / 2)
        whole = int(np.floor(offset))
        part = offset - whole
        profile[:, whole : whole + width] += (1 - part) * ink[:, row]
        profile[:, whole + 1 : whole + 1 + width] += part * ink[:, row]
    return np.asarray((profile**2).sum(1))
