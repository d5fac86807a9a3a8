"""How far apart are two sets of images? Plain arrays in, numbers out; nothing here knows where the vectors come from.

Vectors are (n, F) float32: a judge's features, or blurred pixels. Estimates from few vectors are biased, so only those
from equally many are compared.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

NEIGHBOURS = 5  # k of density and coverage
CHUNK = 2048  # rows of a distance matrix held at a time


class Fidelity(NamedTuple):
    """Density and coverage (Naeem et al. 2020)."""

    density: float  # 1 where both sets are alike; above 1: crowded where real images are
    coverage: float  # share of real vectors with a generated one nearer than their k-th real neighbour, 0 .. 1


def squared(a: Vectors, b: Vectors) -> Vectors:
    """(n, F), (m, F) -> (n, m) squared Euclidean distances."""
    product = -2 * (a @ b.T)
    product += np.square(a).sum(1)[:, None]
    product += np.square(b).sum(1)[None]
    clipped: Vectors = np.maximum(product, 0, out=product)
    return clipped


def nearest(queries: Vectors, pool: Vectors) -> tuple[Floats, NDArray[np.int64]]:
    """(n,) distance of each query to its nearest vector of the pool, and (n,) which one that is."""
    distance, which = np.empty(len(queries)), np.empty(len(queries), np.int64)
    for start in range(0, len(queries), CHUNK):
        here = slice(start, start + CHUNK)
        found = squared(queries[here], pool)
        which[here] = found.argmin(1)
        distance[here] = np.sqrt(found.min(1))
    return distance, which


def density_coverage(real: Vectors, made: Vectors, k: int = NEIGHBOURS) -> Fidelity:
    """Of one class. Needs more than k real vectors: ValueError otherwise."""
    if len(real) <= k:
        raise ValueError(f"{len(real)} real vectors have no {k}-th neighbour")
    own = squared(real, real)
    np.fill_diagonal(own, -1)  # a vector is its own zeroth neighbour, whatever rounding says
    radii = np.partition(own, k, axis=1)[:, k]
    inside = squared(real, made) < radii[:, None]  # (real, made)
    return Fidelity(float(inside.sum() / (k * len(made))), float(inside.any(1).mean()))


def frechet(a: Vectors, b: Vectors) -> float:
    """Squared Frechet distance of the Gaussians fitted to two sets: FID, with the caller's features."""
    (mean_a, root), (mean_b, other) = _gaussian(a), _gaussian(b)
    values, axes = np.linalg.eigh(root)
    half = (axes * np.sqrt(np.clip(values, 0, None))) @ axes.T  # symmetric root of a's covariance
    cross = np.sqrt(np.clip(np.linalg.eigvalsh(half @ other @ half), 0, None)).sum()
    return float(np.square(mean_a - mean_b).sum() + np.trace(root) + np.trace(other) - 2 * cross)


def kernel_distance(a: Vectors, b: Vectors) -> float:
    """Squared MMD with the kernel (x.y / F + 1)^3: KID, biased: it includes each vector's pair with itself; never < 0.

    Ratios need it so: the unbiased one of two alike sets is about 0, and as often below.
    """
    return _mean_kernel(a, a) + _mean_kernel(b, b) - 2 * _mean_kernel(a, b)


def unbiased_kernel_distance(a: Vectors, a_labels: Labels, b: Vectors, b_labels: Labels) -> float:
    """The same without bias, about 0 for alike sets, where each class is sampled on its own (so many of each).

    Pairs of one class go without a vector's pair with itself, and count as much as they did with it. Classes of one
    vector keep theirs.
    """
    own = _mean_kernel(a, a) - _own_pairs(a, a_labels) + _mean_kernel(b, b) - _own_pairs(b, b_labels)
    return own - 2 * _mean_kernel(a, b)


def spread(vectors: Vectors, labels: Labels) -> Floats:
    """(K,) mean distance of a class's vectors from their centre; nan for a class with fewer than two."""
    found = np.full(int(labels.max(initial=-1)) + 1, np.nan)
    for label in range(len(found)):
        own = vectors[labels == label]
        if len(own) > 1:
            found[label] = np.linalg.norm(own - own.mean(0), axis=1).mean()
    return found


def _gaussian(vectors: Vectors) -> tuple[Floats, Floats]:
    return vectors.mean(0, dtype=np.float64), np.cov(vectors.astype(np.float64), rowvar=False)


def _mean_kernel(a: Vectors, b: Vectors) -> float:
    parts = (a[start : start + CHUNK] for start in range(0, len(a), CHUNK))
    return sum(float(((part @ b.T / a.shape[1] + 1) ** 3).sum(dtype=np.float64)) for part in parts) / (len(a) * len(b))


def _own_pairs(vectors: Vectors, labels: Labels) -> float:
    """What a mean kernel has too much for the pairs of vectors with themselves."""
    excess = 0.0
    for label in np.unique(labels):
        own = vectors[labels == label]
        count = len(own)
        if count > 1:
            with_own = _mean_kernel(own, own) * count**2
            itself = float(((np.square(own).sum(1) / own.shape[1] + 1) ** 3).sum(dtype=np.float64))
            excess += with_own - (with_own - itself) * count / (count - 1)
    return excess / len(vectors) ** 2
