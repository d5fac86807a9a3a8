"""Targets of the anchored codes: where an image stands within its class in slant and in stroke thickness."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from core.glyphs import measures
from core.settings import RunConfig

NAMES = ("slant", "thickness")  # code 0, code 1
CHUNK = 256  # images measured at a time: measures work in floats, which no cache (and for a large set no memory) holds


def anchored(config: RunConfig) -> int:
    """How many codes are tied to a measured property: none without labels, never more than there are."""
    return 0 if config.recipe.unsupervised else min(config.model.anchored, config.model.codes)


def code_names(codes: int, anchored: int) -> list[str]:
    """What each continuous code is called: ['slant', 'thickness', 'code 2', ...]."""
    return [NAMES[i] if i < anchored else f"code {i}" for i in range(codes)]


def anchored_codes(images: NDArray[np.uint8], labels: NDArray[np.int64], anchored: int) -> NDArray[np.float32]:
    """(N, S, S) and (N,) -> (N, anchored) quantiles within the class, spread evenly over (-1, 1).

    Ranks within the class, since the moment slant and the thickness estimate depend on the glyph; an image that cannot
    be measured (blank) gets 0.
    """
    measured = [_measured(function, images) for function in (measures.slant, measures.thickness)[:anchored]]
    codes = np.zeros((len(images), anchored), np.float32)
    for column, values in enumerate(measured):
        usable = np.flatnonzero(np.isfinite(values))
        order = usable[np.lexsort((values[usable], labels[usable]))]  # class by class, rising
        counts = np.bincount(labels[order], minlength=int(labels.max(initial=-1)) + 1)
        rank = np.arange(len(order)) - (np.cumsum(counts) - counts)[labels[order]]
        codes[order, column] = (2 * rank + 1) / counts[labels[order]] - 1
    return codes


def _measured(measure: measures.Measure, images: NDArray[np.uint8]) -> measures.Floats:
    """(N, S, S) -> (N,)."""
    chunks = [images[start : start + CHUNK] for start in range(0, max(len(images), 1), CHUNK)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return np.concatenate(list(pool.map(measure, chunks)))
