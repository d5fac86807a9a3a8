"""Which sample is where, and in what style."""

from collections import Counter
from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.export import styles
from core.export.order import Order


@given(st.lists(st.integers(1, 9), min_size=1, max_size=8))
def test_every_sample_once_and_characters_take_turns(counts: list[int]) -> None:
    order = Order(counts)
    places = order.at(np.arange(order.total))
    pairs = list(zip(places.turn.tolist(), places.label.tolist(), strict=True))
    assert pairs == sorted((turn, label) for label, count in enumerate(counts) for turn in range(count))


def test_a_longer_export_begins_with_the_shorter_one() -> None:
    short, long = Order([5, 5, 5]), Order([900, 900, 900])
    index = np.arange(15)
    for one, other in zip(short.at(index), long.at(index), strict=True):
        np.testing.assert_array_equal(one, other)


def test_styles_depend_on_their_place_alone() -> None:
    hand, turn = np.repeat([3, 7], 50), np.tile(np.arange(50), 2)
    codes, noise = styles.codes(1, hand, turn, 4), styles.noise(1, hand, turn, 0, 16)
    one = slice(57, 58)
    np.testing.assert_array_equal(styles.codes(1, hand[one], turn[one], 4), codes[one])
    np.testing.assert_array_equal(styles.noise(1, hand[one], turn[one], 0, 16), noise[one])
    assert len({row.tobytes() for row in noise}) == 100
    assert not np.array_equal(styles.codes(2, hand, turn, 4), codes)
    assert not np.array_equal(styles.noise(1, hand, turn, 1, 16), noise)


def test_codes_cover_their_range_evenly_from_the_first_samples_on() -> None:
    for count in (1, 2, 4, 8):
        for samples in (20, 100, 1000):
            codes = styles.codes(0, np.full(samples, 5), np.arange(samples), count)
            assert codes.shape == (samples, count)
            assert codes.min() >= -1
            assert codes.max() < 1
            for column in codes.T:
                tenths = Counter(np.floor((column + 1) * 5).astype(int).tolist())
                assert max(abs(tenths[i] - samples / 10) for i in range(10)) <= 2, (count, samples)


def test_any_two_codes_cover_their_square() -> None:
    codes = styles.codes(0, np.zeros(400, np.int64), np.arange(400), 4)
    for pair in combinations(codes.T, 2):
        cells = Counter(map(tuple, np.floor((np.stack(pair, 1) + 1) * 5).astype(int).tolist()))
        assert len(cells) == 100  # chance leaves two of a hundred cells empty, and ten samples in some
        assert max(cells.values()) <= 9


def test_codes_go_on_after_a_million_samples_and_may_be_none() -> None:
    late = np.arange(2**20 - 2, 2**20 + 2)
    codes = styles.codes(0, np.zeros(4, np.int64), late, 3)
    assert len({row.tobytes() for row in codes}) == 4
    assert not np.array_equal(codes[2:], styles.codes(0, np.zeros(2, np.int64), np.arange(2), 3))
    assert styles.codes(0, np.zeros(4, np.int64), late, 0).shape == (4, 0)


def test_noise_is_normal() -> None:
    noise = styles.noise(0, np.arange(5000), np.zeros(5000, np.int64), 0, 7)
    assert noise.shape == (5000, 7)
    assert abs(noise.mean()) < 0.02
    assert abs(noise.std() - 1) < 0.02
    assert abs((np.abs(noise) > 2).mean() - 0.0455) < 0.005
    assert np.abs(np.corrcoef(noise.T) - np.eye(7)).max() < 0.06
