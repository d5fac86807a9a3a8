"""A line through all saved pictures of a run: where one is, which there are, and a place to click."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

_LABEL_CELLS = 26
_KEY_CELLS = 2  # "[ " before the track and " ]" behind it: the keys that move


class Scrubber(Widget):
    """Positions are the steps at which there is a picture; None follows the newest."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"scrubber--line", "scrubber--here"}

    @dataclass
    class Moved(Message):
        """A picture was chosen by its step."""

        step: int | None

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.steps: tuple[int, ...] = ()
        self.at: int | None = None

    def show(self, steps: Sequence[int], at: int | None) -> None:
        """`at` is a step of these, or None."""
        if (tuple(steps), at) != (self.steps, self.at):
            self.steps, self.at = tuple(steps), at
            self.refresh()

    @property
    def position(self) -> int:
        """Which picture is shown, counted from 0; -1 for none."""
        if not self.steps:
            return -1
        return len(self.steps) - 1 if self.at is None or self.at not in self.steps else self.steps.index(self.at)

    def move(self, way: int) -> None:
        """To a neighbouring picture; past the newest it follows again."""
        if self.steps:
            to = max(0, self.position + way)
            self.post_message(self.Moved(self.steps[to] if to < len(self.steps) else None))

    @property
    def _track(self) -> int:
        return max(self.size.width - _LABEL_CELLS - 2 * _KEY_CELLS, 0)

    def render_line(self, _y: int) -> Strip:
        track, here = self._track, self.position
        line, mark = self.get_component_rich_style("scrubber--line"), self.get_component_rich_style("scrubber--here")
        segments = []
        if here >= 0 and track > 2:
            dot = round(here / max(len(self.steps) - 1, 1) * (track - 1))
            segments = [Segment("[ ", line), Segment("─" * dot, line), Segment("●", mark)]
            segments.append(Segment("─" * (track - 1 - dot) + " ]", line))
        if here >= 0:
            newest = "  newest" if self.at is None else ""
            segments.append(Segment(f"  {self.steps[here]:,} ({here + 1}/{len(self.steps)}){newest}", mark))
        return Strip(segments).adjust_cell_length(self.size.width, self.rich_style)

    def on_click(self, event: events.Click) -> None:
        x = event.x - _KEY_CELLS
        if self.steps and x >= self._track:
            self.move(1)
        elif self.steps and x < 0:
            self.move(-1)
        elif self.steps:
            at = round(x / max(self._track - 1, 1) * (len(self.steps) - 1))
            self.post_message(self.Moved(None if at == len(self.steps) - 1 else self.steps[at]))
