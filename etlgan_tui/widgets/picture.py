"""A picture of samples, its characters beside the rows: the terminal's own graphics, braille, or half-cells.

Textual-image asks the terminal what it can draw when it is imported; `ask_terminal` does that, once, before the app
runs. Until then, and in tests, pictures are text.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.containers import Container, Horizontal, VerticalScroll
from textual.geometry import Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from core.errors import DataError
from etlgan_tui import pictures, sixels
from etlgan_tui.widgets.lines import Lines

if TYPE_CHECKING:
    from numpy.typing import NDArray

Mode = Literal["graphics", "braille", "cells"]
MODES: tuple[Mode, ...] = ("graphics", "braille", "cells")

_ZOOM_CELLS = 16  # columns a sample in half-cells: 16 x 16 pixels, enough to see greys and strokes
_CELL_HEIGHT_TO_WIDTH = 2
_ANSWER_SECONDS = 0.1  # for a terminal that does not know what it was asked

_graphics: type[Any] | None = None  # textual-image's widget for this terminal, once asked


def ask_terminal() -> bool:
    """Whether this terminal draws pictures (Kitty, Sixel). Call once, before the app runs: the answer is typed in."""
    global _graphics
    from textual_image.renderable import HalfcellImage, Image, TGPImage, UnicodeImage

    if Image in (HalfcellImage, UnicodeImage) or (Image is TGPImage and not _knows_placeholders()):
        return False
    from textual_image.widget import Image as GraphicsImage

    sixels.mend()
    _graphics = GraphicsImage
    return True


def _knows_placeholders() -> bool:
    """Whether this terminal of Kitty's protocol has pictures in the place of characters (U=1), as they are drawn here.

    Kitty itself has from 0.28 on; before, it does not answer a question with that key, and shows boxes for pictures.
    """
    from textual_image._terminal import TerminalError, capture_terminal_response

    start, end = "\x1b_G", "\x1b\\"
    try:
        with capture_terminal_response(start_marker=start, end_marker=end, timeout=_ANSWER_SECONDS) as response:
            sys.__stdout__.write(f"{start}i=1,s=1,v=1,a=q,t=d,f=24,U=1;AAAA{end}")  # type: ignore[union-attr]
            sys.__stdout__.flush()  # type: ignore[union-attr]
    except (TerminalError, TimeoutError):
        return False
    return bool(response.sequence.endswith(f";OK{end}"))


def usual_mode() -> Mode:
    return "graphics" if _graphics else "braille"


def next_mode(mode: Mode) -> Mode:
    """The one that a key press shows; graphics only where the terminal has them."""
    modes = [each for each in MODES if each != "graphics" or _graphics]
    return modes[(modes.index(mode) + 1) % len(modes)] if mode in modes else modes[0]


class Picture(Container):
    """One picture file. A damaged or half-written one leaves the last good picture where it was."""

    mode: reactive[Mode] = reactive[Mode]("braille")

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.labels: tuple[str, ...] = ()
        self.problem = ""
        self._ink: NDArray[np.uint8] | None = None
        self._shown: tuple[Path, int, int] | None = None

    def compose(self) -> ComposeResult:
        yield TextPicture()

    def show(self, path: Path | None, labels: Sequence[str]) -> None:
        """Draw the file, one label a row of samples; None clears."""
        if path is None:
            self._ink, self._shown, self.problem = None, None, ""
            self._redraw()
            return
        try:
            found = path.stat()
            stamp = (path, found.st_mtime_ns, found.st_size)
            if stamp == self._shown:
                return
            ink = pictures.load(path)
        except (DataError, OSError) as error:
            self.problem = f"{path.name}: {getattr(error, 'strerror', None) or 'half-written or damaged'}"
            self._redraw()
            return
        self._ink, self._shown, self.labels, self.problem = ink, stamp, tuple(labels), ""
        self._redraw()

    def watch_mode(self) -> None:
        self._redraw()

    def _redraw(self) -> None:
        if not self.is_mounted:
            return
        graphics = self.mode == "graphics" and _graphics is not None and self._ink is not None
        text = self.query_one(TextPicture)
        text.display = not graphics
        for old in self.query(GraphicsPicture):
            old.remove()
        if graphics and self._ink is not None:
            self.mount(GraphicsPicture(self._ink, self.labels))
        else:
            text.show(self._ink, self.labels, zoomed=self.mode == "cells", problem=self.problem)

    def on_mount(self) -> None:
        self._redraw()


class TextPicture(ScrollView, can_focus=True):
    """Samples as braille (all of them, 8 x 4 cells each) or half-cells (fewer, 16 x 8 cells each, every grey)."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"text-picture--label"}

    def __init__(self) -> None:
        super().__init__()
        self._ink: NDArray[np.uint8] | None = None
        self._labels: tuple[str, ...] = ()
        self._zoomed = False
        self._problem = ""
        self._lines: list[list[Segment]] = []
        self._style = Style()

    def show(self, ink: NDArray[np.uint8] | None, labels: tuple[str, ...], *, zoomed: bool, problem: str = "") -> None:
        """(H, W) uint8, 255 = ink."""
        self._ink, self._labels, self._zoomed, self._problem = ink, labels, zoomed, problem
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._draw()

    def _draw(self) -> None:
        self._style = self.rich_style  # worked out from all ancestors: too dear for every line
        width = self.scrollable_content_region.width
        self._lines = [] if self._ink is None or width < 1 else self._drawn(self._ink, width)
        self.virtual_size = Size(width, len(self._lines))
        self.refresh()

    def _drawn(self, ink: NDArray[np.uint8], width: int) -> list[list[Segment]]:
        samples = pictures.cells(ink, rows=len(self._labels))
        if samples is None:
            image = pictures.trimmed(ink)
            if self._zoomed:
                return half_cells(image, width)
            return [[Segment(line, self._style)] for line in pictures.braille(image, columns=width)]
        margin = max(map(cell_len, self._labels), default=0) + 1
        room = max(width - margin, 4)
        if self._zoomed:
            lines, tall = _zoomed(samples, room), _ZOOM_CELLS // _CELL_HEIGHT_TO_WIDTH
        else:
            text = pictures.braille_grid(samples, columns=room, rows=len(samples))
            lines, tall = [[Segment(line, self._style)] for line in text], pictures.TILE // 4
        style = self.get_component_rich_style("text-picture--label")
        return [[self._label(at, tall, margin, style), *line] for at, line in enumerate(lines)]

    def _label(self, line: int, tall: int, margin: int, style: Style) -> Segment:
        """The character of a row, on the middle line of that row."""
        row, within = divmod(line, tall)
        text = self._labels[row] if within == tall // 2 - 1 and row < len(self._labels) else ""
        return Segment(set_cell_size(text, margin), style)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        at = self.scroll_offset.y + y
        if at < len(self._lines):
            return Strip(self._lines[at]).adjust_cell_length(width, self._style)
        text = (self._problem if self._ink is None and self._problem else "no picture yet") if not self._lines else ""
        return Strip([Segment(text if y == 0 else "", self._style)]).adjust_cell_length(width, self._style)


