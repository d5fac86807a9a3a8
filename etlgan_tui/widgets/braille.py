"""Curves as braille: 2 x 4 dots a cell, one bit picture a curve. Arrays in, lines of characters out."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from etlgan_tui.pictures import DOT_BITS
from etlgan_tui.series import Envelope, Floats

# Which of every so many pixel columns a curve is drawn in, so that curves differ without colour.
DASHES = ("1", "1110", "10", "111000", "11101000", "1000")
MARKS = ("━━", "╸╸", "··", "━ ", "━·", "· ")  # the same in a legend


class Scale:
    """From values to dot rows, 0 at the top; linear or logarithmic."""

    def __init__(self, low: float, high: float, *, log: bool) -> None:
        self.log = log
        low, high = (math.log10(low), math.log10(high)) if log else (low, high)
        margin = 0.05 * (high - low) or 0.5 * abs(high) or 0.5
        self.low, self.high = low - margin, high + margin

    @classmethod
    def over(cls, envelopes: list[Envelope], *, log: bool) -> Scale | None:
        """The scale that holds every value; None where there is none to show."""
        values = [part[np.isfinite(part) & ((part > 0) | (not log))] for curve in envelopes for part in curve]
        known = np.concatenate(values) if values else np.empty(0)
        return cls(float(known.min()), float(known.max()), log=log) if len(known) else None

    def rows(self, values: Floats, height: int) -> Floats:
        """(N,) values -> dot rows, nan stays nan; `height` is in dots."""
        with np.errstate(invalid="ignore", divide="ignore"):
            shown = np.log10(np.where(values > 0, values, np.nan)) if self.log else values
        return (self.high - shown) / (self.high - self.low) * (height - 1)

    def ticks(self, count: int) -> list[tuple[float, str]]:
        """About `count` round values within the scale, with their labels."""
        if not self.log:
            return nice_ticks(self.low, self.high, count)
        whole = [10.0**power for power in range(math.ceil(self.low), math.floor(self.high) + 1)]
        if len(whole) >= 2:
            return [(value, label(value)) for value in whole[:: -(-len(whole) // max(count, 1))]]
        return [tick for tick in nice_ticks(10**self.low, 10**self.high, count) if tick[0] > 0]


def nice_ticks(low: float, high: float, count: int) -> list[tuple[float, str]]:
    """About `count` values 1, 2 or 5 times a power of ten apart."""
    if not (high > low and math.isfinite(low) and math.isfinite(high)):
        return []
    raw = (high - low) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next((factor * power for factor in (1, 2, 5) if factor * power >= raw), 10 * power)
    first = math.ceil(low / step - 1e-9)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    values = [(first + at) * step for at in range(int((high - low) / step) + 2) if (first + at) * step <= high]
    return [(value, label(value, decimals)) for value in values]


def label(value: float, decimals: int | None = None) -> str:
    """A number in at most seven cells: 1,200 and 1.2M, 0.05 and 1e-05; a dash for what is none."""
    if not math.isfinite(value):
        return "-"
    size = abs(value)
    if size >= 1e6:
        return f"{value / 1e6:.4g}M"
    if size >= 1e4:
        return f"{value / 1e3:.4g}k"
    if decimals is None or (0 < size < 1e-3):
        return f"{value:.4g}"
    return f"{value:.{min(decimals, 4)}f}"


def bits(curve: Envelope, scale: Scale, *, height: int, dash: str = "1") -> NDArray[np.uint8]:
    """A curve of W pixel columns -> (height, W / 2) braille bits; `height` in cells. Neighbours are joined."""
    width, dots = len(curve.low), 4 * height
    top, bottom = scale.rows(curve.high, dots), scale.rows(curve.low, dots)
    bottom = np.where(np.isfinite(top) & np.isnan(bottom), dots - 1, bottom)  # 0 on a logarithmic axis
    known = np.isfinite(top)
    joined = known & np.roll(known, 1)
    joined[:1] = False
    middle = (top + bottom) / 2
    before = np.where(joined, (np.roll(middle, 1) + middle) / 2, middle)
    top, bottom = np.fmin(top, before), np.fmax(bottom, before)
    after = np.where(np.roll(joined, -1), (middle + np.roll(middle, -1)) / 2, middle)
    top, bottom = np.fmin(top, after), np.fmax(bottom, after)
    rows = np.arange(dots)[:, None]
    with np.errstate(invalid="ignore"):
        drawn = (rows >= np.rint(top)) & (rows <= np.rint(bottom))
    drawn &= np.resize(np.array([letter == "1" for letter in dash]), width)
    cells = drawn.reshape(height, 4, width // 2, 2)
    found: NDArray[np.uint8] = (cells * DOT_BITS[None, :, None, :]).sum(axis=(1, 3), dtype=np.uint8)
    return found
