"""Every key that does something here."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import Label

from etlgan_tui.widgets.lines import Lines

MOVING = {"Cursor", "Page", "Home", "End", "Top", "Bottom", "Focus", "Scroll"}  # what every program has: last

NOTES = """\

/ filters as you type: free text, tag:x, state:running, recipe:etl, sweep:ID.
Marks (space) choose the runs to compare. Clicking a column title sorts by it.
A sweep stands above its runs, a run above those made from it: f folds and opens
them, from any of them; space on a sweep marks all its runs.
In charts: arrows move the cursor, + and - zoom, < and > pan, 0 shows the whole run;
Ctrl and the wheel zoom too. Pictures follow the cursor.
Ctrl+P finds every action by its name. The mouse works everywhere.
Closing the dashboard stops no run."""


class HelpScreen(ModalScreen[None]):
    """Contextual: the keys of the screen and of the widget that has the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,q", "dismiss", "Close")]

    def __init__(self, about: Screen[Any]) -> None:
        super().__init__()
        self._notes: str = getattr(about, "HELP_NOTES", NOTES)
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
            yield Lines(text.append(self._notes))
