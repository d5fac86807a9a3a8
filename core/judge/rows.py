"""The rows of the score card that need images only: each a function from what is judged to numbers by name.

Accuracies and shares are 0 .. 1, distances in the judge's features. A number that cannot be had is left out.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from core.judge.classifier import train
from core.judge.distances import Fidelity, density_coverage, frechet, kernel_distance, spread, unbiased_kernel_distance
from core.judge.judges import reader_precision, steps_for
from core.judge.reference import Exhibit, Images, Labels, Opposite, Progress, Reference, said

Numbers = dict[str, float]


class Case(NamedTuple):
    """One column's images and what they are held against."""

    made: Exhibit
    opposite: Opposite
    reference: Reference


def labels_right(case: Case) -> Numbers:
    """Row 2: read as asked, and the worst class."""
    right = case.made.reading.label == case.made.labels
    each = per_class(right, case.made.labels, case.reference.classes)
    return {"gan_test": float(right.mean()), "gan_test_worst": float(np.nanmin(each))}


def distances(case: Case) -> Numbers:
    """Row 4: Frechet and kernel distance to held-out images, and how much larger than real training images'.

    Ratios are of estimates that are biased alike (equally many images); the kernel distance itself is unbiased.
    """
    mine, theirs = case.opposite.like(case.made), case.opposite.real
    made, real = mine.reading.features, theirs.reading.features
    fcds = [frechet(side, real) for side in (made, case.opposite.train.reading.features)]
    kernels = [kernel_distance(side, real) for side in (made, case.opposite.train.reading.features)]
    return {
        "fcd": fcds[0],
        "fcd_ratio": _ratio(*fcds),
        "kid": unbiased_kernel_distance(made, mine.labels, real, theirs.labels),
        "kid_ratio": _ratio(*kernels),
    }


def coverage(case: Case) -> Numbers:
    """Row 5: density and coverage within each class, averaged; coverage also over real training images'."""
    classes = case.reference.judged(case.opposite)
    made = case.opposite.like(case.made)
    sides = [[_fidelity(case.opposite.real, side, label) for label in classes] for side in (made, case.opposite.train)]
    if not len(classes):
        return {}
    (density, covered), (_, by_train) = (np.mean(side, axis=0) for side in sides)
    return {"density": float(density), "coverage": float(covered), "coverage_ratio": _ratio(covered, by_train)}


def variety(case: Case) -> Numbers:
    """Row 6: within-class spread over real's, overall and of the class at the 5th percentile."""
    made, real = case.opposite.like(case.made), case.opposite.real
    classes = case.reference.classes
    mine, theirs = (_padded(spread(side.reading.features, side.labels), classes) for side in (made, real))
    ratios = (mine / theirs)[np.isfinite(mine / theirs)]
    if not len(ratios):
        return {}
    return {"spread": float(np.mean(ratios)), "spread_p5": float(np.percentile(ratios, 5))}


def memorised(case: Case) -> Numbers:
    """Row 7: share nearer to a training image than the nearest 1 % of held-out ones."""
    real, made = case.opposite.real, case.made
    return {"memorised": case.reference.copying.share(made.images, made.labels, real.images, real.labels)}


ROWS: Mapping[int, Callable[[Case], Numbers]] = MappingProxyType(
    {2: labels_right, 4: distances, 5: coverage, 6: variety, 7: memorised}
)


def can_be_had(row: int, case: Case) -> bool:
    """Whether there are images enough: one for labels; for what compares sets two of each, which have a spread."""
    if row == 2:
        return len(case.made.labels) > 0
    sides = (case.opposite.real, case.opposite.train, case.opposite.like(case.made))
    return min(len(side.labels) for side in sides) > 1


def gan_train(
    images: Images, labels: Labels, reference: Reference, *, seed: int = 0, progress: Progress | None = None
) -> Numbers:
    """Row 1: what a judge that saw only these images reads of the held-out ones, and how much less than one of real."""
    pupil = train(
        images,
        labels,
        reference.classes,
        steps=steps_for(reference.classes, len(labels)),
        seed=seed,
        precision=reader_precision(),
        progress=said(progress, "training a reader on generated images"),
    )
    mine, real = reference.share_read(pupil), reference.real_pupil(progress)
    return {"gan_train": mine, "gan_train_gap": real - mine}


def per_class(values: np.ndarray, labels: Labels, classes: int) -> np.ndarray:
    """(K,) means; nan for a class without any."""
    sums = np.bincount(labels, weights=values, minlength=classes)
    counts = np.bincount(labels, minlength=classes)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _fidelity(real: Exhibit, made: Exhibit, label: int) -> Fidelity:
    own = made.reading.features[made.labels == label]
    return density_coverage(real.reading.features[real.labels == label], own) if len(own) else Fidelity(0.0, 0.0)


def _padded(values: np.ndarray, length: int) -> np.ndarray:
    return np.pad(values, (0, length - len(values)), constant_values=np.nan)


def _ratio(a: float, b: float) -> float:
    return float(a / b) if b > 0 else float("nan")
