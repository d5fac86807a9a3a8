"""What the user does in the playground: keys to wishes. What is drawn of them is for the screen to say."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType

from core.rundir import RunDir
from etlgan_tui import arranging, romaji
from etlgan_tui.arranging import Drawn
from etlgan_tui.background import once
from etlgan_tui.keeping import keep, says
from etlgan_tui.sampling import Loaded
from etlgan_tui.screens.base import BaseScreen
from etlgan_tui.widgets.sheet import SheetView
from etlgan_tui.widgets.slider import HIGH, LOW, Slider
from etlgan_tui.widgets.typing_line import TypingLine

if TYPE_CHECKING:
    from pathlib import Path

_SEEDS = 10_000  # noises to choose from: a number that a person can remember


class Playing(BaseScreen):
    """Text, noise, codes, and what is kept."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "noise", "New noise"),
        Binding("ctrl+z", "noise_back", "Previous noise", show=False),
        Binding("ctrl+g", "codes", "Random codes", show=False),
        Binding("ctrl+t", "hands", "Text/hands"),
        Binding("ctrl+s", "keep", "Keep PNG"),
        Binding("ctrl+l", "characters", "Characters"),
        Binding("ctrl+o", "script", "Romaji to hiragana, katakana, off", show=False),
        Binding("ctrl+r", "reload", "Reload newest checkpoint", show=False),
        Binding("up", "field(-1)", "Previous field", show=False),
        Binding("down", "field(1)", "Next field", show=False),
        Binding("f1", "app.help", "Help"),
        Binding("f2", "app.pictures", "Pictures", show=False),
        Binding("escape", "back", "Back"),
    ]

    def __init__(self, run: RunDir, seed: int | None) -> None:
        super().__init__()
        self.run = run
        self.loaded: Loaded | None = None
        self.drawn: Drawn | None = None
        self.codes: list[float] = []
        self.one_hand = True
        self.problem = ""  # what has to be seen to first
        self.seeds = [random.randrange(_SEEDS) if seed is None else seed]

    def ask(self) -> None:
        """Draw what is wanted now."""
        raise NotImplementedError

    def load(self) -> None:
        """The newest checkpoint, if that is not under way."""
        raise NotImplementedError

    def tell_state(self) -> None:
        """Say what is shown, and what is wrong."""
        raise NotImplementedError

    @on(TypingLine.Changed)
    def write(self) -> None:
        self.ask()

    @on(TypingLine.Submitted)
    def action_noise(self) -> None:
        """Another hand."""
        self.seeds.append(random.randrange(_SEEDS))
        self.ask()

    def action_noise_back(self) -> None:
        if len(self.seeds) > 1:
            self.seeds.pop()
            self.ask()

    @on(Slider.Moved)
    def style(self, event: Slider.Moved) -> None:
        self.codes[event.number] = event.value
        self.ask()

    def action_codes(self) -> None:
        """All codes at once, by chance."""
        for slider in self.query(Slider):
            slider.action_go(random.uniform(LOW, HIGH))

    def action_hands(self) -> None:
        """The text in one hand; or every character of it in many."""
        self.one_hand = not self.one_hand
        self.ask()

    def action_script(self) -> None:
        line = self.query_one(TypingLine)
        line.script = romaji.SCRIPTS[(romaji.SCRIPTS.index(line.script) + 1) % len(romaji.SCRIPTS)]
        self.notify(
            {"off": "off: letters stay letters"}.get(line.script, f"to {line.script}"), title="Romaji", timeout=2
        )
        self.ask()

    def action_characters(self) -> None:
        from etlgan_tui.screens.characters import CharactersScreen

        if self.loaded is None:
            self.notify("nothing is loaded yet")
            return
        self.app.push_screen(CharactersScreen(self.loaded.characters, self._pick))

    def _pick(self, character: str) -> None:
        self.query_one(TypingLine).insert_text_at_cursor(character)

    def action_reload(self) -> None:
        """The newest checkpoint; and a new sampler where the old one died."""
        self.problem = ""
        self.load()
        self.tell_state()

    def action_keep(self) -> None:
        """The picture that is shown, into the run's directory."""
        drawn = self.drawn
        if drawn is None:
            self.notify("there is no picture yet", severity="warning")
            return
        sheet = self.query_one(SheetView)
        images, _labels, _tile = arranging.arranged(drawn, width=sheet.size.width, height=sheet.size.height, whole=True)
        run, words = self.run, says(drawn, self.run.id)

        def kept(path: Path) -> None:
            self.notify(str(path), title="Kept", markup=False)

        once(self.app, lambda: keep(run, drawn.step, images, says=words), done=kept, failed=self.etlgan.tell)

    def action_field(self, way: int) -> None:
        """From the line to the sliders, and back."""
        fields = [self.query_one(TypingLine), *self.query(Slider)]
        at = fields.index(self.focused) if self.focused in fields else 0
        fields[min(max(at + way, 0), len(fields) - 1)].focus()

    def action_back(self) -> None:
        self.app.pop_screen()
