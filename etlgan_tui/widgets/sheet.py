"""A sheet of images, a label beside each row and a caption over each column: terminal graphics, braille, half-cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.containers import Container
from textual.geometry import Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from etlgan_tui import pictures
from etlgan_tui.widgets.lines import Lines
from etlgan_tui.widgets.picture import GraphicsPicture, Mode, half_cells

if TYPE_CHECKING:
    from numpy.typing import NDArray

TILES = (8, 12, 16, 24, 32)  # columns that an image may take; it is half as many lines high
_LARGEST_PICTURE = 1600  # pixels wide: what a terminal is sent as graphics


class Leaf(NamedTuple):
    """What is shown."""

    images: NDArray[np.uint8]  # (R, C, S, S) 255 = ink
    labels: tuple[str, ...]  # R, or none
    captions: tuple[str, ...]  # C, or none
    tile: int  # columns an image


class SheetView(Container):
    """Shows what it is given; says by `room` how much it can show."""

    mode: reactive[Mode] = reactive[Mode]("braille")

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.leaf: Leaf | None = None
        self._told = ""

    def compose(self) -> ComposeResult:
        yield Lines(classes="captions")
        yield TextSheet()

    def room(self, tile: int, *, label: int, captions: bool) -> tuple[int, int]:
        """(rows, columns) of images of this size that fit beside labels of so many cells; at least one of each."""
        width, height = self.size
        return max(1, (height - captions) // (tile // 2)), max(1, (width - label - 1) // tile)

    def show(self, leaf: Leaf | None, *, told: str = "") -> None:
        """`told` stands where there is nothing to be shown."""
        self.leaf, self._told = leaf, told
        self._redraw()

    def watch_mode(self) -> None:
        self._redraw()

    def on_mount(self) -> None:
        self._redraw()

    def _redraw(self) -> None:
        if not self.is_mounted:
            return
        leaf, text = self.leaf, self.query_one(TextSheet)
        graphics = self.mode == "graphics" and leaf is not None
        text.display = not graphics
        for old in self.query(GraphicsPicture):
            old.remove()
        captions = self.query_one(".captions", Lines)
        captions.display = bool(leaf and leaf.captions)
        if leaf:
            captions.update(_captions(leaf))
        if graphics and leaf:
            wide = leaf.images.shape[1] * leaf.tile
            self.mount(GraphicsPicture(_mosaic(leaf.images, _graphics_side(leaf)), leaf.labels, columns=wide))
        else:
            text.show(leaf, zoomed=self.mode == "cells", told=self._told)


class TextSheet(ScrollView, can_focus=False):
    """The sheet as text."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"text-sheet--label"}

    def __init__(self) -> None:
        super().__init__()
        self._leaf: Leaf | None = None
        self._zoomed = False
        self._told = ""
        self._lines: list[list[Segment]] = []
        self._style = Style()

    def show(self, leaf: Leaf | None, *, zoomed: bool, told: str) -> None:
        self._leaf, self._zoomed, self._told = leaf, zoomed, told
        self._draw()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._draw()

    def _draw(self) -> None:
        self._style = self.rich_style  # worked out from all ancestors: too dear for every line
        self._lines = self._drawn(self._leaf) if self._leaf and self._leaf.images.size else []
        width = max((sum(segment.cell_length for segment in line) for line in self._lines), default=0)
        self.virtual_size = Size(width, len(self._lines))
        self.refresh()

    def _drawn(self, leaf: Leaf) -> list[list[Segment]]:
        across = leaf.images.shape[1] * leaf.tile
        if self._zoomed:
            lines = half_cells(_mosaic(leaf.images, leaf.tile), across)
        else:
            text = pictures.braille(_mosaic(leaf.images, 2 * leaf.tile), columns=across, tile=2 * leaf.tile)
            lines = [[Segment(line, self._style)] for line in text]
        margin, style = _margin(leaf), self.get_component_rich_style("text-sheet--label")
        return [[_label(leaf, at, margin, style), *line] for at, line in enumerate(lines)] if margin else lines

    def render_line(self, y: int) -> Strip:
        at, width = self.scroll_offset.y + y, self.size.width
        if at < len(self._lines):
            left = self.scroll_offset.x
            return Strip(self._lines[at]).crop(left, left + width).adjust_cell_length(width, self._style)
        text = self._told if y == 0 and not self._lines else ""
        return Strip([Segment(text, self._style)]).adjust_cell_length(width, self._style)


def _label(leaf: Leaf, line: int, margin: int, style: Style) -> Segment:
    """Of a row, on its middle line."""
    row, within = divmod(line, leaf.tile // 2)
    text = leaf.labels[row] if within == leaf.tile // 4 and row < len(leaf.labels) else ""
    return Segment(set_cell_size(text, margin), style)


def _margin(leaf: Leaf) -> int:
    return max(map(cell_len, leaf.labels), default=-1) + 1


def _captions(leaf: Leaf) -> str:
    """One over each column, cut to its width."""
    cut: Sequence[str] = [set_cell_size(caption, leaf.tile - 1) + " " for caption in leaf.captions]
    return " " * _margin(leaf) + "".join(cut)


def _graphics_side(leaf: Leaf) -> int:
    """Pixels an image: its own, where that does not make too large a picture."""
    _, across, side, _ = leaf.images.shape
    return max(8, min(int(side), _LARGEST_PICTURE // int(across)))


def _mosaic(images: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """(R, C, S, S) -> (R * side, C * side), every image resized by itself so that none runs into its neighbour."""
    from PIL import Image

    rows, across, old, _ = images.shape
    if side != old:
        way = Image.Resampling.BOX if side < old else Image.Resampling.BILINEAR
        sized = [np.asarray(Image.fromarray(image).resize((side, side), way)) for image in images.reshape(-1, old, old)]
        images = np.stack(sized).reshape(rows, across, side, side)
    return images.transpose(0, 2, 1, 3).reshape(rows * side, across * side)
