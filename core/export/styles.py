"""The style of every sample by its place alone: nothing depends on batches, on shards, or on what was drawn before.

Codes follow an additive recurrence (Richtmyer's: multiples of the square roots of primes, modulo 1), shifted by a
hash of the seed and the character: the first n points of a character cover the cube evenly for every n, about as well
as Sobol's, and point n is known without the ones before it. Noise is normal, by Box and Muller from hashed bits.
"""

import math

import numpy as np
from numpy.typing import NDArray

from core.glyphs.penman.noise import Noise, keys

Integers = NDArray[np.int64]
Floats = NDArray[np.float32]

_CODES, _NOISE = 0x5C0DE5, 0x5A015E  # purposes, so that no two streams meet
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53)  # one for each code that a model can have
_STEPS = np.array([math.isqrt(prime << 128) % (1 << 64) for prime in _PRIMES], np.uint64)  # 64 bits behind the point
_SMALLEST = 2.0**-25  # half a step of 24-bit uniforms: the logarithm stays finite


def codes(seed: int, hand: Integers, turn: Integers, count: int) -> Floats:
    """(n, count) in [-1, 1): sample `turn` of `hand` (the character, or anything that numbers a sequence)."""
    shift = np.stack([keys(seed, _CODES, place, hand) for place in range(count)], 1) if count else _empty(len(hand))
    phase = shift + turn.astype(np.uint64)[:, None] * _STEPS[:count]
    return (((phase >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-23)) - 1).astype(np.float32)


def noise(seed: int, hand: Integers, turn: Integers, attempt: int, count: int) -> Floats:
    """(n, count) standard normal."""
    half = (count + 1) // 2
    uniform = Noise(keys(seed, _NOISE, attempt, hand, turn)).uniform(2, half)
    radius = np.sqrt(-2 * np.log(uniform[:, 0] + np.float32(_SMALLEST)))
    angle = np.float32(2 * np.pi) * uniform[:, 1]
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 2)
    normal: Floats = pairs.reshape(len(hand), 2 * half)[:, :count]
    return normal


def _empty(rows: int) -> NDArray[np.uint64]:
    return np.empty((rows, 0), np.uint64)
