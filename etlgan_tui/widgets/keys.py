"""The bottom line: keys that do something here. One widget; Textual's own footer has one for every key, and styling
those took a fifth of the time that opening a screen takes."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.keys import key_to_character
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

HELP = ("question_mark", "f1")


class Key(NamedTuple):
    """One binding as it is shown."""

    key: str  # as Textual names it
    shown: str
    about: str


class KeyBar(Widget):
    """What does not fit is left out; `?` names all. A click on a key presses it."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"key-bar--key"}
    keys: reactive[tuple[Key, ...]] = reactive[tuple[Key, ...]](())

    def __init__(self, *, first: tuple[str, ...] = ()) -> None:
        """`first`: actions whose keys come before all others, for narrow terminals."""
        super().__init__()
        self._first = first

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _screen: self._look())
        self._look()

    def _look(self) -> None:
        """The first key of each action that wants to be seen, unless it is typed into a field; the help last."""
        found: dict[str, Key] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if active.enabled and binding.show and binding.description and not self._typed(binding.key):
                found.setdefault(
                    binding.action, Key(binding.key, self.app.get_key_display(binding), binding.description)
                )
        first = [found.pop(action) for action in self._first if action in found]
        self.keys = tuple(sorted([*first, *found.values()], key=lambda key: key.key in HELP))

    def _typed(self, key: str) -> bool:
        """Whether what has the focus takes the key as text."""
        focused = self.screen.focused
        return focused is not None and focused.check_consume_key(key, key_to_character(key))

    def _shown(self) -> list[tuple[int, Key]]:
        """Keys with the columns that they begin at: as many as fit, the last one at the right."""
        last = self.keys[-1:] if self.keys and self.keys[-1].key in HELP else ()
        right = self.size.width - sum(map(_cells, last))
        shown, at = [], 0
        for key in self.keys[: len(self.keys) - len(last)]:
            if at + _cells(key) > right:
                break
            shown.append((at, key))
            at += _cells(key)
        return shown + [(right, key) for key in last]

    def render_line(self, _y: int) -> Strip:
        segments, width = list[Segment](), 0
        strong = self.get_component_rich_style("key-bar--key")
        for at, key in self._shown():
            segments.append(Segment(" " * (at - width), self.rich_style))
            segments += [Segment(f" {key.shown}", strong), Segment(f" {key.about} ", self.rich_style)]
            width = at + _cells(key)
        return Strip(segments).adjust_cell_length(self.size.width, self.rich_style)

    def on_click(self, event: events.Click) -> None:
        for at, key in self._shown():
            if at <= event.x < at + _cells(key):
                self.app.simulate_key(key.key)
                return


def _cells(key: Key) -> int:
    return cell_len(key.shown) + cell_len(key.about) + 3
