"""Every key that does something here."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import Label

from etlgan_tui.screens.base import BaseScreen
from etlgan_tui.widgets.lines import Lines

MOVING = {"Cursor", "Page", "Home", "End", "Top", "Bottom", "Focus", "Scroll"}  # what every program has: last

EVERYWHERE = """

Ctrl+P finds every action by its name. The mouse works everywhere.
Closing the dashboard stops no run."""


class HelpScreen(ModalScreen[None]):
    """Contextual: the keys of the screen and of the widget that has the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,q", "dismiss", "Close")]

    def __init__(self, about: Screen[Any]) -> None:
        super().__init__()
        self._notes = about.HELP_NOTES if isinstance(about, BaseScreen) else ""
        keys: dict[str, str] = {}
        for active in about.active_bindings.values():
            binding = active.binding
            if binding.description and active.enabled and not binding.system:
                shown = about.app.get_key_display(binding)
                keys[binding.description] = min(keys.get(binding.description, shown), shown, key=len)
        self._keys = dict(sorted(keys.items(), key=lambda entry: entry[0].split()[0] in MOVING))

    def compose(self) -> ComposeResult:
        text = Text()
        width = max(map(len, self._keys.values()), default=0)
        for description, key in self._keys.items():
            text.append(f"{key:>{width}}  ", style="bold").append(f"{description}\n")
        with VerticalScroll(classes="dialog"):
            yield Label("Keys", classes="dialog-title")
            yield Lines(text.append(f"\n{self._notes}" if self._notes else "").append(EVERYWHERE))
