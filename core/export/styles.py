"""The style of every sample by its place alone: nothing depends on batches, on shards, or on what was drawn before.

Codes are Sobol's points, shifted digitally by a hash of the seed and the character: the first n samples of a character
cover the cube evenly for every n, and point n is known without the ones before it. (Additive recurrences would be
simpler, but leave holes: of 100 cells in the plane of two codes, 400 points missed up to half.) Noise is normal, by
Box and Muller from hashed bits.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from core.glyphs.penman.noise import Noise, keys

Integers = NDArray[np.int64]
Floats = NDArray[np.float32]
Words = NDArray[np.uint64]

_CODES, _NOISE = 0x5C0DE5, 0x5A015E  # purposes, so that no two streams meet
_BITS = 24  # of a code
_PERIOD = 20  # after 2**20 samples of one character the points come again, under another shift
_SMALLEST = 2.0**-25  # half a step of 24-bit uniforms: the logarithm stays finite


def codes(seed: int, hand: Integers, turn: Integers, count: int) -> Floats:
    """(n, count) in [-1, 1): sample `turn` of `hand` (the character, or anything that numbers a sequence)."""
    place = (turn % (1 << _PERIOD)).astype(np.uint64)
    gray = place ^ (place >> np.uint64(1))
    point = np.empty((len(hand), count), np.uint64)
    for column in range(count):
        point[:, column] = keys(seed, _CODES, column, hand, turn >> _PERIOD) >> np.uint64(64 - _BITS)
    for bit, direction in enumerate(_directions(count)):
        there = gray >> np.uint64(bit) & np.uint64(1)
        point ^= there[:, None] * direction
    return point.astype(np.float32) * np.float32(2.0 ** (1 - _BITS)) - np.float32(1)


def noise(seed: int, hand: Integers, turn: Integers, attempt: int, count: int) -> Floats:
    """(n, count) standard normal."""
    half = (count + 1) // 2
    uniform = Noise(keys(seed, _NOISE, attempt, hand, turn)).uniform(2, half)
    radius = np.sqrt(-2 * np.log(uniform[:, 0] + np.float32(_SMALLEST)))
    angle = np.float32(2 * np.pi) * uniform[:, 1]
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 2)
    normal: Floats = pairs.reshape(len(hand), 2 * half)[:, :count]
    return normal


@cache
def _directions(count: int) -> Words:
    """(_PERIOD, count) Sobol's direction numbers of _BITS bits: point 2**(k + 1) - 1 is direction k alone."""
    points = [_point(count, (2 << bit) - 1) for bit in range(_PERIOD)] if count else np.empty((_PERIOD, 0))
    return (np.array(points) * (1 << _BITS)).astype(np.uint64)


def _point(count: int, index: int) -> NDArray[np.float64]:
    sequence = qmc.Sobol(count, scramble=False).fast_forward(index)
    point: NDArray[np.float64] = sequence.random(1)[0]
    return point
