"""Random numbers that depend on (seed, stream, step, sample, column) and on nothing else.

A counter-based generator in plain tensor operations: the same draws on every device, in a captured graph (the step is a
tensor), for any split of a batch over processes, and after any resume, with no state to save. The mixing function is
the finaliser of SplitMix64 (Steele, Lea & Flood 2014), applied twice.
"""

import math
from enum import IntEnum

import torch
from torch import Tensor

_BITS = 24  # of a float32 in [0, 1)
_WRAP = 1 << 64


def _signed(value: int) -> int:
    """The same 64 bits as torch's int64 holds them."""
    value %= _WRAP
    return value - _WRAP if value >= _WRAP // 2 else value


# Odd constants without structure: one for each coordinate of a draw, two of the finaliser.
_STREAM, _STEP, _ROW, _COLUMN = map(
    _signed, (0x9E3779B97F4A7C15, 0xD1B54A32D192ED03, 0xA0761D6478BD642F, 0xE7037ED1A0B428DB)
)
_FIRST, _SECOND = map(_signed, (0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


class Stream(IntEnum):
    """Who draws; numbers of two streams have nothing to do with each other."""

    CLASS = 0
    IMAGE = 1
    NOISE = 2
    CODES = 3
    LABEL = 4  # of generated images, where they have their own (recipes without labels)
    AUGMENT_REAL = 5
    AUGMENT_FAKE = 6
    DOMAIN = 7
    TRANSFER = 8  # which generated images are of a domain that has no such character
    UNSEEN = 9  # and of which


class Chance:
    """Draws for the samples `rows` (B,) of step `step`; both are int64 tensors on one device."""

    def __init__(self, seed: int, step: Tensor, rows: Tensor) -> None:
        self._base = _mix(step * _STEP + _signed(seed * 0x8CB92BA72F3D8DD7 + 1)) + rows * _ROW  # (B,)

    def bits(self, stream: int, columns: int) -> Tensor:
        """(B, columns) int64, all 64 bits random. Draws of one stream are the same whenever they are asked for."""
        column = torch.arange(columns, device=self._base.device) * _COLUMN + _signed(stream * _STREAM)
        return _mix(_mix(self._base[:, None] + column))

    def uniform(self, stream: int, columns: int) -> Tensor:
        """(B, columns) in [0, 1), of torch's default type, in steps that a float32 holds."""
        return _top(self.bits(stream, columns)) / (1 << _BITS)

    def normal(self, stream: int, columns: int) -> Tensor:
        """(B, columns) of torch's default type, standard normal (Box & Muller 1958)."""
        half = (columns + 1) // 2
        bits = self.bits(stream, 2 * half)
        radius = (-2 * torch.log((_top(bits[:, :half]) + 1) / (1 << _BITS))).sqrt()
        angle = 2 * math.pi * (_top(bits[:, half:]) / (1 << _BITS))
        return torch.cat([radius * angle.cos(), radius * angle.sin()], 1)[:, :columns]

    def below(self, stream: int, limit: Tensor | int) -> Tensor:
        """(B,) int64, uniform in 0 .. limit - 1, where `limit` is a number or one for each sample; below 2^31."""
        return (_shifted(self.bits(stream, 1)[:, 0], 33) * limit) >> 31


def _mix(z: Tensor) -> Tensor:
    z = (z ^ _shifted(z, 30)) * _FIRST
    z = (z ^ _shifted(z, 27)) * _SECOND
    return z ^ _shifted(z, 31)


def _shifted(z: Tensor, bits: int) -> Tensor:
    """A shift to the right that brings zeros in; torch's own repeats the sign."""
    return (z >> bits) & ((1 << (64 - bits)) - 1)


def _top(bits: Tensor) -> Tensor:
    return _shifted(bits, 64 - _BITS).to(torch.get_default_dtype())
