"""Which character stands where: sample i of an export has a character and a number among that character's samples.

The characters take turns, so that any stretch of an export is as balanced as the whole, and a longer export begins
with the shorter one.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


class Places(NamedTuple):
    """Where samples stand."""

    label: Integers  # (n,) place of the character in the order's list
    turn: Integers  # (n,) which sample of that character, from 0


class Order:
    """Turn 0 of every character, turn 1 of every character that has one, and so on."""

    def __init__(self, counts: Sequence[int]) -> None:
        numbers = np.asarray(counts, np.int64)
        self.total = int(numbers.sum())
        levels = np.unique(np.concatenate([[0], numbers]))
        self._first_turn = levels[:-1]  # (L,) the turns from here to the next level are taken by the same characters
        self._taking = [np.flatnonzero(numbers >= level) for level in levels[1:]]
        sizes = np.array([len(taking) for taking in self._taking], np.int64) * np.diff(levels)
        self._start = np.concatenate([[0], np.cumsum(sizes)])

    def at(self, index: Integers) -> Places:
        """(n,) numbers of samples, 0 .. total - 1."""
        level = np.searchsorted(self._start, index, side="right") - 1
        label, turn = np.empty(len(index), np.int64), np.empty(len(index), np.int64)
        for each in np.unique(level):
            rows, taking = level == each, self._taking[each]
            turns, place = np.divmod(index[rows] - self._start[each], len(taking))
            label[rows], turn[rows] = taking[place], turns + self._first_turn[each]
        return Places(label, turn)
