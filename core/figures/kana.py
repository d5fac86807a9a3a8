"""Labels for pictures: Japanese characters from the embedded pen strokes, since no Japanese font can be assumed.

A label is cut into pieces: a character with strokes becomes a square of pen strokes, all else is set in a font.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from core.errors import EtlganError
from core.glyphs import penman

FONT_SHARE = 0.76  # font size that looks as large as strokes in a square of 1
BASELINE = 0.78  # of the square, from the top: where Latin letters stand beside kana
_OVERSAMPLING = 4

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


class Piece(NamedTuple):
    """Part of a label: one character with its strokes, or text without."""

    text: str
    strokes: tuple[np.ndarray, ...]  # each (n, 2) in the unit box, x right, y down; () for text


def pieces(label: str) -> tuple[Piece, ...]:
    """Cut a label into characters that have strokes and runs of text for a font; unprintable ones become U+FFFD."""
    clean = "".join(c if c.isprintable() else "\ufffd" for c in label)
    found: list[Piece] = []
    for drawn, group in groupby(clean, key=lambda c: bool(strokes(c))):
        text = "".join(group)
        found += [Piece(c, strokes(c)) for c in text] if drawn else [Piece(_sayable(text), ())]
    return tuple(found)


@cache
def strokes(character: str) -> tuple[np.ndarray, ...]:
    """The pen strokes of a character beyond ASCII, each (n, 2); () where there are none or a font does better."""
    if character.isascii():
        return ()
    try:
        return tuple(np.asarray(stroke, np.float64) for stroke in penman.outline(character))
    except (EtlganError, LookupError):
        return ()


def pen_width(drawn: Sequence[np.ndarray]) -> float:
    """Stroke width, of the square: a dense kanji wants a finer pen."""
    return max(0.045, 0.085 - 0.003 * len(drawn))


@cache
def font(pixels: int) -> Font:
    """matplotlib's own DejaVu Sans, found without importing matplotlib; else pillow's built-in font."""
    spec = find_spec("matplotlib")
    if spec is not None and spec.origin is not None:
        path = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
        if path.is_file():
            return ImageFont.truetype(str(path), pixels)
    return ImageFont.load_default(pixels)


def _sayable(text: str) -> str:
    """Characters that neither pen nor font can draw are named: U+9F98."""
    return "".join(c if c in "\ufffd " or _in_font(c) else f"U+{ord(c):04X}" for c in text)


@cache
def _in_font(character: str) -> bool:
    missing = font(16).getmask("\uffff")
    mask = font(16).getmask(character)
    return mask.size != missing.size or bytes(mask) != bytes(missing)


@lru_cache(maxsize=4096)
def tile(label: str, height: int) -> np.ndarray:
    """(height, w) uint8, 255 = ink: the label on one line, characters in squares of `height` pixels. Read-only."""
    parts = [_stroke_tile(p.strokes, height) if p.strokes else _font_tile(p.text, height) for p in pieces(label)]
    whole = np.concatenate(parts, axis=1) if parts else np.zeros((height, 0), np.uint8)
    whole.flags.writeable = False
    return whole


def _font_tile(text: str, height: int) -> np.ndarray:
    chosen = font(max(6, round(height * FONT_SHARE)))
    image = Image.new("L", (max(1, round(chosen.getlength(text)) + 1), height))
    draw = ImageDraw.Draw(image)
    if isinstance(chosen, ImageFont.FreeTypeFont):
        draw.text((0, round(height * BASELINE)), text, fill=255, font=chosen, anchor="ls")
    else:  # pillow built without FreeType: a bitmap font that knows no anchors
        draw.text((0, 0), text, fill=255, font=chosen)
    return np.asarray(image)


def _stroke_tile(drawn: Sequence[np.ndarray], height: int) -> np.ndarray:
    side = height * _OVERSAMPLING
    image = Image.new("L", (side, side))
    draw = ImageDraw.Draw(image)
    width = max(_OVERSAMPLING, round(pen_width(drawn) * side))
    for stroke in drawn:
        points = [(float(x), float(y)) for x, y in stroke * side]
        draw.line(points, fill=255, width=width, joint="curve")
        for x, y in (points[0], points[-1]):
            draw.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=255)
    return np.asarray(image.resize((height, height), Image.Resampling.BOX))
