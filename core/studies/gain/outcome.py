"""What came of an OCR gain: shares, paired differences with bootstrap intervals."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.studies.gain.plan import ARMS, COMPARED

RESAMPLED = 2000  # bootstrap replicates
FEWEST = 10  # writers below which images are drawn anew in their place: one sheet, or no groups known

Right = NDArray[np.bool_]  # (T,)
Groups = NDArray[np.int64]  # (T,)


class Gain(NamedTuple):
    """One arm against another at one number of real images: difference of accuracy, with a 95 % interval."""

    few: int
    arm: str
    over: str  # the arm that it is compared with
    gain: float
    low: float
    high: float


class Outcome(NamedTuple):
    """What was measured."""

    accuracy: dict[int, dict[str, list[float]]]  # by real images, by arm: one share a seed
    gains: list[Gain]

    def seeds(self, few: int) -> int:
        """How many stand behind a number of real images."""
        return max((len(shares) for shares in self.accuracy.get(few, {}).values()), default=0)


def summary(right: Mapping[tuple[int, int], Mapping[str, Right]], groups: Groups) -> Outcome:
    """(real images, seed) -> arm -> right or wrong on each test image; becomes shares, and gains with intervals."""
    accuracy: dict[int, dict[str, list[float]]] = {}
    gains = []
    for n in sorted({n for n, _ in right}):
        done = [answers for (few, _), answers in sorted(right.items(), key=lambda item: item[0]) if few == n]
        accuracy[n] = {arm: [float(each[arm].mean()) for each in done] for arm in ARMS}
        for arm, over in COMPARED:
            differences = np.stack([each[arm].astype(float) - each[over] for each in done])
            gains.append(Gain(n, arm, over, float(differences.mean()), *interval(differences, groups)))
    return Outcome(accuracy, gains)


def interval(differences: NDArray[np.float64], groups: Groups, *, seed: int = 0) -> tuple[float, float]:
    """(S, T) paired differences of test images by `groups` (T,) -> 95 % bootstrap interval of their mean.

    Seeds and writers are drawn anew: images of one writer are not independent of each other.
    """
    random = np.random.default_rng(seed)
    _, of, counts = np.unique(groups, return_inverse=True, return_counts=True)
    if len(counts) < FEWEST:
        of, counts = np.arange(len(groups)), np.ones(len(groups), np.int64)
    sums = np.stack([np.bincount(of, weights=row) for row in differences])  # (S, writers)
    seeds, writers = sums.shape
    means = np.empty(RESAMPLED)
    for number in range(RESAMPLED):
        drawn = random.integers(0, writers, writers)
        rows = sums[random.integers(0, seeds, seeds)]
        means[number] = rows.sum(0)[drawn].sum() / (seeds * counts[drawn].sum())
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