class GraphicsPicture(VerticalScroll):
    """The picture itself, as large as fits, for terminals that can."""

    def __init__(self, ink: NDArray[np.uint8], labels: tuple[str, ...], *, columns: int = 0) -> None:
        """`columns`: at most so many cells wide; 0: as wide as there is room for."""
        super().__init__()
        self._ink, self._labels, self._columns = ink, labels, columns

    def compose(self) -> ComposeResult:
        from PIL import Image

        assert _graphics is not None, "only mounted where the terminal draws pictures"
        margin = max(map(cell_len, self._labels), default=0) + 1
        with Horizontal():
            labels = Lines(classes="row-labels")
            labels.styles.width = margin
            yield labels
            yield _graphics(Image.fromarray(255 - self._ink))

    def on_mount(self) -> None:
        self._arrange()

    def on_resize(self) -> None:
        self._arrange()

    def watch_virtual_size(self) -> None:
        """Textual 8.2 tells a widget nothing of its first size if somebody asked where it is before it was laid out."""
        self.call_later(self._arrange)

    def _arrange(self) -> None:
        """As wide as there is room for; a label stands at the middle of its row."""
        images = self.query(_graphics) if _graphics else ()
        if not images or not self.size:
            return
        height, width = self._ink.shape
        margin = max(map(cell_len, self._labels), default=0) + 1
        columns = max(4, min(self.size.width - margin, width // 4, self._columns or width))
        lines = max(1, round(columns * height / width / _CELL_HEIGHT_TO_WIDTH))
        images.first().styles.width, images.first().styles.height = columns, lines
        column = [""] * lines
        for row, text in enumerate(self._labels):
            column[min(int((row + 0.5) * lines / len(self._labels)), lines - 1)] = text
        self.query_one(".row-labels", Lines).update("\n".join(column))


def _zoomed(samples: NDArray[np.uint8], room: int) -> list[list[Segment]]:
    """(R, C, S, S) -> half-cell lines, as many samples a row as fit."""
    rows, columns, side, _ = samples.shape
    across = max(1, min(columns, room // _ZOOM_CELLS))
    mosaic = samples[:, :across].transpose(0, 2, 1, 3).reshape(rows * side, across * side)
    return half_cells(mosaic, min(across * _ZOOM_CELLS, room), tall=rows * _ZOOM_CELLS)


def half_cells(image: NDArray[np.uint8], width: int, *, tall: int = 0) -> list[list[Segment]]:
    """Ink white on black, two pixels a cell, in as few segments as there are changes of grey."""
    from PIL import Image

    height = tall or max(2, 2 * round(width * image.shape[0] / image.shape[1] / 2))
    grey = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BOX), dtype=np.uint8) & 0xF8
    lines = []
    for upper, lower in zip(grey[0::2].tolist(), grey[1::2].tolist(), strict=True):
        segments, start = [], 0
        pairs = list(zip(upper, lower, strict=True))
        for at in range(1, width + 1):
            if at == width or pairs[at] != pairs[start]:
                segments.append(Segment("▀" * (at - start), _greys(*pairs[start])))
                start = at
        lines.append(segments)
    return lines


@lru_cache(maxsize=2048)
def _greys(top: int, bottom: int) -> Style:
    return Style.parse(f"rgb({top},{top},{top}) on rgb({bottom},{bottom},{bottom})")
