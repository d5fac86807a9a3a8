"""Cells as ETL's scanners gave them: a small character off the middle, grey paper, print and neighbours at the edges.

The quantiles are those of real cells: ETL9G for the place, the size and the fragments, ETL1 for the paper. The truth is
given apart, so that a preparation step can be scored: what it should keep (`ink`) and what it should drop.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.glyphs.cells.resize import Frame, resample
from core.glyphs.penman.noise import Floats, Noise, keys
from core.glyphs.penman.pen import Purpose, Segments, style_of, written
from core.glyphs.penman.raster import rasterise
from core.glyphs.penman.strokes import Index
from core.glyphs.penman.writer import Style

Bytes = NDArray[np.uint8]


class ScannedCells(NamedTuple):
    """n cells; a cell is near (levels - 1) * (paper + (1 - paper) * max(ink, foreign) / 255), but for grain."""

    cells: Bytes  # (n, height, width) raw, 0 .. levels - 1, high is ink
    ink: Bytes  # (n, height, width) the character's own ink, 0 .. 255
    foreign: Bytes  # (n, height, width) neighbours and printed frame, 0 .. 255
    paper: Floats  # (n,) grey of the sheet, 0 .. 1


class Quantiles(NamedTuple):
    """A distribution by its value at some ranks (0 .. 1), straight lines in between."""

    ranks: tuple[float, ...]
    values: tuple[float, ...]

    def at(self, rank: Floats) -> Floats:
        return np.interp(rank, self.ranks, self.values).astype(np.float32)


class Look(NamedTuple):
    """What one kind of scan has of its own."""

    side: Quantiles  # the character's longer side as a share of the cell
    paper: Quantiles  # grey of a sheet
    pen: float  # the line's width, against what the character's size would give


_RANKS = (0.0, 0.05, 0.5, 0.95, 1.0)
_CLEAN = Quantiles((0.0, 1.0), (0.0, 0.0))
ETL9 = Look(Quantiles(_RANKS, (0.29, 0.33, 0.42, 0.58, 0.64)), _CLEAN, 1.15)
ETL1 = Look(Quantiles(_RANKS, (0.40, 0.46, 0.60, 0.76, 0.82)), Quantiles(_RANKS, (0.0, 0.004, 0.133, 0.376, 0.45)), 1.3)
OFF_CENTRE = Quantiles((0.0, 0.5, 0.95, 1.0), (0.0, 0.07, 0.14, 0.18))  # of the cell
SIDE_WITH_ROOM = 0.5  # of the cell: smaller characters are not held by the cell
WIDE = 100  # pixels: from here on, and with two levels, cells look as ETL8's and ETL9's

GLYPH_MARGIN = 0.1  # of the square, free around a prepared character's longer side
TYPICAL_SIDE = 1.45  # em: the longer side of a written character, in the median
SIZE_JITTER = 0.05  # between the characters of one writer

NEIGHBOURS = "のにをはとたしがてん国人日"
NEIGHBOUR_CHANCES = (0.45, 0.27)  # of a first and a second neighbour
FRAME_CHANCE = 0.30  # together 1 - 0.55 * 0.73 * 0.70 = 72 % of the cells have something foreign
INTRUSION = (0.02, 0.10)  # of the cell: how far a neighbour reaches in
FRAME_PIECES = 8  # of a printed line, some of them lost
FRAME_WIDTH = 0.022  # em of the cell, which is 2 wide
FRAME_INK = (0.25, 0.65)

THRESHOLD = 0.27  # of a scanner with two levels: the weakest strokes break, as they do in ETL8B
PAPER_GRAIN = 0.22  # of the paper's grey
SCANNER_NOISE = 0.006  # of full scale, on grey paper


def scanned(
    character: str, writers: Index, *, width: int, height: int, levels: int, seed: int, sample: int
) -> ScannedCells:
    """One cell a writer."""
    look = ETL9 if width >= WIDE or levels == 2 else ETL1
    drawn, style = written(character, writers, seed=seed, sample=sample), style_of(writers, seed)
    noise = Noise(keys(seed, Purpose.SCAN, ord(character), sample, writers))
    side, paper = look.side.at(_habit(writers, seed)), look.paper.at(style.paper)
    scale = side * np.exp(SIZE_JITTER * noise.normal(1)[:, 0]) * min(width, height) / TYPICAL_SIDE
    canvas = _Canvas(height, width, scale, look.pen)
    own = canvas.draw(drawn, *_place(noise, side, height, width))
    foreign = np.maximum(_frame(noise, height, width), _neighbours(canvas, noise, writers, seed=seed, sample=sample))
    return _seen(own, foreign, paper, style, noise, levels)


def rescanned(
    glyphs: Floats, sheets: Index, samples: Index, *, width: int, height: int, levels: int, seed: int
) -> ScannedCells:
    """Characters that somebody else drew, (B, S, S) ink 0 .. 1 with free margins of GLYPH_MARGIN, as cells of a scan.

    `sheets` (B,) number paper, pen and scanner; `samples` (B,) the place in the cell, the frame and the neighbours.
    """
    look = ETL9 if width >= WIDE or levels == 2 else ETL1
    style, noise = style_of(sheets, seed), Noise(keys(seed, Purpose.SCAN, samples))
    side, paper = look.side.at(_habit(sheets, seed)), look.paper.at(style.paper)
    longer = side * np.exp(SIZE_JITTER * noise.normal(1)[:, 0]) * min(width, height)
    x, y = _place(noise, side, height, width)
    scale = longer / (glyphs.shape[1] * (1 - 2 * GLYPH_MARGIN))
    middle = np.float32(glyphs.shape[1] / 2)
    size = max(width, height)
    frame = Frame(scale.astype(np.float32), middle - y / scale, middle - x / scale)
    top, left = (size - height) // 2, (size - width) // 2
    own = np.clip(resample(glyphs, frame, size), 0, 1)[:, top : top + height, left : left + width]
    canvas = _Canvas(height, width, longer / TYPICAL_SIDE, look.pen)
    foreign = np.maximum(_frame(noise, height, width), _neighbours(canvas, noise, sheets, seed=seed, sample=0))
    return _seen(own, foreign, paper, style, noise, levels)


def _seen(own: Floats, foreign: Floats, paper: Floats, style: Style, noise: Noise, levels: int) -> ScannedCells:
    """(B, height, width) ink of the character and of the rest -> what the scanner makes of it."""
    height, width = own.shape[1:]
    tooth = _tooth(noise, height, width)
    own, foreign = _scanned(own, tooth, style, width), _scanned(foreign, tooth, style, width)
    grey = _grey_paper(paper, tooth, noise)
    value = grey + (1 - grey) * np.maximum(own, foreign)
    cells = value > THRESHOLD if levels == 2 else np.rint(np.clip(value, 0, 1) * (levels - 1))
    return ScannedCells(cells.astype(np.uint8), _bytes(own), _bytes(foreign), paper)


def _habit(writers: Index, seed: int) -> Floats:
    """(B,) rank of the writer's size among all writers."""
    return Noise(keys(seed, Purpose.SIZE, writers)).uniform(1)[:, 0]


