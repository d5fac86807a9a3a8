"""Curves for screens: growing columns of numbers, averaged over the full data first and decimated to pixels after.

A column keeps running sums and the extremes of its blocks, so that a picture of a million values costs some hundred
look-ups, and appending costs what is appended. Numbers only: no files, no terminal.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BLOCK = 256  # values whose smallest and largest are kept
_FIRST_ROOM = 1024


class Envelope(NamedTuple):
    """What a curve does in each of W pixel columns; nan where it has no value there."""

    low: Floats  # (W,)
    high: Floats  # (W,)


class Column:
    """A growing column of numbers, nan where nothing was measured. Readers may look while it grows."""

    def __init__(self) -> None:
        self.count = 0
        self._values = np.empty(_FIRST_ROOM)
        self._sums = np.zeros(_FIRST_ROOM + 1)  # of the known values before position i
        self._known = np.zeros(_FIRST_ROOM + 1)  # how many those are
        self._low = np.empty(0)
        self._high = np.empty(0)

    @property
    def values(self) -> Floats:
        return self._values[: self.count]

    @property
    def known(self) -> int:
        """How many values were measured."""
        return int(self._known[self.count])

    def extend(self, new: Floats) -> None:
        """Append (N,) values."""
        start, end = self.count, self.count + len(new)
        if end > len(self._values):
            self._grow(end)
        known = np.isfinite(new)
        self._values[start:end] = np.where(known, new, np.nan)
        self._sums[start + 1 : end + 1] = self._sums[start] + np.cumsum(np.where(known, new, 0.0))
        self._known[start + 1 : end + 1] = self._known[start] + np.cumsum(known)
        self.count = end
        self._summarise()

    def mean_around(self, positions: NDArray[np.int64], reach: int) -> Floats:
        """Means of the known values within `reach` of each position; towards both ends the reach shrinks, to a
        quarter, so that a steep beginning is hardly pulled down. nan where nothing is known."""
        near = np.clip(np.minimum(positions, self.count - 1 - positions), -(-reach // 4), reach)
        first, last = np.maximum(positions - near, 0), np.minimum(positions + near + 1, self.count)
        known = self._known[last] - self._known[first]
        with np.errstate(divide="ignore", invalid="ignore"):
            mean: Floats = np.where(known > 0, (self._sums[last] - self._sums[first]) / known, np.nan)
        return mean

    def extremes(self, first: int, last: int, edges: NDArray[np.int64]) -> Envelope:
        """Smallest and largest value between consecutive `edges` (W + 1,), positions from `first` to `last`."""
        if last - first > 64 * BLOCK and len(edges) * BLOCK * 2 < last - first:
            return _between(self._low, self._high, edges // BLOCK)
        return _between(self._values[: self.count], self._values[: self.count], edges)

    def _grow(self, needed: int) -> None:
        """New buffers, twice as large: whoever still reads the old ones is not disturbed."""
        room = max(2 * len(self._values), needed)
        self._values = np.concatenate([self._values, np.empty(room - len(self._values))])
        self._sums = np.concatenate([self._sums, np.zeros(room + 1 - len(self._sums))])
        self._known = np.concatenate([self._known, np.zeros(room + 1 - len(self._known))])

    def _summarise(self) -> None:
        done = len(self._low)
        whole = self.count // BLOCK
        if whole > done:
            blocks = self._values[done * BLOCK : whole * BLOCK].reshape(-1, BLOCK)
            self._low = np.concatenate([self._low, np.fmin.reduce(blocks, axis=1)])
            self._high = np.concatenate([self._high, np.fmax.reduce(blocks, axis=1)])


def _between(low: Floats, high: Floats, edges: NDArray[np.int64]) -> Envelope:
    """Extremes of each stretch; an empty stretch is nan."""
    starts, ends = edges[:-1], np.minimum(edges[1:], len(low))
    result = Envelope(np.full(len(starts), np.nan), np.full(len(starts), np.nan))
    used = starts < ends
    if used.any():
        # neighbouring stretches share their edge, so that reduceat over the used starts covers each exactly
        at = starts[used]
        stop = ends[used][-1]
        result.low[used] = np.fmin.reduceat(low[:stop], at)
        result.high[used] = np.fmax.reduceat(high[:stop], at)
    return result


def envelope(x: Floats, y: Column, *, view: tuple[float, float], width: int, smoothing: float = 0.0) -> Envelope:
    """A curve as `width` pixel columns of the x range `view`.

    `smoothing` is the reach of the mean as a share of all points of the curve; 0 draws the smallest and largest value
    of each pixel column. Between points the curve is a straight line; it is broken where y is nan.
    """
    count = min(len(x), y.count)
    x = x[:count]
    nothing = Envelope(np.full(width, np.nan), np.full(width, np.nan))
    if not count or width < 1 or view[1] <= view[0]:
        return nothing
    first = max(int(np.searchsorted(x, view[0], "left")) - 1, 0)
    last = min(int(np.searchsorted(x, view[1], "right")) + 1, count)
    if last <= first:
        return nothing
    reach = round(smoothing * count)
    if last - first <= 4 * width:
        return _sparse(x, y, slice(first, last), view=view, width=width, reach=reach)
    borders = np.linspace(*view, width + 1)
    edges = np.clip(np.searchsorted(x, borders), first, last)
    if not reach:
        return y.extremes(first, last, edges)
    centres = np.clip((edges[:-1] + edges[1:]) // 2, first, last - 1)
    mean = y.mean_around(centres, reach)
    mean[edges[:-1] >= edges[1:]] = np.nan
    return Envelope(mean, mean)


def _sparse(x: Floats, y: Column, part: slice, *, view: tuple[float, float], width: int, reach: int) -> Envelope:
    """Few points: each is drawn, with straight lines between neighbours that both have a value."""
    low, high = np.full(width, np.nan), np.full(width, np.nan)
    here = np.arange(part.start, part.stop)
    values = y.mean_around(here, reach) if reach else y.values[part]
    values = np.where(np.isfinite(y.values[part]), values, np.nan)
    pixels = (x[part] - view[0]) / (view[1] - view[0]) * (width - 1)
    grid = np.arange(width, dtype=np.float64)
    if len(pixels) > 1:
        right = np.clip(np.searchsorted(pixels, grid, "left"), 1, len(pixels) - 1)
        left = right - 1
        span = pixels[right] - pixels[left]
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(span > 0, (grid - pixels[left]) / span, 0.0)
        line = values[left] * (1 - share) + values[right] * share
        inside = (grid >= pixels[0]) & (grid <= pixels[-1])
        low[inside] = high[inside] = line[inside]
    at = np.rint(pixels).astype(np.int64)
    seen = (at >= 0) & (at < width) & np.isfinite(values)
    low[np.isnan(low)] = np.inf
    high[np.isnan(high)] = -np.inf
    np.minimum.at(low, at[seen], values[seen])
    np.maximum.at(high, at[seen], values[seen])
    empty = low > high
    low[empty] = high[empty] = np.nan
    return Envelope(low, high)
