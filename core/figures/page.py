"""A page of image blocks with labels, captions and hairlines, at a whole-number scale that suits an article.

Everything here is ink: uint8 arrays (h, w), 0 is paper and 255 full ink.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import NamedTuple

import numpy as np

from core.figures import kana

# Pixels of the page, whatever the scale of the images.
MARGIN = 24
GAP = 36  # between blocks
TIGHT = 12  # between the title, a line of blocks and the note
TITLE = 26
CAPTION = 22
COLUMN_LABEL = 16
LABEL_GAP = 10
HAIRLINE = 1

FAINT = 40  # ink of a hairline
SOFT = 150  # ink of what is said by the way

PAGE = 1500, 1600  # width and height that a page keeps below, unless scale 1 already goes beyond
CELL = 96  # an image is enlarged up to about here
SHAPE = 1.25  # width by height that a page likes best
MOST_PANELS = 6
LONGEST_LABEL = 12  # characters
LONGEST_TITLE = 80
NARROWEST_TITLE = 460  # pixels: a small grid makes room for so much


@dataclass(frozen=True)
class Block:
    """Rows of images, with a label a row, a caption a column, and one above: each of them may be missing."""

    images: np.ndarray  # (R, C, H, W) uint8, 255 = ink
    rows: Sequence[str] = ()  # R or none
    columns: Sequence[str] = ()  # C or none
    caption: str = ""

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.images.dtype != np.uint8 or 0 in self.images.shape:
            raise ValueError(f"images must be (R, C, H, W) uint8, none of them 0: {self.images.shape}")
        for labels, count in zip((self.rows, self.columns), self.images.shape[:2], strict=True):
            if labels and len(labels) != count:
                raise ValueError(f"{len(labels)} labels for {count} rows or columns of images")

    def panels(self, count: int) -> "list[Block]":
        """The same rows in (at most) `count` blocks of equal height, to stand side by side; the last may be short."""
        step = math.ceil(len(self.images) / count)
        starts = range(0, len(self.images), step)
        return [replace(self, images=self.images[i : i + step], rows=self.rows[i : i + step]) for i in starts]

    def size(self, scale: int) -> tuple[int, int]:
        """(width, height) in pixels of the page."""
        count, across, high, wide = self.images.shape
        above = (CAPTION + TIGHT if self.caption else 0) + (COLUMN_LABEL + 4 if self.columns else 0)
        left = self._label_width(scale)
        return left + across * (wide * scale + HAIRLINE) + HAIRLINE, above + count * (
            high * scale + HAIRLINE
        ) + HAIRLINE

    def draw(self, scale: int) -> np.ndarray:
        """(height, width) ink."""
        left = self._label_width(scale)
        parts = [tile_images(self.images, scale)]
        if self.columns:
            parts.insert(0, np.pad(self._column_labels(scale), ((0, 4), (0, 0))))
        if self.caption:
            parts.insert(0, np.pad(kana.tile(self.caption, CAPTION), ((0, TIGHT), (0, 0))))
        body = stack(parts, 0)
        if not left:
            return body
        labels = np.zeros((body.shape[0], left), np.uint8)
        pitch = self.images.shape[2] * scale + HAIRLINE
        top = body.shape[0] - len(self.images) * pitch
        for row, label in enumerate(self._row_tiles(scale)):
            put(labels, label, top + row * pitch + (pitch - label.shape[0]) // 2, left - LABEL_GAP - label.shape[1])
        return np.concatenate([labels, body], axis=1)

    def _row_tiles(self, scale: int) -> list[np.ndarray]:
        height = int(np.clip(round(0.62 * self.images.shape[2] * scale), 12, 36))
        return [kana.tile(shorten(label), height) for label in self.rows]

    def _label_width(self, scale: int) -> int:
        return max((label.shape[1] + LABEL_GAP for label in self._row_tiles(scale)), default=0)

    def _column_labels(self, scale: int) -> np.ndarray:
        """Captions over their columns; where they are too wide, only every second, third, ... with both ends."""
        pitch = self.images.shape[3] * scale + HAIRLINE
        tiles = [kana.tile(shorten(label), COLUMN_LABEL) for label in self.columns]
        needed = math.ceil((max(t.shape[1] for t in tiles) + 4) / pitch)
        last = len(tiles) - 1
        every = next((k for k in range(needed, last + 1) if last % k == 0), last + 1)
        strip = np.zeros((COLUMN_LABEL, len(tiles) * pitch + HAIRLINE), np.uint8)
        for column in range(0, len(tiles), every):
            put(strip, tiles[column], 0, column * pitch + (pitch - tiles[column].shape[1]) // 2)
        return soft(strip)


class Layout(NamedTuple):
    """How blocks stand on a page: whole-number scale of the images, blocks in a line."""

    scale: int
    across: int


def fit(blocks: Sequence[Block], *, across: int = 0, room: tuple[int, int] = PAGE) -> Layout:
    """The largest scale within `room`, then the most pleasing shape; scale 1 where nothing fits.

    `across` fixes how many blocks stand in a line.
    """
    largest = max(1, -(-CELL // max(blocks[0].images.shape[2:])))
    lines = [across] if across else range(1, len(blocks) + 1)
    layouts = [Layout(scale, count) for scale, count in product(range(1, largest + 1), lines)]
    return max(layouts, key=lambda layout: _merit(blocks, layout, room))


def page_size(blocks: Sequence[Block], layout: Layout) -> tuple[int, int]:
    """(width, height) of the blocks with their gaps; without margin, title and note."""
    sizes = [block.size(layout.scale) for block in blocks]
    lines = [sizes[i : i + layout.across] for i in range(0, len(sizes), layout.across)]
    width = max(sum(w for w, _ in line) + GAP * (len(line) - 1) for line in lines)
    return width, sum(max(h for _, h in line) for line in lines) + GAP * (len(lines) - 1)


def _merit(blocks: Sequence[Block], layout: Layout, room: tuple[int, int]) -> tuple[float, float, float]:
    width, height = page_size(blocks, layout)
    places = -(-len(blocks) // layout.across) * layout.across
    empty = 1 - len(blocks) / places
    return (
        -max(width / room[0], height / room[1], 1.0),
        layout.scale,
        -abs(math.log(width / height / SHAPE)) - 2 * empty,
    )


def in_panels(block: Block, *, room: tuple[int, int] = PAGE) -> tuple[list[Block], Layout]:
    """A tall block cut into as many panels side by side as make the best page."""
    counts = range(1, min(MOST_PANELS, len(block.images)) + 1)
    choices = [(panels, fit(panels, across=len(panels), room=room)) for panels in map(block.panels, counts)]
    return max(choices, key=lambda choice: _merit(choice[0], choice[1], room))


def compose(blocks: Sequence[Block], layout: Layout, *, title: str = "", note: str = "") -> np.ndarray:
    """(h, w) ink: title, blocks in reading order, a soft note below."""
    drawn = [block.draw(layout.scale) for block in blocks]
    lines = [beside(drawn[i : i + layout.across]) for i in range(0, len(drawn), layout.across)]
    body = stack(lines, GAP)
    parts = [_headline(title, body.shape[1]), body] if title else [body]
    parts += [soft(kana.tile(note, COLUMN_LABEL))] if note else []
    return np.pad(stack(parts, TIGHT), MARGIN)


def _headline(title: str, width: int) -> np.ndarray:
    """The title, shortened to the width of what stands below it."""
    room, most = max(width, NARROWEST_TITLE), LONGEST_TITLE
    ink = kana.tile(shorten(title, most), TITLE)
    while ink.shape[1] > room and most > 2:
        most = min(most - 1, most * room // ink.shape[1])
        ink = kana.tile(shorten(title, most), TITLE)
    return ink


def tile_images(images: np.ndarray, scale: int) -> np.ndarray:
    """(R, C, H, W) -> ink of all of them, enlarged by repeating pixels, with hairlines between and around."""
    rows, columns, high, wide = images.shape
    big = images.repeat(scale, axis=2).repeat(scale, axis=3)
    framed = np.full((rows, columns, high * scale + HAIRLINE, wide * scale + HAIRLINE), FAINT, np.uint8)
    framed[:, :, HAIRLINE:, HAIRLINE:] = big
    flat = framed.transpose(0, 2, 1, 3).reshape(rows * framed.shape[2], columns * framed.shape[3])
    return np.pad(flat, ((0, HAIRLINE), (0, HAIRLINE)), constant_values=FAINT)


def stack(parts: Sequence[np.ndarray], gap: int) -> np.ndarray:
    """Below each other, flush left."""
    width = max(part.shape[1] for part in parts)
    padded = [np.pad(part, ((0, gap), (0, width - part.shape[1]))) for part in parts]
    return np.concatenate(padded)[: -gap or None]


def beside(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Side by side, flush at the top."""
    return stack([part.T for part in parts], GAP).T


def put(page: np.ndarray, ink: np.ndarray, top: int, left: int) -> None:
    """Lay ink on a page in place; what would stick out is cut off."""
    top, left = max(top, 0), max(left, 0)
    room = page[top : top + ink.shape[0], left : left + ink.shape[1]]
    np.maximum(room, ink[: room.shape[0], : room.shape[1]], out=room)


def soft(ink: np.ndarray) -> np.ndarray:
    """The same in grey."""
    return (ink.astype(np.uint16) * SOFT // 255).astype(np.uint8)


def shorten(label: str, most: int = LONGEST_LABEL) -> str:
    """A label of at most that many characters."""
    return label if len(label) <= most else label[: most - 1] + "…"
