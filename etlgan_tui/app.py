"""The dashboard: screens, bindings that hold everywhere, one timer. It only reads run directories and the index, and
starts and signals processes; closing it, or its crash, touches no run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from core.rundir import Home
from core.runs.meta import printable
from etlgan_tui import looks, system
from etlgan_tui import settings as memory
from etlgan_tui.background import Errand
from etlgan_tui.index import Index
from etlgan_tui.queueing import tend
from etlgan_tui.screens.base import BaseScreen, Changed
from etlgan_tui.screens.runs import RunsScreen
from etlgan_tui.themes import THEMES
from etlgan_tui.typeahead import TypeAhead
from etlgan_tui.widgets.bar import TopBar
from etlgan_tui.widgets.picture import Picture, next_mode, usual_mode

SYSTEM_TICKS = 4  # ticks between two looks at the machine
SAME_PROBLEM_SECONDS = 30.0


class EtlganApp(TypeAhead):
    """One home, watched."""

    TITLE = "etlgan"
    TICK_SECONDS = 0.5
    CSS_PATH = Path(__file__).with_name("etlgan.tcss")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012  (so declared by Textual)
    VERTICAL_BREAKPOINTS = [(0, "-short"), (18, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit"),
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("p", "pictures", "Pictures", show=False),
        Binding("T", "next_theme", "Next theme", show=False),
    ]

    def __init__(self, home: Home, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self.home, self.clock = home, clock
        self.index = Index(home)
        self.settings = memory.load()
        self.removed: list[tuple[str, ...]] = []  # names in the trash, of this session, by what was deleted together
        self.machine = self.queued = ""
        self._meter = system.Meter(home.root)
        self._told: dict[str, float] = {}
        self._ticks = 0

    def on_mount(self) -> None:
        for theme in THEMES:
            self.register_theme(theme)
        known = self.settings.theme in self.available_themes
        self.theme = self.settings.theme if known else THEMES[0].name
        self.theme_changed_signal.subscribe(self, lambda theme: self.remember(theme=theme.name))
        self._metering = Errand(
            self, lambda: (self._meter.read(), tend(self.home)), done=self._show_machine, failed=self.tell
        )
        self.set_interval(self.TICK_SECONDS, self._tick)
        self.push_screen(RunsScreen())

    def _tick(self) -> None:
        self._ticks += 1
        if self._ticks % SYSTEM_TICKS == 1:
            self._metering.ask()
        top = self.screen_stack[-1] if self.screen_stack else None  # none while the app ends
        if isinstance(top, BaseScreen) and top.is_mounted and top.query(TopBar):  # else it is being taken apart
            self._dress(top)
            top.tick(self._ticks)

    def _show_machine(self, found: tuple[system.System, str]) -> None:
        self.machine, self.queued = system.line(found[0]), found[1]

    def _dress(self, screen: Screen[Any]) -> None:
        for bar in screen.query(TopBar):
            bar.where, bar.machine = f"etlgan  {looks.folder(self.home.root)}  {self.queued}".rstrip(), self.machine
        for picture in screen.query(Picture):
            picture.mode = self.picture_mode

    # --- for the screens ---

    @property
    def picture_mode(self) -> Any:
        return self.settings.pictures or usual_mode()

    def remember(self, **changes: Any) -> None:
        """Settings that outlive the session."""
        changed = msgspec.structs.replace(self.settings, **changes)
        if changed != self.settings:
            self.settings = changed
            memory.save(changed)

    def tell(self, problem: str) -> None:
        """A problem, once in a while: what fails every second is not said every second."""
        now = time.monotonic()
        if now - self._told.get(problem, -SAME_PROBLEM_SECONDS) >= SAME_PROBLEM_SECONDS:
            self._told[problem] = now
            self.notify(problem, severity="error", timeout=10, markup=False)

    def notify(self, message: str, **how: Any) -> None:
        """Whatever a file made an error say, the terminal obeys none of it."""
        super().notify(printable(message, keep="\n"), **how)

    def announce(self, changed: Changed) -> None:
        """Say it, and let every screen look again."""
        if changed.told:
            self.notify(changed.told, markup=False)
        for screen in self.screen_stack:
            if isinstance(screen, BaseScreen):
                screen.changed(changed)

    def action_help(self) -> None:
        from etlgan_tui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.screen))

    def action_pictures(self) -> None:
        """Terminal graphics, braille, half-cells, in turn."""
        mode = next_mode(self.picture_mode)
        self.remember(pictures=mode)
        told = {"cells": "half-cells, zoomed in", "graphics": "terminal graphics"}.get(mode, mode)
        self.notify(told, title="Pictures")
        self._dress(self.screen)

    def action_next_theme(self) -> None:
        names = [theme.name for theme in THEMES]
        at = names.index(self.theme) + 1 if self.theme in names else 0
        self.theme = names[at % len(names)]
        self.notify(self.theme, title="Theme")

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Every action that a key has here, once, and Textual's own; moving about is left to the keys."""
        from etlgan_tui.screens.help import MOVING

        yield from super().get_system_commands(screen)
        seen = {"Quit", ""}
        for active in screen.active_bindings.values():
            binding, name = active.binding, active.binding.description
            if active.enabled and name not in seen and name.split()[0] not in MOVING:
                seen.add(name)
                run = partial(self.run_action, binding.action, active.node)
                yield SystemCommand(name, f"key {self.get_key_display(binding)}", run)
