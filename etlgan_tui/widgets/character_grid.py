"""All characters of a source, to move among with the arrow keys or the mouse; thousands are no more work than ten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import set_cell_size
from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

CELL = 3  # columns a character: two for a full-width one, and a blank


class CharacterGrid(ScrollView, can_focus=True):
    """Characters in, whatever they are, the chosen one out."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "Previous character", show=False),
        Binding("right", "move(1)", "Next character", show=False),
        Binding("up", "move_row(-1)", "Row up", show=False),
        Binding("down", "move_row(1)", "Row down", show=False),
        Binding("home", "go(0)", "First character", show=False),
        Binding("end", "go(-1)", "Last character", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"character-grid--here"}

    @dataclass
    class Chosen(Message):
        """The cursor is on another character."""

        character: str

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.characters: tuple[str, ...] = ()
        self.at = 0

    def show(self, characters: Sequence[str]) -> None:
        """The cursor stays on its character if that is still there."""
        here = self.chosen
        self.characters = tuple(characters)
        self.at = self.characters.index(here) if here in self.characters else 0
        self._measure()
        if self.chosen != here and self.characters:
            self.post_message(self.Chosen(self.chosen))

    @property
    def chosen(self) -> str:
        """The character under the cursor, "" for none."""
        return self.characters[self.at] if self.characters else ""

    @property
    def across(self) -> int:
        return max(1, self.scrollable_content_region.width // CELL)

    def choose(self, character: str) -> bool:
        """Move the cursor to a character; False where it is not there."""
        if character not in self.characters:
            return False
        self.action_go(self.characters.index(character))
        return True

    def action_move(self, way: int) -> None:
        self.action_go(min(max(self.at + way, 0), len(self.characters) - 1))

    def action_move_row(self, way: int) -> None:
        to = self.at + way * self.across
        if 0 <= to < len(self.characters):
            self.action_go(to)

    def action_go(self, at: int) -> None:
        """To a position, counted from the end if negative."""
        if self.characters:
            at %= len(self.characters)
            if at != self.at:
                self.at = at
                self.post_message(self.Chosen(self.chosen))
            self._reveal()
            self.refresh()

    def on_resize(self) -> None:
        self._measure()
        self._reveal()

    def _measure(self) -> None:
        lines = -(-len(self.characters) // self.across)
        self.virtual_size = Size(self.across * CELL, lines)
        self.refresh()

    def _reveal(self) -> None:
        line, column = divmod(self.at, self.across)
        self.scroll_to_region(Region(column * CELL, line, CELL, 1), animate=False)

    def render_line(self, y: int) -> Strip:
        first = (self.scroll_offset.y + y) * self.across
        here = self.get_component_rich_style("character-grid--here")
        segments = []
        for at in range(first, min(first + self.across, len(self.characters))):
            style = here if at == self.at else self.rich_style
            segments.append(
                Segment(set_cell_size("".join(filter(str.isprintable, self.characters[at])), CELL - 1), style)
            )
            segments.append(Segment(" ", self.rich_style))
        return Strip(segments).adjust_cell_length(self.size.width, self.rich_style)

    def on_click(self, event: events.Click) -> None:
        column = event.x // CELL
        at = (self.scroll_offset.y + event.y) * self.across + column
        if column < self.across and at < len(self.characters):
            self.action_go(at)