def _place(noise: Noise, side: Floats, height: int, width: int) -> tuple[Floats, Floats]:
    """(B,) pixels right and down of the cell's middle; a large character has less room."""
    rank, direction = noise.uniform(2).T
    room = np.minimum(1, (1 - side) / (1 - SIDE_WITH_ROOM))
    off, angle = OFF_CENTRE.at(rank) * room, 2 * np.pi * direction
    return (off * np.cos(angle) * width).astype(np.float32), (off * np.sin(angle) * height).astype(np.float32)


class _Canvas(NamedTuple):
    """Cells of one size, and the scale (B,) pixels an em at which each of the writers writes."""

    height: int
    width: int
    scale: Floats
    pen: float

    def draw(self, drawn: list[tuple[Index, Segments]], x: Floats, y: Floats) -> Floats:
        """(B, height, width) ink of samples given by form, (x, y) pixels off the middle."""
        image = np.zeros((len(self.scale), self.height, self.width), np.float32)
        for rows, segments in drawn:
            heavier = segments._replace(width=segments.width * np.float32(self.pen))
            image[rows] = rasterise(
                heavier, height=self.height, width=self.width, scale=self.scale[rows], x=x[rows], y=y[rows]
            )
        return image

    def rows(self, index: Index) -> _Canvas:
        return self._replace(scale=self.scale[index])


def _neighbours(canvas: _Canvas, noise: Noise, writers: Index, *, seed: int, sample: int) -> Floats:
    """(B, height, width) ink of characters in the cells around, as far as they reach in."""
    image = np.zeros((len(writers), canvas.height, canvas.width), np.float32)
    for chance in NEIGHBOUR_CHANCES:
        there, which, edge, depth, along = noise.uniform(5).T
        choice = (which * len(NEIGHBOURS)).astype(np.intp)
        depth = INTRUSION[0] + (INTRUSION[1] - INTRUSION[0]) * depth
        for number in np.unique(choice[there < chance]):
            rows = np.flatnonzero((choice == number) & (there < chance))
            drawn = written(NEIGHBOURS[number], writers[rows], seed=seed, sample=sample + 1)
            part = canvas.rows(rows)
            image[rows] = np.maximum(image[rows], _intruding(part, drawn, edge[rows], depth[rows], along[rows]))
    return image


