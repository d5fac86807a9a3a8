"""Curves over training steps: braille, linear or logarithmic, smoothed, zoomed and panned, with a shared cursor.

Drawn with numpy, a million points in about half a millisecond a curve, so that four charts stay quick beside a trainer
that wants the same core.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from etlgan_tui.pictures import BRAILLE
from etlgan_tui.series import Column, Envelope, Floats, envelope
from etlgan_tui.widgets.braille import DASHES, MARKS, Scale, bits, label, nice_ticks

LABEL_CELLS = 7  # of the y axis
SMOOTHINGS = (0.0, 1 / 200, 1 / 60, 1 / 20)  # reach of the mean, as a share of all points
ZOOM = 0.6  # of the range that a zoom step leaves
_SERIES_COLOURS = 6
_MARK_CELLS = 5  # of a curve in the legend, with the blanks around it


class Series(NamedTuple):
    """One curve."""

    name: str
    step: Floats  # (N,) strictly increasing
    value: Column


class Chart(Widget, can_focus=True):
    """Curves of one kind over the same steps."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "chart--axis",
        "chart--title",
        "chart--cursor",
        *(f"chart--series-{n}" for n in range(_SERIES_COLOURS)),
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "move(-1)", "Earlier", show=False),
        Binding("right", "move(1)", "Later", show=False),
        Binding("plus,equals_sign", "zoom(1)", "Zoom", key_display="+ -"),
        Binding("minus", "zoom(-1)", "Zoom out", show=False),
        Binding("less_than_sign,comma", "pan(-1)", "Pan left", show=False),
        Binding("greater_than_sign,full_stop", "pan(1)", "Pan right", show=False),
        Binding("0", "whole", "Whole run", show=False),
    ]

    logarithmic: reactive[bool] = reactive(False)
    smoothing: reactive[float] = reactive(0.0)
    cursor: reactive[float | None] = reactive(None)
    view: reactive[tuple[float, float] | None] = reactive(None)  # steps shown; None: all, and what comes

    @dataclass
    class Scrubbed(Message):
        """A step was pointed at; None: follow the newest."""

        step: float | None

    @dataclass
    class Zoomed(Message):
        """Other steps are shown; None: all."""

        view: tuple[float, float] | None

    def __init__(self, title: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.title = title
        self.series: tuple[Series, ...] = ()
        self._lines: list[Strip] | None = None
        self._styles: dict[str, Style] = {}  # of one drawing: Textual works each out from all ancestors
        self._dragged_from: tuple[int, tuple[float, float]] | None = None

    def show(self, series: tuple[Series, ...]) -> None:
        """Draw these curves. Columns may grow afterwards; call again to show it."""
        self.series = series
        self._redraw()

    def _redraw(self) -> None:
        self._lines = None
        self.refresh()

    watch_logarithmic = watch_smoothing = watch_cursor = watch_view = lambda self: self._redraw()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._lines = None

    def on_resize(self) -> None:
        self._redraw()

    @property
    def span(self) -> tuple[float, float]:
        """First and last step there is."""
        known = [curve.step for curve in self.series if len(curve.step)]
        if not known:
            return 0.0, 1.0
        first, last = min(float(step[0]) for step in known), max(float(step[-1]) for step in known)
        return (first, last) if last > first else (first - 0.5, last + 0.5)

    @property
    def shown(self) -> tuple[float, float]:
        return self.view or self.span

    # --- drawing ---

    def render_line(self, y: int) -> Strip:
        if self._lines is None:
            self._styles.clear()
            self._lines = self._draw(self.size.width, self.size.height)
        return self._lines[y] if y < len(self._lines) else Strip.blank(self.size.width, self.rich_style)

    def _draw(self, width: int, height: int) -> list[Strip]:
        across, down = width - LABEL_CELLS - 1, height - 2
        if across < 4 or down < 1:
            return [self._legend(width)]
        curves = [
            envelope(curve.step, curve.value, view=self.shown, width=2 * across, smoothing=self.smoothing)
            for curve in self.series
        ]
        scale = Scale.over(curves, log=self.logarithmic)
        plot = self._empty(width, down) if scale is None else self._plot(curves, scale, across, down)
        steps = self._line([], width) if scale is None else self._steps(width, across)
        return [self._legend(width), *plot, steps]

    def _empty(self, width: int, down: int) -> list[Strip]:
        values = any(len(curve.step) for curve in self.series)
        text = "nothing above 0 to draw on a logarithmic axis" if self.logarithmic and values else "no values yet"
        return [
            self._line([(text.center(width) if row == down // 2 else "", "chart--axis")], width) for row in range(down)
        ]

    def _plot(self, curves: list[Envelope], scale: Scale, across: int, down: int) -> list[Strip]:
        pictures = [bits(curve, scale, height=down, dash=DASHES[n % len(DASHES)]) for n, curve in enumerate(curves)]
        drawn = np.array(pictures)  # (curves, down, across)
        dots = np.bitwise_or.reduce(drawn, axis=0)
        owner = np.where(dots > 0, (drawn > 0).argmax(axis=0), -1)
        styles = [self._style(f"chart--series-{n % _SERIES_COLOURS}") for n in range(len(curves))]
        labels = self._y_labels(scale, down)
        cursor = self._cursor_cell(across)
        axis = self._style("chart--axis")
        lines = []
        for row in range(down):
            segments = [Segment(f"{labels.get(row, ''):>{LABEL_CELLS}}", axis)]
            segments.append(Segment("┤" if row in labels else "│", axis))
            segments += self._cells(dots[row], owner[row], styles, cursor)
            lines.append(Strip(segments, LABEL_CELLS + 1 + across))
        return lines

    def _cells(self, dots: np.ndarray, owner: np.ndarray, styles: list[Style], cursor: int | None) -> list[Segment]:
        """One line of the plot, in as few segments as there are changes of colour."""
        text = [chr(BRAILLE + int(dot)) if dot else " " for dot in dots]
        look = owner.tolist()
        if cursor is not None:
            text[cursor] = text[cursor] if look[cursor] >= 0 else "│"
            look[cursor] = -2
        special = {-1: self._style(""), -2: self._style("chart--cursor")}
        segments, start = [], 0
        for at in range(1, len(look) + 1):
            if at == len(look) or look[at] != look[start]:
                style = special.get(look[start]) or styles[look[start]]
                segments.append(Segment("".join(text[start:at]), style))
                start = at
        return segments

    def _y_labels(self, scale: Scale, down: int) -> dict[int, str]:
        labels: dict[int, str] = {}
        for value, text in scale.ticks(max(3, down // 3)):
            row = round(float(scale.rows(np.array([value]), 4 * down)[0]) / 4 - 0.375)
            if 0 <= row < down and row not in labels:
                labels[row] = text
        return labels

    def _steps(self, width: int, across: int) -> Strip:
        low, high = self.shown
        line = [" "] * width
        used = 0
        for value, text in nice_ticks(low, high, max(3, across // 12)):
            start = LABEL_CELLS + 1 + round((value - low) / (high - low) * (across - 1)) - len(text) // 2
            start = max(start, LABEL_CELLS)
            if start >= used and start + len(text) <= width:
                line[start : start + len(text)] = text
                used = start + len(text) + 2
        return self._line([("".join(line), "chart--axis")], width)

    def _legend(self, width: int) -> Strip:
        """Title, every curve's mark and name, values, flags. Where that does not fit, values get shorter, then flags
        other than log go, then values in their place, then names are cut: one without a name says nothing."""
        flags = [
            word for word, on in (("log", self.logarithmic), ("smooth", self.smoothing), ("zoom", self.view)) if on
        ]
        end = f"  ({', '.join(flags)})" if flags else ""
        names = [curve.name for curve in self.series]
        values = [self._value(curve) for curve in self.series]
        full = [f" {label(value)}" for value in values]
        short = [f" {value:.2g}" if abs(value) < 100 else f" {label(value)}" for value in values]
        none = [""] * len(names)
        room = max(1, (width - cell_len(self.title)) // max(1, len(names)) - _MARK_CELLS)
        cut = [set_cell_size(name, room).rstrip() if cell_len(name) > room else name for name in names]
        log = "  (log)" if self.logarithmic else ""
        ways = ((names, full, end), (names, short, end), (names, short, log), (names, none, end), (cut, none, ""))
        for named, told, said in ways:
            curves = [
                (f"  {MARKS[n % len(MARKS)]} {name}{value}", f"chart--series-{n % _SERIES_COLOURS}")
                for n, (name, value) in enumerate(zip(named, told, strict=True))
            ]
            parts = [(self.title, "chart--title"), *curves, (said, "chart--axis")]
            if sum(cell_len(text) for text, _ in parts) <= width:
                break
        return self._line(parts, width)

    def _value(self, curve: Series) -> float:
        """At the cursor, else the newest: what was measured, not the smoothed course. NaN where there is none."""
        count = min(len(curve.step), curve.value.count)
        if not count:
            return math.nan
        at = count - 1 if self.cursor is None else int(np.searchsorted(curve.step[:count], self.cursor, "right")) - 1
        return float(curve.value.values[max(at, 0)])

    def _line(self, parts: list[tuple[str, str]], width: int) -> Strip:
        segments = [Segment(text, self._style(name)) for text, name in parts]
        return Strip(segments).adjust_cell_length(width, self._style(""))

    def _style(self, name: str) -> Style:
        """Of a component class; of the chart itself for ""."""
        if name not in self._styles:
            self._styles[name] = self.get_component_rich_style(name) if name else self.rich_style
        return self._styles[name]

    # --- cursor, zoom, pan ---

    def _cursor_cell(self, across: int) -> int | None:
        low, high = self.shown
        if self.cursor is None or not low <= self.cursor <= high:
            return None
        return min(int((self.cursor - low) / (high - low) * across), across - 1)

    def _step_at(self, x: int) -> float:
        low, high = self.shown
        across = max(self.size.width - LABEL_CELLS - 1, 1)
        return low + min(max((x - LABEL_CELLS - 0.5) / across, 0.0), 1.0) * (high - low)

    def action_move(self, way: int) -> None:
        """The cursor, by one fiftieth of what is shown; past the end it follows the newest step again."""
        low, high = self.shown
        step = (self.cursor if self.cursor is not None else high) + way * (high - low) / 50
        self.post_message(self.Scrubbed(None if step > self.span[1] else max(step, self.span[0])))

    def action_zoom(self, way: int) -> None:
        centre = self.cursor if self.cursor is not None else self.shown[1]
        self._zoom(centre, ZOOM if way > 0 else 1 / ZOOM)

    def action_pan(self, way: int) -> None:
        low, high = self.shown
        self._look_at(low + way * (high - low) / 4, high + way * (high - low) / 4)

    def action_whole(self) -> None:
        self.post_message(self.Zoomed(None))

    def _zoom(self, centre: float, factor: float) -> None:
        low, high = self.shown
        self._look_at(centre - (centre - low) * factor, centre + (high - centre) * factor)

    def _look_at(self, low: float, high: float) -> None:
        """Show these steps, kept within the run; nearly all of it is all of it."""
        first, last = self.span
        width = min(max(high - low, 2.0), last - first)
        low = min(max(low, first), last - width)
        self.post_message(self.Zoomed(None if width >= 0.99 * (last - first) else (low, low + width)))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        if event.ctrl:
            event.stop()
            self._zoom(self._step_at(event.x), ZOOM)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        if event.ctrl:
            event.stop()
            self._zoom(self._step_at(event.x), 1 / ZOOM)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        self._dragged_from = (event.x, self.shown)
        self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._dragged_from and self.view and event.x != self._dragged_from[0]:
            start, (low, high) = self._dragged_from
            moved = (start - event.x) / max(self.size.width - LABEL_CELLS - 1, 1) * (high - low)
            self._look_at(low + moved, high + moved)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        self.release_mouse()
        if self._dragged_from and self._dragged_from[0] == event.x:
            self.post_message(self.Scrubbed(self._step_at(event.x)))
        self._dragged_from = None
