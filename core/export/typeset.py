"""Characters of one hand side by side: spacing, baseline and size as uneven as a hand's."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.glyphs.cells.resize import Frame, resample
from core.glyphs.penman.noise import Noise, keys

LINE_HEIGHT = 1.5  # of a character's square
GAP = (0.04, 0.22)  # of the square, between two characters' ink: from the narrowest hand to the widest
GAP_JITTER = 0.035
BLANK = 0.5  # of the square: a space
SLOPE = 0.012  # rise over run: deviation between hands
BASELINE_JITTER, SIZE_JITTER = 0.03, 0.05  # between the characters of a line, of the square
SIZES = (0.82, 1.0)  # of the square, from the smallest hand to the largest
INK = 40  # grey that belongs to a character's box
NARROWEST = 0.1  # of the square: a character without ink still takes room
_HAND, _MOMENT = 0x11AE, 0x11AF  # purposes of random numbers

Box = tuple[int, int, int, int]  # left, top, right, bottom; the last two outside


class Line(NamedTuple):
    """One line of text."""

    text: str
    ink: NDArray[np.uint8]  # (H, W), 255 = ink
    boxes: list[tuple[str, Box]]  # of every character that is no blank, in order


class Typesetter:
    """Sets glyphs of one size; line `number` is set the same way every time."""

    def __init__(self, size: int, *, seed: int) -> None:
        self.size, self.seed = size, seed
        self.height = round(size * LINE_HEIGHT)

    def line(self, text: str, glyphs: NDArray[np.uint8], number: int) -> Line:
        """`glyphs` (n, S, S), one for each character of the text that is no blank."""
        size = self.size
        hand = Noise(keys(self.seed, _HAND, number))
        large, wide = hand.uniform(2)[0]
        slope = SLOPE * float(hand.normal(1)[0, 0])
        moment = Noise(keys(self.seed, _MOMENT, number)).normal(len(glyphs), 3)[0]
        scale = (SIZES[0] + (SIZES[1] - SIZES[0]) * large) * np.exp(SIZE_JITTER * moment[:, 0])
        sized = self._sized(glyphs, scale.astype(np.float32), BASELINE_JITTER * size * moment[:, 1])
        gap = size * (GAP[0] + (GAP[1] - GAP[0]) * wide)
        placed, x = [], size * 0.25
        following = iter(range(len(glyphs)))
        for character in text:
            if character.isspace():
                x += BLANK * size
                continue
            at = next(following)
            left, right = _columns(sized[at], size)
            rise = round(slope * x)
            placed.append((character, sized[at], round(x) - left, rise))
            x += right - left + max(gap + GAP_JITTER * size * moment[at, 2], 1)
        return self._composed(text, placed, round(x - gap + size * 0.25))

    def _sized(
        self, glyphs: NDArray[np.uint8], scale: NDArray[np.float32], drop: NDArray[np.float32]
    ) -> NDArray[np.uint8]:
        """(n, H, H) each glyph at its scale in the middle of a square of the line's height, `drop` pixels lower."""
        middle = np.full(len(glyphs), self.size / 2, np.float32)
        frame = Frame(scale, (middle - drop / scale).astype(np.float32), middle)
        return np.rint(np.clip(resample(glyphs.astype(np.float32), frame, self.height), 0, 255)).astype(np.uint8)

    def _composed(self, text: str, placed: list[tuple[str, NDArray[np.uint8], int, int]], width: int) -> Line:
        page = np.zeros((self.height, width), np.uint8)
        boxes: list[tuple[str, Box]] = []
        for character, glyph, left, rise in placed:
            glyph = _shifted(glyph, rise)
            first, last = max(left, 0), min(left + self.height, width)
            part = glyph[:, first - left : last - left]
            np.maximum(page[:, first:last], part, out=page[:, first:last])
            boxes.append((character, _box(part, first, self.height)))
        return Line(text, page, boxes)


def _columns(glyph: NDArray[np.uint8], size: int) -> tuple[int, int]:
    """First column with ink, and the one after the last."""
    there = np.flatnonzero(glyph.max(0) > INK)
    if not len(there):
        middle, half = glyph.shape[1] // 2, round(NARROWEST * size)
        return middle - half, middle + half
    return int(there[0]), int(there[-1]) + 1


def _shifted(glyph: NDArray[np.uint8], down: int) -> NDArray[np.uint8]:
    """Moved by so many rows, at most so far that no ink leaves."""
    rows = np.flatnonzero(glyph.max(1) > 0)
    if not len(rows):
        return glyph
    return np.roll(glyph, int(np.clip(down, -rows[0], len(glyph) - 1 - rows[-1])), 0)


def _box(part: NDArray[np.uint8], left: int, height: int) -> Box:
    ink = part > INK
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    if not len(rows):
        return left, 0, left + part.shape[1], height
    return left + int(columns[0]), int(rows[0]), left + int(columns[-1]) + 1, int(rows[-1]) + 1
