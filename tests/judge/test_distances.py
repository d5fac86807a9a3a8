"""The card's own arithmetic against the definitions, written out slowly."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from core.judge import distances

random = np.random.default_rng(0)
REAL = random.normal(size=(40, 6)).astype(np.float32)
MADE = random.normal(0.3, 0.8, size=(30, 6)).astype(np.float32)


def slow(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.array([[np.sqrt(((x - y) ** 2).sum()) for y in b] for x in a.astype(np.float64)])


def kernel(x: np.ndarray, y: np.ndarray) -> float:
    return float((x.astype(np.float64) @ y / len(x) + 1) ** 3)


def test_density_and_coverage_are_as_naeem_defined_them() -> None:
    k = 3
    radii = np.sort(slow(REAL, REAL), axis=1)[:, k]  # place 0 is the vector itself
    inside = slow(REAL, MADE) < radii[:, None]
    found = distances.density_coverage(REAL, MADE, k)
    assert found.density == pytest.approx(sum(inside[:, j].sum() for j in range(30)) / (k * 30))
    assert found.coverage == pytest.approx(np.mean([inside[i].any() for i in range(40)]))
    assert distances.density_coverage(REAL, REAL[:20]).coverage >= 0.5, "a real vector covers itself"
    assert distances.density_coverage(REAL, MADE + 100) == (0, 0)
    with pytest.raises(ValueError, match="no 5-th neighbour"):
        distances.density_coverage(REAL[:5], MADE)


def test_frechet_is_the_formula_with_a_matrix_root() -> None:
    a, b = np.cov(REAL.astype(float), rowvar=False), np.cov(MADE.astype(float), rowvar=False)
    expected = ((REAL.mean(0) - MADE.mean(0)) ** 2).sum() + np.trace(a + b - 2 * np.real(sqrtm(a @ b)))
    assert distances.frechet(REAL, MADE) == pytest.approx(expected, rel=1e-4)
    assert distances.frechet(REAL, REAL) == pytest.approx(0, abs=1e-5)
    flat = np.pad(REAL, ((0, 0), (0, 3)))  # features that never fire: a singular covariance
    assert distances.frechet(flat, flat + 1) == pytest.approx(9, rel=1e-5)


def test_kernel_distance_with_and_without_a_vectors_pair_with_itself() -> None:
    own = [np.array([[kernel(x, y) for y in side] for x in side]) for side in (REAL, MADE)]
    across = np.mean([[kernel(x, y) for y in MADE] for x in REAL])
    biased = own[0].mean() + own[1].mean() - 2 * across
    without = [(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in own]
    one = np.zeros(40, np.int64)
    assert distances.kernel_distance(REAL, MADE) == pytest.approx(biased, rel=1e-4)
    found = distances.unbiased_kernel_distance(REAL, one, MADE, one[:30])
    assert found == pytest.approx(sum(without) - 2 * across, rel=1e-4)


def test_the_unbiased_one_is_zero_on_average_where_classes_are_sampled_evenly() -> None:
    labels = np.repeat(np.arange(4), 10)
    centres = 5 * random.normal(size=(4, 8))

    def some() -> np.ndarray:
        return (centres[labels] + random.normal(size=(40, 8))).astype(np.float32)

    pairs = [(some(), some()) for _ in range(200)]
    found = np.array([distances.unbiased_kernel_distance(a, labels, b, labels) for a, b in pairs])
    assert abs(found.mean()) < 3 * found.std() / np.sqrt(len(found))
    assert np.mean([distances.kernel_distance(a, b) for a, b in pairs]) > 3 * found.std() / np.sqrt(len(found))


def test_nearest_and_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distances, "CHUNK", 7)
    table = slow(MADE, REAL)
    distance, which = distances.nearest(MADE, REAL)
    assert np.allclose(distance, table.min(1), atol=1e-5)
    assert np.array_equal(which, table.argmin(1))
    vectors = np.array([[0, 0], [0, 2], [5, 5], [5, 5], [9, 9]], np.float32)
    found = distances.spread(vectors, np.array([0, 0, 1, 1, 3]))
    assert found[:2].tolist() == [1, 0]
    assert np.isnan(found[2:]).all(), "none, and one alone, have no spread"
