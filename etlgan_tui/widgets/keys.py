"""The bottom line: keys that do something here. One widget; Textual's own footer has one for every key, and styling
those took a fifth of the time that opening a screen takes."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget


class Key(NamedTuple):
    """One binding as it is shown."""

    key: str  # as Textual names it
    shown: str
    about: str


class KeyBar(Widget):
    """What does not fit is left out; `?` names all. A click on a key presses it."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"key-bar--key"}
    keys: reactive[tuple[Key, ...]] = reactive[tuple[Key, ...]](())

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _screen: self._look())
        self._look()

    def _look(self) -> None:
        """The first key of each action that wants to be seen, the help and the palette last."""
        found: dict[str, Key] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            palette = binding.action.endswith("command_palette")
            if active.enabled and (palette or (binding.show and binding.description)):
                about = "All" if palette else binding.description
                found.setdefault(binding.action, Key(binding.key, self.app.get_key_display(binding), about))
        self.keys = tuple(found.values())

    def render_line(self, _y: int) -> Strip:
        segments, width = list[Segment](), 0
        strong = self.get_component_rich_style("key-bar--key")
        for key in self.keys:
            width += _cells(key)
            if width > self.size.width:
                break
            segments += [Segment(f" {key.shown}", strong), Segment(f" {key.about} ", self.rich_style)]
        return Strip(segments).adjust_cell_length(self.size.width, self.rich_style)

    def on_click(self, event: events.Click) -> None:
        right = 0
        for key in self.keys:
            right += _cells(key)
            if event.x < right <= self.size.width:
                self.app.simulate_key(key.key)
                return


def _cells(key: Key) -> int:
    return cell_len(key.shown) + cell_len(key.about) + 3
