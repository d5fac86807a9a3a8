"""Lines of a log: follows the end, searches, and costs what is visible, however many lines come."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

MOST_LINES = 20_000  # kept; the file has them all


class LogView(ScrollView, can_focus=True):
    """Plain lines, already harmless: no markup is read, no escape is obeyed."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"log-view--found"}

    def __init__(self, *, placeholder: str, id: str | None = None) -> None:
        super().__init__(id=id)
        self.lines: deque[str] = deque(maxlen=MOST_LINES)
        self.placeholder = placeholder
        self.sought = ""
        self._shown: deque[str] = self.lines
        self._widest = 0

    def write_lines(self, lines: Iterable[str]) -> None:
        """Append; the view stays at the end when it was there."""
        new = list(lines)[-MOST_LINES:]
        if not new:
            return
        following = self.scroll_offset.y >= self.max_scroll_y - 1
        self.lines.extend(new)
        if self.sought:
            new = self._matching(new)
            self._shown.extend(new)
        self._widest = max(self._widest, max(map(cell_len, new), default=0))
        self._resize(follow=following)

    def search(self, text: str) -> int:
        """Show only the lines that hold `text` (any case), all for ""; says how many."""
        self.sought = text
        self._shown = deque(self._matching(self.lines), maxlen=MOST_LINES) if text else self.lines
        self._widest = max(map(cell_len, self._shown), default=0)
        self._resize(follow=True)
        return len(self._shown)

    def _matching(self, lines: Iterable[str]) -> list[str]:
        sought = self.sought.casefold()
        return [line for line in lines if sought in line.casefold()]

    def _resize(self, *, follow: bool) -> None:
        self.virtual_size = Size(self._widest, len(self._shown))
        if follow:
            self.scroll_end(animate=False, immediate=True, x_axis=False)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width, style = self.size.width, self.rich_style
        if not self._shown:
            text = self.placeholder if not self.sought else f"no line holds {self.sought!r}"
            return Strip([Segment(text if y == 0 else "", style)]).adjust_cell_length(width, style)
        at = self.scroll_offset.y + y
        line = self._shown[at] if at < len(self._shown) else ""
        strip = Strip(self._highlighted(line), cell_len(line))
        left = self.scroll_offset.x
        return strip.crop_extend(left, left + width, style)

    def _highlighted(self, line: str) -> list[Segment]:
        at = line.casefold().find(self.sought.casefold()) if self.sought else -1
        if at < 0:
            return [Segment(line, self.rich_style)]
        end = at + len(self.sought)
        found = self.get_component_rich_style("log-view--found")
        parts = ((line[:at], self.rich_style), (line[at:end], found), (line[end:], self.rich_style))
        return [Segment(text, style) for text, style in parts if text]
