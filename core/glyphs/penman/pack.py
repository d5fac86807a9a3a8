"""Pack KanjiVG's stroke centre lines into `strokes.xz`: `python -m core.glyphs.penman.pack KANJIVG_SOURCE OUT`.

KANJIVG_SOURCE is a folder of KanjiVG's SVG files, named by code point (`03042.svg`). The result is an adaptation
of KanjiVG (see LICENSE-KanjiVG beside this file) in the format that `strokes.py` describes and reads.
"""

from __future__ import annotations

import argparse
import lzma
import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from core.glyphs import repertoire
from core.glyphs.penman.strokes import KINDS, MAGIC, UNIT

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_TOKEN = re.compile(rf"[MmCcSs]|{_NUMBER}")


class PackedStroke(NamedTuple):
    points: np.ndarray  # (1 + 3 n, 2) float, box units: control points
    kind: int  # index into KINDS
    component: int


def wanted() -> list[str]:
    """Every character that goes into the file, by code point."""
    small = "ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶゐゑヰヱヴゔー"
    sets = ("hiragana-71", "katakana-71", "alnum", "jis1", "kyoiku", "etl8")
    return sorted({*small, *(c for name in sets for c in repertoire.characters(name))})


def control_points(path: str) -> np.ndarray:
    """SVG path data of one stroke (M, C, S, absolute or relative) -> (1 + 3 n, 2) control points."""
    tokens: Iterator[str] = iter(_TOKEN.findall(path))
    points: list[np.ndarray] = []
    command = ""
    for token in tokens:
        if token.isalpha():
            command, token = token, next(tokens)
        pairs = {"M": 1, "C": 3, "S": 2}[command.upper()]
        numbers = [float(token), *(float(next(tokens)) for _ in range(2 * pairs - 1))]
        new = np.array(numbers).reshape(pairs, 2)
        if command.islower() and points:
            new = new + points[-1]
        if command in "Ss":  # the first handle mirrors the last one
            new = np.vstack([2 * points[-1] - points[-2], new])
        points.extend(new)
    return np.array(points)


def _kind(sign: str) -> int:
    return next((i for i, signs in enumerate(KINDS.values()) if sign and sign[0] in signs), 0)


def _walk(group: ET.Element, depth: int, component: list[int]) -> Iterator[tuple[ET.Element, int]]:
    """(path element, component number); a group right below the character's own is a component."""
    for child in group:
        if child.tag.endswith("}path"):
            yield child, component[0]
        elif child.tag.endswith("}g"):
            if depth == 1:
                component[0] += 1
            yield from _walk(child, depth + 1, component)
            if depth == 1:
                component[0] += 1


def read_svg(path: Path) -> list[PackedStroke]:
    """The strokes of one KanjiVG file in writing order."""
    text = path.read_text(encoding="utf-8").replace("xmlns:kvg=", "xmlns:ignored=").replace("kvg:", "")
    text = re.sub(r"<!DOCTYPE.*?\]>", "", text, flags=re.DOTALL)
    root = ET.fromstring(text)
    strokes = next(g for g in root if g.get("id", "").startswith("StrokePaths"))
    found = list(_walk(strokes, 0, [0]))
    numbers = {number: i for i, number in enumerate(dict.fromkeys(number for _, number in found))}
    return [
        PackedStroke(control_points(path.get("d", "")), _kind(path.get("type", "")), numbers[number])
        for path, number in found
    ]


def _deltas(strokes: Iterable[PackedStroke]) -> np.ndarray:
    """(P, 2) uint8: each stroke's points in packed units, as differences along the stroke."""
    columns = []
    for stroke in strokes:
        units = np.clip(np.rint(stroke.points / UNIT), 0, 255).astype(np.int64)
        columns.append(np.diff(units, axis=0, prepend=0) % 256)
    return np.concatenate(columns).astype(np.uint8)


def pack(characters: dict[str, list[PackedStroke]]) -> bytes:
    """The bytes of `strokes.xz` for these characters."""
    ordered = sorted(characters)
    strokes = [stroke for c in ordered for stroke in characters[c]]
    segments = np.array([(len(s.points) - 1) // 3 for s in strokes], np.uint8)
    deltas = _deltas(strokes)
    counts = np.array([len(ordered), len(strokes), segments.sum(dtype=np.int64), len(deltas)], "<u4")
    columns = [
        np.array([ord(c) for c in ordered], "<u4"),
        np.array([len(characters[c]) for c in ordered], np.uint8),
        np.array([s.kind for s in strokes], np.uint8),
        np.array([s.component for s in strokes], np.uint8),
        segments,
        np.ascontiguousarray(deltas.T),
    ]
    raw = MAGIC + counts.tobytes() + b"".join(column.tobytes() for column in columns)
    return lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME)


def main() -> int:
    parser = argparse.ArgumentParser(description="Pack KanjiVG's stroke centre lines into one file.")
    parser.add_argument("source", type=Path, help="folder of KanjiVG's SVG files (03042.svg ...)")
    parser.add_argument("out", type=Path, help="file to write, normally core/glyphs/penman/strokes.xz")
    arguments = parser.parse_args()
    paths = {c: arguments.source / f"{ord(c):05x}.svg" for c in wanted()}
    missing = [c for c, path in paths.items() if not path.is_file()]
    if missing:
        print(
            f"{arguments.source}: no SVG file for {len(missing)} characters: {''.join(missing)[:40]}", file=sys.stderr
        )
        return 1
    data = pack({c: read_svg(path) for c, path in paths.items()})
    arguments.out.write_bytes(data)
    print(f"{arguments.out}: {len(paths)} characters, {len(data):,} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
