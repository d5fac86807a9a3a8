"""A line that turns romaji into kana as it is typed; what an input method or the clipboard brings stays as it is."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.widgets import Input

from etlgan_tui import romaji
from etlgan_tui.romaji import Script


class TypingLine(Input):
    """What stands in it is `value`; what is meant by it so far is `text`."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "submit", "New noise")]

    def __init__(self, *, placeholder: str, max_length: int, id: str | None = None) -> None:
        super().__init__(placeholder=placeholder, max_length=max_length, id=id)
        self.script: Script = "off"
        self.known: frozenset[str] = frozenset()  # of these, `?` is typed; else it is a key like any other

    @property
    def text(self) -> str:
        """With a last n taken for ん, and without the letters of a syllable that is not finished."""
        return romaji.finished(self.value, self.script)

    def insert_text_at_cursor(self, text: str) -> None:
        """As much as there is room for, without what a terminal would obey."""
        harmless = "".join(sign if sign.isprintable() else " " * sign.isspace() for sign in text)
        super().insert_text_at_cursor(harmless[: max(0, (self.max_length or 0) - len(self.value))])
        at = self.cursor_position
        head = romaji.typed(self.value[:at], self.script)
        if head != self.value[:at]:
            self.value = head + self.value[at:]
            self.cursor_position = len(head)

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return not self._is_help(character) and super().check_consume_key(key, character)

    async def _on_key(self, event: events.Key) -> None:
        if self._is_help(event.character):
            event.prevent_default()  # not typed: it goes on to the bindings of the screen and the app

    def _is_help(self, character: str | None) -> bool:
        return character == "?" and "?" not in self.known