def _intruding(
    canvas: _Canvas, drawn: list[tuple[Index, Segments]], edge: Floats, depth: Floats, along: Floats
) -> Floats:
    """Shift each sample so that it reaches `depth` of the cell over one edge: 0 left, 1 right, 2 top, 3 bottom."""
    shift = np.zeros((2, len(edge)), np.float32)
    for rows, segments in drawn:
        side = (edge[rows] * 4).astype(np.intp)
        horizontal, far = side < 2, side % 2 == 1
        low, high = _extent(segments, horizontal)
        size = np.where(horizontal, canvas.width, canvas.height)
        inner = np.where(far, low, high) * canvas.scale[rows]  # pixels from the sample's middle to its near border
        across = np.where(far, 1, -1) * (size / 2 - depth[rows] * size) - inner
        aside = (along[rows] - 0.5) * 0.2 * size
        shift[0, rows], shift[1, rows] = np.where(horizontal, across, aside), np.where(horizontal, aside, across)
    return canvas.draw(drawn, shift[0], shift[1])


def _extent(segments: Segments, horizontal: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """(B,) lowest and highest coordinate of the ink, em, of x or of y."""
    drawn = segments.width > 0
    first, last = (
        np.where(horizontal[:, None], a, b)
        for a, b in ((segments.x0, segments.y0), (segments.x1, segments.y1))
    )  # fmt: skip
    low = np.where(drawn, np.minimum(first, last), np.inf).min(1)
    high = np.where(drawn, np.maximum(first, last), -np.inf).max(1)
    return low.astype(np.float32), high.astype(np.float32)


def _frame(noise: Noise, height: int, width: int) -> Floats:
    """(B, height, width) printed lines near one to four edges, faint and broken."""
    there, first, ink = noise.uniform(3).T
    others, lost = noise.uniform(4), noise.uniform(4, FRAME_PIECES)
    inset, tilt = 0.01 + 0.05 * noise.uniform(4), 0.02 * noise.normal(4)
    drawn = (others < 0.25) | (np.arange(4) == (first * 4).astype(np.intp)[:, None])
    drawn &= (there < FRAME_CHANCE)[:, None]
    t = np.linspace(-1, 1, FRAME_PIECES + 1, dtype=np.float32)
    away = 1 - inset[..., None] + tilt[..., None] * t  # (B, 4, pieces + 1) em from the middle
    along = np.broadcast_to(t, away.shape)
    sign = np.array([-1, 1, -1, 1], np.float32)[:, None]
    upright = (np.arange(4) < 2)[:, None]
    x, y = np.where(upright, sign * away, along), np.where(upright, along, sign * away)
    line = np.where(drawn[..., None] & (lost > 0.2), FRAME_WIDTH, 0)
    dark = np.broadcast_to((FRAME_INK[0] + (FRAME_INK[1] - FRAME_INK[0]) * ink)[:, None, None], line.shape)
    pieces = (x[..., :-1], y[..., :-1], x[..., 1:], y[..., 1:], line, dark)
    segments = Segments(*(np.asarray(p, np.float32).reshape(len(ink), 4 * FRAME_PIECES) for p in pieces))
    return rasterise(segments, height=height, width=width, scale=min(width, height) / 2)


def _tooth(noise: Noise, height: int, width: int) -> Floats:
    """(B, height, width) paper grain, deviation about 1, a pixel and a half wide."""
    return 1.9 * _blur(noise.normal(height, width), np.float32(0.5))


def _scanned(ink: Floats, tooth: Floats, style: Style, width: int) -> Floats:
    """Paper takes less ink where it is rough, and the scanner's spot is round."""
    grain, blur = style.grain[:, None, None], style.blur[:, None, None]
    rough = ink * np.clip(1 - 0.8 * grain * np.abs(tooth), 0, 1)
    return np.minimum(_blur(rough, np.minimum(blur**2 * np.float32(max(width, 64) / 64), 0.5)), 1)


def _grey_paper(paper: Floats, tooth: Floats, noise: Noise) -> Floats:
    """(B, height, width) grey of the sheet with its grain; white paper stays clean."""
    level = paper[:, None, None]
    flipped = tooth[:, ::-1, ::-1]  # not the tooth under the line, at no cost
    slope = noise.normal(2) * np.float32(0.06)
    rows, columns = (np.linspace(-1, 1, n, dtype=np.float32) for n in tooth.shape[1:])
    uneven = slope[:, :1, None] * rows[:, None] + slope[:, 1:, None] * columns
    grey = level * (1 + PAPER_GRAIN * flipped + uneven) + SCANNER_NOISE * flipped * (level > 0)
    clipped: Floats = np.clip(grey, 0, 1).astype(np.float32)
    return clipped


def _blur(image: Floats, variance: Floats | np.float32) -> Floats:
    """Three taps down and across; variance in square pixels, at most 0.5."""
    side = variance / 2
    padded = np.pad(image, ((0, 0), (1, 1), (1, 1)), mode="edge")
    down: Floats = padded[:, 1:-1] * (1 - 2 * side) + side * (padded[:, :-2] + padded[:, 2:])
    blurred: Floats = down[:, :, 1:-1] * (1 - 2 * side) + side * (down[:, :, :-2] + down[:, :, 2:])
    return blurred


def _bytes(ink: Floats) -> Bytes:
    grey: Bytes = np.rint(np.clip(ink, 0, 1) * 255).astype(np.uint8)
    return grey
