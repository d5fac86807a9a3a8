"""One character by many writers, as line segments on the em square: what the rasteriser draws."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from core.glyphs.penman import ink
from core.glyphs.penman.forms import forms
from core.glyphs.penman.master import CONNECTOR_POINTS, Master, masters
from core.glyphs.penman.noise import Floats, Noise, keys
from core.glyphs.penman.shape import shape
from core.glyphs.penman.strokes import Index
from core.glyphs.penman.writer import WARP_TERMS, Style, style


class Purpose(IntEnum):
    """What a key is for: different uses of one writer's number must not share random numbers."""

    STYLE = 1
    FORM = 2
    STROKES = 3
    SIZE = 4
    SCAN = 5


EDGE = 0.97  # em: nothing is written beyond
WARP_TERMS_ALL = 7  # x x, x y, y y, and the four cubic ones
# Deviations of one sample from the writer's habit.
SAMPLE_WARP = 0.018  # em, before sloppiness
SAMPLE_ASPECT = 0.03
SAMPLE_SLANT = 0.025
SAMPLE_RISE = 0.02
SAMPLE_TURN = 0.02  # radians
SAMPLE_SIZE = 0.045
SAMPLE_PLACE = 0.03  # em
SAMPLE_WIDTH = 0.08


class Segments(NamedTuple):
    """M segments of each of B samples, (B, M), in em (-1 .. 1); a width of 0 is the pen in the air."""

    x0: Floats
    y0: Floats
    x1: Floats
    y1: Floats
    width: Floats
    dark: Floats  # 0 .. 1 and a little over


def style_of(writers: Index, seed: int) -> Style:
    """The traits of these writers."""
    return style(keys(seed, Purpose.STYLE, writers))


def form_of(character: str, writers: Index, seed: int) -> Index:
    """(B,) which form of the character each writer has made a habit of."""
    shares = np.cumsum([form.share for form in forms(character)])
    rank = Noise(keys(seed, Purpose.FORM, ord(character), writers)).uniform(1)[:, 0]
    return np.minimum(np.searchsorted(shares, rank, side="right"), len(shares) - 1)


def write(master: Master, style: Style, noise: Noise) -> Segments:
    """B samples of one form of a character."""
    points = shape(master, style, noise)
    wide = ink.width(master, style, noise)
    links = ink.connectors(points, master, style, noise)
    placed = _place(np.concatenate([points, links.points], axis=2), style, noise)
    width = np.concatenate([wide, links.width], axis=1)
    dark = np.concatenate([ink.dark(wide), links.dark], axis=1)
    return _segments(placed, width, dark, _starts(master), style, noise)


def _starts(master: Master) -> Index:
    """(M,) points from which a segment runs to the next point."""
    last = np.zeros(len(master.stroke) + CONNECTOR_POINTS * (len(master.length) - 1), bool)
    last[master.stop] = True
    last[len(master.stroke) + CONNECTOR_POINTS - 1 :: CONNECTOR_POINTS] = True
    last[-1] = True
    return np.flatnonzero(~last)


def _segments(points: Floats, width: Floats, dark: Floats, at: Index, style: Style, noise: Noise) -> Segments:
    up = (width[:, at] <= 0) | (width[:, at + 1] <= 0)
    pen = (style.width * np.exp(SAMPLE_WIDTH * noise.normal(1)[:, 0]))[:, None]
    mean = (width[:, at] + width[:, at + 1]) / 2 * pen
    shade = (dark[:, at] + dark[:, at + 1]) / 2 * style.dark[:, None]
    (x0, y0), (x1, y1) = points[:, :, at], points[:, :, at + 1]
    return Segments(x0, y0, x1, y1, np.where(up, 0, mean).astype(np.float32), shade.astype(np.float32))


def _place(points: Floats, style: Style, noise: Noise) -> Floats:
    """Warp, slant, turn, scale and shift the whole character, and keep it inside the square."""
    x, y = points + _warp(points, style, noise)
    aspect, slant, rise, turn, size, right, down = noise.normal(7).T[:, :, None]
    stretch = np.sqrt(style.aspect[:, None] * np.exp(SAMPLE_ASPECT * aspect))
    x, y = x * stretch * (1 + style.wide[:, None]), y / stretch
    slant, rise, turn = (
        style.slant[:, None] + SAMPLE_SLANT * slant,
        style.rise[:, None] + SAMPLE_RISE * rise,
        SAMPLE_TURN * turn,
    )
    x, y = x - (slant + turn) * y, y - (rise - turn) * x
    scale = style.size[:, None] * np.exp(SAMPLE_SIZE * size)
    x = x * scale + style.right[:, None] + SAMPLE_PLACE * right
    y = y * scale + style.down[:, None] + SAMPLE_PLACE * down
    return _inside(np.stack([x, y]).astype(np.float32))


def _warp(points: Floats, style: Style, noise: Noise) -> Floats:
    amount = SAMPLE_WARP * style.sloppy[:, None, None] * noise.normal(2, WARP_TERMS_ALL)  # (B, 2, 7)
    amount[:, :, :WARP_TERMS] += style.warp
    x, y = points
    xx, xy, yy = x * x, x * y, y * y
    terms = (xx, xy, yy, xx * x, xx * y, yy * x, yy * y)
    moved = [sum(amount[:, axis, k, None] * term for k, term in enumerate(terms)) for axis in (0, 1)]
    return np.stack([np.asarray(m, np.float32) for m in moved])


def _inside(points: Floats) -> Floats:
    low, high = points.min(2, keepdims=True), points.max(2, keepdims=True)
    half, middle = (high - low) / 2, (high + low) / 2
    shrink = np.minimum(1, EDGE / np.maximum(half.max(0), 1e-6))
    room = EDGE - half * shrink
    inside: Floats = (points - middle) * shrink + np.clip(middle, -room, room)
    return inside


def written(character: str, writers: Index, *, seed: int, sample: int) -> list[tuple[Index, Segments]]:
    """The samples by form: [(rows of the batch, their segments)]."""
    chosen = form_of(character, writers, seed)
    drawn = []
    for number, master in enumerate(masters(character)):
        rows = np.flatnonzero(chosen == number)
        if len(rows):
            noise = Noise(keys(seed, Purpose.STROKES, ord(character), sample, writers[rows]))
            drawn.append((rows, write(master, style_of(writers[rows], seed), noise)))
    return drawn
