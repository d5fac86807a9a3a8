"""What every screen has: the top line, a tick, and what it is told of changed runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from textual.screen import Screen

from core.rundir import Home

if TYPE_CHECKING:
    from etlgan_tui.app import EtlganApp


class Changed(NamedTuple):
    """Runs were started, stopped, edited, removed or brought back: whoever shows them looks again."""

    told: str = ""  # one line for the user
    run_id: str = ""  # to be selected, "" for none


class BaseScreen(Screen[None]):
    """A full screen of the dashboard."""

    HELP_NOTES = ""  # what its help tells beside the keys

    @property
    def etlgan(self) -> EtlganApp:
        return cast("EtlganApp", self.app)

    @property
    def home(self) -> Home:
        return self.etlgan.home

    def on_compose(self) -> None:
        """Narrow or wide before there is anything on it: Textual says so only once all is laid out, and then dresses
        and lays out everything once more."""
        size, app = self.app.size, self.app
        steps = [(size.width, app.HORIZONTAL_BREAKPOINTS or []), (size.height, app.VERTICAL_BREAKPOINTS or [])]
        for length, breakpoints in steps:
            self.add_class(max(each for each in breakpoints if each[0] <= length)[1], update=False)

    def tick(self, _count: int) -> None:
        """Called by the app's one timer while this screen is on top; `_count` goes up by one each time."""

    def changed(self, _what: Changed) -> None:
        """Something was done to runs: look again."""

    def tell(self, problem: str) -> None:
        """A problem, once while it lasts: the same one is not repeated over itself."""
        self.etlgan.tell(problem)
