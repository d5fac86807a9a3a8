"""How people write a character: one form, or several of which each writer has one.

KanjiVG has one form a character, with every stroke apart. Written here: the digits as people write them, and the kana
of which a joined and an unjoined form are about equally common.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

import numpy as np

from core.glyphs.penman.strokes import KIND, Array, Stroke, strokes_of

_BOX = 100.0  # of the points below, x right, y down


class Form(NamedTuple):
    strokes: tuple[Stroke, ...]
    joined: frozenset[int]  # strokes whose end runs into the next stroke's start with the pen down
    apart: bool  # the strokes are never joined: joined, the character would be read as another
    share: float  # of the writers


class _Row(NamedTuple):
    """Strokes parted by `/`, each a smooth line through its points, with a corner at a point marked `!`."""

    share: float
    lines: str | None = None  # None: KanjiVG's strokes
    joined: tuple[int, ...] = ()


_SEVEN = "72,17! 62,40 53,62 48,86"

_FORMS: dict[str, tuple[_Row, ...]] = {
    "0": (
        _Row(0.45, "52,14 37,25 32,50 37,76 50,86 63,76 68,50 63,25 51,14"),
        _Row(0.35, "54,14 34,24 26,50 34,77 50,86 67,77 75,50 67,24 50,14"),
        _Row(0.20, "62,18 47,14 33,28 29,52 36,77 50,86 64,77 71,50 66,26 55,15"),
    ),
    "1": (
        _Row(0.62, "51,14 50,50 49,86"),
        _Row(0.28, "38,31 46,24 52,14! 51,50 50,86"),
        _Row(0.10, "38,30 46,24 52,14! 51,50 51,86 / 35,86 50,86 66,86"),
    ),
    "2": (
        _Row(0.65),
        _Row(0.20, "29,29 40,16 57,16 65,30 55,52 28,84! 50,83 74,83"),
        _Row(0.15, "30,30 38,17 54,15 66,27 61,46 46,66 32,80 27,74 36,69 52,79 74,82"),
    ),
    "4": (
        _Row(0.40),
        _Row(0.30, "40,16 35,38 29,58! 52,58 76,57 / 60,38 60,62 59,86"),
        _Row(0.30, "60,14 42,40 25,62! 50,62 77,61 / 60,14 60,50 59,86"),
    ),
    "6": (
        _Row(0.40),
        _Row(0.35, "60,14 42,36 33,60 38,80 52,86 66,78 67,63 55,54 42,60 35,70"),
        _Row(0.25, "53,14 39,40 31,66 39,84 56,85 65,73 57,61 43,64 33,76"),
    ),
    "7": (
        _Row(0.35, "28,18 50,18 " + _SEVEN),
        _Row(0.40, "29,18 28,26 28,34 / 29,18 50,18 " + _SEVEN),
        _Row(0.25, "28,33 28,26 30,18! 50,18 " + _SEVEN),
    ),
    "8": (
        _Row(0.45),
        _Row(0.35, "66,23 53,14 38,20 37,33 50,46 64,60 66,76 51,86 37,78 37,64 50,48 62,35 67,20"),
        _Row(0.20, "50,46 37,34 38,20 51,14 64,20 63,34 50,46 36,60 36,77 50,86 65,77 65,60 51,47"),
    ),
    "9": (
        _Row(0.40, "68,24 55,14 39,19 32,33 39,47 53,48 65,38 69,22! 69,50 66,86"),
        _Row(0.30, "68,24 55,14 39,19 32,33 39,47 53,48 65,38 69,24! 70,52 63,75 49,86 36,83"),
        _Row(0.30, "66,20 52,14 36,21 31,35 39,47 53,46 64,35 68,19! 63,50 54,86"),
    ),
    "a": (_Row(0.3), _Row(0.7, "66,37 52,31 37,39 34,56 44,67 58,58 66,40! 66,56 71,68")),
    "g": (_Row(1.0, "67,36 53,30 37,37 34,52 44,62 58,54 67,39! 68,66 58,86 38,85"),),
    "き": (_Row(0.6), _Row(0.4, joined=(2,))),
    "さ": (_Row(0.6), _Row(0.4, joined=(1,))),
    "そ": (
        _Row(0.6),
        _Row(0.4, "30,16 34,21 36,27 / 70,14 50,33 24,52! 50,46 86,40! 62,47 48,60 49,77 60,86 75,86"),
    ),
    "ふ": (_Row(0.6), _Row(0.4, joined=(0,))),
    "り": (_Row(0.65), _Row(0.35, joined=(0,))),
    "ら": (_Row(0.75), _Row(0.25, joined=(0,))),
}

_APART = frozenset("いうえこソンシツニハリル二三八")


@cache
def forms(character: str) -> tuple[Form, ...]:
    """The forms of a character; their shares add up to 1."""
    return tuple(_form(character, row) for row in _FORMS.get(character, (_Row(1.0),)))


def _form(character: str, row: _Row) -> Form:
    lines = row.lines
    drawn = strokes_of(character) if lines is None else [_drawn(line) for line in lines.split("/")]
    return Form(tuple(drawn), frozenset(row.joined), character in _APART, row.share)


def _drawn(line: str) -> Stroke:
    pieces = [re.findall(r"[^ ]+", piece) for piece in re.sub(r"(\S+)!", r"\1 ! \1", line).split("!")]
    curves = [_through(np.array([[float(n) for n in point.split(",")] for point in piece]) / _BOX) for piece in pieces]
    return Stroke(np.concatenate([curves[0], *(curve[1:] for curve in curves[1:])]), KIND["plain"], 0)


def _through(points: Array) -> Array:
    """(m, 2) points -> (1 + 3 (m - 1), 2) control points of a Catmull-Rom curve through them."""
    around = np.vstack([points[0], points, points[-1]])
    tangent = (around[2:] - around[:-2]) / 6
    handles = [points[:-1] + tangent[:-1], points[1:] - tangent[1:], points[1:]]
    return np.vstack([points[:1], np.stack(handles, 1).reshape(-1, 2)])
