"""A number on a line: arrow keys, mouse, wheel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

LOW, HIGH = -1.0, 1.0  # what codes are trained in
STEP, FINE = 0.1, 0.01
_NAME_CELLS = 12
_VALUE_CELLS = 7


class Slider(Widget, can_focus=True):
    """One line: name, track, value from -1 to 1."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", f"move({-STEP})", "Less"),
        Binding("right", f"move({STEP})", "More"),
        Binding("shift+left", f"move({-FINE})", "A little less", show=False),
        Binding("shift+right", f"move({FINE})", "A little more", show=False),
        Binding("home", f"go({LOW})", "Least", show=False),
        Binding("end", f"go({HIGH})", "Most", show=False),
        Binding("0,delete", "go(0.0)", "Middle", key_display="0"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"slider--name", "slider--line", "slider--here"}

    value: reactive[float] = reactive(0.0)

    @dataclass
    class Moved(Message):
        """By the user."""

        number: int
        value: float

    def __init__(self, name: str, number: int, value: float = 0.0) -> None:
        super().__init__()
        self.title, self.number = name, number
        self.set_reactive(Slider.value, value)

    def action_move(self, way: float) -> None:
        self.action_go(self.value + way)

    def action_go(self, value: float) -> None:
        value = round(min(max(value, LOW), HIGH), 2) + 0.0  # no -0
        if value != self.value:
            self.value = value
            self.post_message(self.Moved(self.number, value))

    @property
    def _track(self) -> tuple[int, int]:
        """Where the line begins, and how long it is; in cells."""
        start = min(_NAME_CELLS, self.size.width // 3)
        return start, max(self.size.width - start - _VALUE_CELLS, 1)

    def render_line(self, _y: int) -> Strip:
        start, length = self._track
        dot = _place(self.value, length)
        line, here = self.get_component_rich_style("slider--line"), self.get_component_rich_style("slider--here")
        name = self.title if cell_len(self.title) < start else set_cell_size(self.title, start - 2) + "…"
        shown = set_cell_size(("› " if self.has_focus and start > 8 else "") + name, start)
        segments = [
            Segment(shown, self.get_component_rich_style("slider--name")),
            Segment(self._half(0, dot, length), line),
            Segment("●", here),
            Segment(self._half(dot + 1, length, length), line),
            Segment(f" {self.value:+.2f}".rjust(_VALUE_CELLS), here),
        ]
        return Strip(segments).adjust_cell_length(self.size.width, self.rich_style)

    @staticmethod
    def _half(first: int, end: int, length: int) -> str:
        """The line, its middle marked."""
        return "".join("┼" if at == _place(0.0, length) else "─" for at in range(first, end))

    def _point(self, x: int) -> None:
        start, length = self._track
        value = LOW + (HIGH - LOW) * (x - start) / max(length - 1, 1)
        self.action_go(0.0 if abs(value) < 1 / max(length, 1) else value)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        if event.button == 1:
            self.capture_mouse()
            self._point(event.x)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self.app.mouse_captured is self:
            self._point(event.x)

    def on_mouse_up(self, _event: events.MouseUp) -> None:
        self.release_mouse()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        if self.has_focus:  # else the list of sliders scrolls
            event.stop()
            self.action_move(STEP)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        if self.has_focus:
            event.stop()
            self.action_move(-STEP)


def _place(value: float, length: int) -> int:
    """The cell of a line that stands for a value."""
    return round((value - LOW) / (HIGH - LOW) * (length - 1))
