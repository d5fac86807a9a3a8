"""Random numbers by place: row b's numbers depend on its key and on how many were drawn before, never on its batch.

A generator object a sample would cost more than the drawing, and numpy promises no stream across its versions. So
each number is a hash (splitmix64) of a key and a counter, made for the whole batch at once, in integers up to the
last step: the same on every machine.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float32]
Keys = NDArray[np.uint64]

LIMIT = 2.4  # standard deviations: rarer styles are what nobody can read

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_HALVES = np.uint64(0x0000FFFF0000FFFF)
_LOW = np.uint64(0xFFFFFFFF)
_SUM_MEAN = 2 * 65535.0
_SUM_DEVIATION = 65536 * math.sqrt(4 / 12)  # of the sum of four uniform 16-bit numbers


def _mix(x: Keys) -> Keys:
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Keys = x ^ (x >> np.uint64(31))
    return mixed


def keys(*parts: ArrayLike) -> Keys:
    """Integers, or arrays of integers (B,), hashed together -> (B,) keys."""
    key: Keys = np.zeros(1, np.uint64)
    for part in parts:
        key = _mix((key ^ np.atleast_1d(np.asarray(part)).astype(np.uint64)) + _GOLDEN)
    return key


class Noise:
    """A stream of numbers for each of B keys."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._drawn = 0

    def _bits(self, count: int) -> Keys:
        places = np.arange(self._drawn, self._drawn + count, dtype=np.uint64) * _GOLDEN
        self._drawn += count
        return _mix(self._keys[:, None] + places)

    def normal(self, *shape: int) -> Floats:
        """(B, *shape) normal to the eye (a sum of four uniforms), mean 0, deviation 1, cut off at LIMIT."""
        bits = self._bits(math.prod(shape))
        pairs = (bits & _HALVES) + ((bits >> np.uint64(16)) & _HALVES)
        total = ((pairs + (pairs >> np.uint64(32))) & _LOW).astype(np.float32)
        z = (total - np.float32(_SUM_MEAN)) * np.float32(1 / _SUM_DEVIATION)
        normal: Floats = np.clip(z, -LIMIT, LIMIT).reshape(len(self._keys), *shape)
        return normal

    def uniform(self, *shape: int) -> Floats:
        """(B, *shape) in [0, 1)."""
        bits = self._bits(math.prod(shape)) >> np.uint64(40)
        return (bits.astype(np.float32) * np.float32(2.0**-24)).reshape(len(self._keys), *shape)
