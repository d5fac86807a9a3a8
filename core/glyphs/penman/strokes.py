"""The packed stroke centre lines: `strokes_of("あ")` -> its strokes as Bezier control points in the unit box.

`strokes.xz`, written by `pack.py`, is one xz stream of little-endian columns, so that equal kinds of numbers lie
together and compress well:

    magic        8 bytes          b"STROKES1"
    counts       4 x uint32       characters C, strokes S, Bezier segments B, control points P = S + 3 B
    code point   C x uint32       ascending
    strokes      C x uint8        strokes of the character, in writing order
    kind         S x uint8        index into `KINDS`: how the stroke ends
    component    S x uint8        0, 1, ... within the character: strokes that move together
    segments     S x uint8        cubic Bezier segments of the stroke
    x, y         2 x P x uint8    control points, difference from the one before (modulo 256), in `UNIT`s

A stroke of n segments has 1 + 3 n control points: the start, then two handles and an end for each segment.
"""

from __future__ import annotations

import lzma
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError

Array = NDArray[np.float64]
Index = NDArray[np.intp]

MAGIC = b"STROKES1"
BOX = 109.0  # KanjiVG draws in a box of 109 x 109, x right, y down
UNIT = 0.5  # of the packed coordinates: 0.3 pixels at 64 x 64, less than the pen's own noise

# How a stroke ends, by the first sign of KanjiVG's stroke type. Kana and Latin carry no type: "plain".
KINDS: dict[str, str] = {
    "plain": "",
    "sweep": "㇒㇓㇁㇏㇝㇃㇂",  # thins out (harai)
    "flick": "㇀",
    "dot": "㇔",
    "hook": "㇚㇆㇖㇙㇟㇈㇉㇌㇡",  # a short jump at the end (hane)
    "across": "㇐",
    "down": "㇑",
}

FILE = Path(__file__).with_name("strokes.xz")
KIND = {name: i for i, name in enumerate(KINDS)}


class Stroke(NamedTuple):
    points: Array  # (1 + 3 n, 2) in the unit box, x right, y down: start, then two handles and an end a segment
    kind: int  # how it ends: a value of KIND
    component: int  # strokes of one component move together


class _Table(NamedTuple):
    """The file's columns, one entry a stroke, and where each character's strokes begin."""

    first: dict[str, int]
    strokes: dict[str, int]  # how many
    kind: NDArray[np.uint8]
    component: NDArray[np.uint8]
    ends: NDArray[np.int64]  # (S + 1,) control point where each stroke begins, and the end
    points: NDArray[np.uint8]  # (2, P) differences


@cache
def _table() -> _Table:
    raw = lzma.decompress(FILE.read_bytes())
    if not raw.startswith(MAGIC):
        raise DataError(f"{FILE}: not the stroke data of this version; reinstall etlgan")
    at = len(MAGIC)

    def column(dtype: str, count: int) -> NDArray[np.generic]:
        nonlocal at
        values = np.frombuffer(raw, dtype, count, at)
        at += values.nbytes
        return values

    n_characters, n_strokes, _, n_points = (int(n) for n in column("<u4", 4))
    characters = [chr(int(code)) for code in column("<u4", n_characters)]
    counts = column("u1", n_characters).astype(np.int64)
    kind, component = column("u1", n_strokes).astype(np.uint8), column("u1", n_strokes).astype(np.uint8)
    segments = column("u1", n_strokes).astype(np.int64)
    points = column("u1", 2 * n_points).astype(np.uint8).reshape(2, n_points)
    first = np.cumsum(counts) - counts
    return _Table(
        first={c: int(i) for c, i in zip(characters, first, strict=True)},
        strokes={c: int(n) for c, n in zip(characters, counts, strict=True)},
        kind=kind,
        component=component,
        ends=np.concatenate([[0], np.cumsum(1 + 3 * segments)]),
        points=points,
    )


def characters() -> frozenset[str]:
    """Every character the file holds."""
    return frozenset(_table().first)


def strokes_of(character: str) -> list[Stroke]:
    """The strokes of a character in writing order."""
    table = _table()
    if character not in table.first:
        raise DataError(
            f"the embedded pen cannot write {character!r}: it knows kana, digits, Latin letters and the 2,965 kanji of "
            "JIS level 1; leave this character out, or train on a data set that has it"
        )
    first = table.first[character]
    return [_stroke(table, i) for i in range(first, first + table.strokes[character])]


def _stroke(table: _Table, i: int) -> Stroke:
    differences = table.points[:, table.ends[i] : table.ends[i + 1]]
    units = np.cumsum(differences, axis=1, dtype=np.uint8)  # modulo 256, as packed
    return Stroke(units.T.astype(np.float64) * (UNIT / BOX), int(table.kind[i]), int(table.component[i]))
