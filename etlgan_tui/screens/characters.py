"""All characters that a run knows, to be picked: for those that the keyboard does not have."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Label

from core.runs.meta import printable
from etlgan_tui.widgets.character_grid import CharacterGrid
from etlgan_tui.widgets.lines import Lines


class CharactersScreen(ModalScreen[None]):
    """Stays until it is closed, so that several can be picked."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "pick", "Pick"),
        Binding("escape,ctrl+l", "dismiss", "Close"),
    ]

    def __init__(self, characters: tuple[str, ...], picked: Callable[[str], None]) -> None:
        super().__init__()
        self._characters, self._picked = characters, picked
        self._text = ""

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog", id="characters-dialog"):
            yield Label(f"The {len(self._characters):,} characters of this run", classes="dialog-title", markup=False)
            yield CharacterGrid(id="characters-grid")
            yield Lines("Enter or a click picks, Escape closes", id="characters-picked")

    def on_mount(self) -> None:
        grid = self.query_one(CharacterGrid)
        grid.show(self._characters)
        grid.focus()

    def action_pick(self) -> None:
        character = self.query_one(CharacterGrid).chosen
        if character:
            self._text += character
            self._picked(character)
            self.query_one("#characters-picked", Lines).update(f"picked: {printable(self._text)}")

    @on(events.Click)
    def pick_clicked(self, event: events.Click) -> None:
        """The grid has moved its cursor there by now."""
        if isinstance(event.widget, CharacterGrid):
            self.action_pick()
