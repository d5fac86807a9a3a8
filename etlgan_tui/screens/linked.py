"""Charts and pictures of the same steps: one cursor, one zoom, one axis for all of them."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import TabbedContent

from etlgan_tui.screens.base import BaseScreen
from etlgan_tui.widgets.chart import SMOOTHINGS, Chart
from etlgan_tui.widgets.picture import Picture
from etlgan_tui.widgets.scrubber import Scrubber


class LinkedCharts(BaseScreen):
    """A screen of tabs with charts, pictures and one scrubber."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left_square_bracket", "scrub(-1)", "Earlier samples", show=False, key_display="["),
        Binding("right_square_bracket", "scrub(1)", "Later samples", show=False, key_display="]"),
        Binding("f", "follow", "Follow newest", show=False),
        Binding("z", "pin", "Pin chart"),
        Binding("l", "log", "Log axis"),
        Binding("m", "smooth", "Smoothing"),
    ]
    HELP_NOTES = """\
In charts: arrows move the cursor, + and - zoom, < and > pan, 0
shows the whole run; Ctrl and the wheel zoom too. Pictures follow
the cursor."""
    ALLOW_IN_MAXIMIZED_VIEW = "TopBar, KeyBar"
    TAB_FOCUS: ClassVar[dict[str, str]] = {}  # tab -> selector of what gets the focus there

    at: int | None = None  # the step whose samples are shown, None: the newest

    def show_pictures(self) -> None:
        """Those of step `at`."""
        raise NotImplementedError

    def dress_charts(self) -> None:
        """As the user left them last time."""
        settings = self.etlgan.settings
        for chart in self.query(Chart):
            chart.logarithmic, chart.smoothing = settings.log, SMOOTHINGS[settings.smoothing % len(SMOOTHINGS)]
        for picture in self.query(Picture):
            picture.mode = self.etlgan.picture_mode

    @on(Chart.Scrubbed)
    def point(self, event: Chart.Scrubbed) -> None:
        """Charts and samples go to the same step: the newest samples drawn up to it."""
        steps = self.query_one(Scrubber).steps
        self.at = None if event.step is None else max((s for s in steps if s <= event.step), default=None)
        self._set_cursor(event.step)

    @on(Scrubber.Moved)
    def choose(self, event: Scrubber.Moved) -> None:
        self.at = event.step
        self._set_cursor(event.step)

    def _set_cursor(self, step: float | None) -> None:
        for chart in self.query(Chart):
            chart.cursor = step
        self.show_pictures()

    @on(Chart.Zoomed)
    def zoom(self, event: Chart.Zoomed) -> None:
        for chart in self.query(Chart):
            chart.view = event.view

    def action_tab(self, name: str) -> None:
        self.set_focus(None)  # a focused widget pulls its own tab back
        self.query_one(TabbedContent).active = name
        if selector := self.TAB_FOCUS.get(name):
            self.call_after_refresh(self.query(selector).first().focus)

    def action_scrub(self, way: int) -> None:
        self.query_one(Scrubber).move(way)

    def action_follow(self) -> None:
        self.at = None
        self._set_cursor(None)

    def action_pin(self) -> None:
        """The chart or picture of this tab that has the focus, else the first one, full screen; again: back."""
        if self.maximized:
            self.minimize()
            return
        pane = self.query_one(TabbedContent).active_pane
        there: list[Widget] = [] if pane is None else [*pane.query(Chart), *pane.query(Picture)]
        around = [] if self.focused is None else [self.focused, *self.focused.ancestors]
        wanted = next((widget for widget in around if widget in there), next(iter(there), None))
        if wanted is None:
            self.notify("there is no chart or picture on this tab")
        else:
            self.maximize(wanted, container=False)

    def action_log(self) -> None:
        log = not self.query(Chart).first().logarithmic
        for chart in self.query(Chart):
            chart.logarithmic = log
        self.etlgan.remember(log=log)

    def action_smooth(self) -> None:
        """None, a little, some, much."""
        level = (self.etlgan.settings.smoothing + 1) % len(SMOOTHINGS)
        for chart in self.query(Chart):
            chart.smoothing = SMOOTHINGS[level]
        self.etlgan.remember(smoothing=level)
        reach = f"mean over {200 * SMOOTHINGS[level]:.2g} % of the reports" if level else "as measured"
        self.notify(reach, title="Smoothing", timeout=2)

    def action_back(self) -> None:
        if self.maximized:
            self.minimize()
        else:
            self.app.pop_screen()
