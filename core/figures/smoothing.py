"""The course of a noisy curve: no lag, no pulled-down ends, no gaps filled."""

import math

import numpy as np

SMOOTHING = 1 / 60  # of all report points: standard deviation of the Gaussian
FEWEST_TO_SMOOTH = 12  # points
SPIKE = 5  # points: one or two far-off values among so many do not move the smoothed course


def smooth(values: np.ndarray) -> np.ndarray:
    """The course of values without noise or spikes; gaps are kept. Fewer than FEWEST_TO_SMOOTH: the very same array.

    A straight line is fitted around each point with Gaussian weights: unlike a mean, it does not pull a steep
    beginning down.
    """
    known = np.isfinite(values)
    if known.sum() < FEWEST_TO_SMOOTH:
        return values
    calm = _without_spikes(values[known])
    deviation = max(2.0, len(calm) * SMOOTHING)
    where = np.flatnonzero(known).astype(np.float64)
    reach = math.ceil(3 * deviation)
    offsets = np.arange(-reach, reach + 1)
    kernel = np.exp(-0.5 * (offsets / deviation) ** 2)
    filled = np.zeros(len(values))
    filled[where.astype(np.intp)] = calm
    s0, s1, s2 = (_sums(known.astype(np.float64), kernel * offsets**power) for power in range(3))
    t0, t1 = (_sums(filled, kernel * offsets**power) for power in range(2))
    spread = s0 * s2 - s1**2
    with np.errstate(divide="ignore", invalid="ignore"):
        course = np.where(spread > 1e-6 * s0**2, (s2 * t0 - s1 * t1) / spread, t0 / s0)
    return np.where(known, np.clip(course, calm.min(), calm.max()), np.nan)


def _without_spikes(values: np.ndarray) -> np.ndarray:
    """Values that leave their neighbours by half of what the curve spans are replaced by the neighbours' median."""
    padded = np.pad(values, SPIKE // 2, mode="reflect")
    median = np.median(np.lib.stride_tricks.sliding_window_view(padded, SPIKE), axis=1)
    lowest, highest = np.percentile(values, [5, 95])
    return np.where(np.abs(values - median) > 0.5 * (highest - lowest), median, values)


def _sums(values: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """(N,) sum over j of values[i + j] kernel[j], with j from -reach to reach and nothing beyond the ends."""
    reach = len(kernel) // 2
    return np.convolve(np.pad(values, reach), kernel[::-1], mode="valid")
