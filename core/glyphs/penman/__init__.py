"""Embedded handwriting: stroke centre lines and a parametric pen, so that a machine without ETL has data of its own.

`render` gives clean images, or cells as a scanner gives them; `scanned_cell` gives such cells with the truth apart.
A sample depends on (seed, character, writer, sample) and on nothing else, not even on its batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError
from core.glyphs.penman.master import polyline
from core.glyphs.penman.noise import Floats
from core.glyphs.penman.pen import written
from core.glyphs.penman.raster import rasterise
from core.glyphs.penman.scan import ScannedCells, scanned
from core.glyphs.penman.strokes import characters, strokes_of

__all__ = ["SIZES", "VERSION", "ScannedCells", "characters", "outline", "render", "scanned_cell"]

VERSION = 1  # of the images: raise it when the same call draws something else, so that caches are made anew
SIZES = range(16, 129)
SHARP = 48  # pixels: smaller images are drawn at twice the size and averaged, else thin strokes lose their shape
CHUNK = 128  # samples drawn at once: their images stay in the cache


def render(
    character: str,
    writers: Sequence[int] | NDArray[np.integer],
    *,
    size: int = 64,
    style: Literal["clean", "scanned"] = "clean",
    seed: int = 0,
    sample: int = 0,
) -> NDArray[np.uint8]:
    """(n, size, size) images of one character, one a writer; 255 is ink, 0 is paper."""
    if size not in SIZES:
        raise DataError(
            f"the embedded pen draws {SIZES[0]} to {SIZES[-1]} pixels, not {size}; choose a size in between"
        )
    if style == "scanned":
        return scanned_cell(character, writers, width=size, height=size, levels=16, seed=seed, sample=sample).cells * 17
    ids = _ids(writers)
    out = np.empty((len(ids), size, size), np.uint8)
    for begin in range(0, len(ids), CHUNK):
        part = ids[begin : begin + CHUNK]
        out[begin : begin + CHUNK] = _clean(character, part, size=size, seed=seed, sample=sample)
    return out


def _ids(writers: Sequence[int] | NDArray[np.integer]) -> NDArray[np.intp]:
    """Writers are numbers from 0 on."""
    ids = np.asarray(writers, np.intp).reshape(-1)
    if len(ids) and ids.min() < 0:
        raise DataError(f"writers are numbers from 0 on, not {ids.min()}")
    return ids


def scanned_cell(
    character: str,
    writers: Sequence[int] | NDArray[np.integer],
    *,
    width: int,
    height: int,
    levels: int,
    seed: int = 0,
    sample: int = 0,
) -> ScannedCells:
    """Raw cells of one character, one a writer, in `levels` grey levels (2 .. 256), and the truth about them."""
    if min(width, height) < SIZES[0] or max(width, height) > SIZES[-1] or not 2 <= levels <= 256:
        raise DataError(
            f"a scanned cell has {SIZES[0]} to {SIZES[-1]} pixels a side and 2 to 256 levels, not {width} x {height} "
            f"with {levels}; ETL's cells are 64 x 63, 72 x 76, 60 x 60 or 128 x 127 with 2, 16 or 64 levels"
        )
    ids = _ids(writers)
    parts = [
        scanned(character, ids[i : i + CHUNK], width=width, height=height, levels=levels, seed=seed, sample=sample)
        for i in range(0, max(len(ids), 1), CHUNK)
    ]
    return ScannedCells(*(np.concatenate(layer) for layer in zip(*parts, strict=True)))


def outline(character: str) -> list[NDArray[np.float64]]:
    """The plain centre line of each stroke, (n, 2) in the unit box, x right, y down: for labels in plots."""
    return [polyline(stroke, steps=8) for stroke in strokes_of(character)]


def _clean(character: str, writers: NDArray[np.intp], *, size: int, seed: int, sample: int) -> NDArray[np.uint8]:
    fine = size if size >= SHARP else 2 * size
    image: Floats = np.empty((len(writers), fine, fine), np.float32)
    for rows, segments in written(character, writers, seed=seed, sample=sample):
        image[rows] = rasterise(segments, height=fine, width=fine, scale=fine / 2)
    if fine != size:
        image = (image[:, ::2, ::2] + image[:, 1::2, ::2] + image[:, ::2, 1::2] + image[:, 1::2, 1::2]) * np.float32(
            0.25
        )
    grey: NDArray[np.uint8] = np.rint(image * 255).astype(np.uint8)
    return grey
