"""One run, live: curves, samples, log, settings and events, and what can be done to it."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Footer, Input, Static, TabbedContent, TabPane

from core import config as configs
from core.config import RunConfig
from core.errors import EtlganError
from core.events import Sampled
from core.rundir import RunDir
from etlgan_tui import looks
from etlgan_tui.background import Errand
from etlgan_tui.feed import Feed, Shot, environment_lines
from etlgan_tui.index import picture_path, plain
from etlgan_tui.screens.base import Changed, RunActions
from etlgan_tui.widgets.bar import TopBar
from etlgan_tui.widgets.chart import SMOOTHINGS, Chart, Series
from etlgan_tui.widgets.log_view import LogView
from etlgan_tui.widgets.picture import Picture
from etlgan_tui.widgets.scrubber import Scrubber

# id, title, and the curves of each chart: column of the history, name in the legend
CHARTS = (
    ("losses", "losses", (("d", "D"), ("g", "G"))),
    ("information", "information losses", (("info_cat", "label"), ("info_con", "codes"))),
    ("accuracy", "Q reads", (("q_real", "real"), ("q_fake", "drawn"))),
    ("speed", "images/s", (("images_per_s", "images/s"),)),
)
TABS = ("live", "console", "settings", "events")
KINDS = ("grid", "traversal")
_BAR_CELLS = 24


class RunScreen(RunActions):
    """Follows its run until it is left; the run does not notice."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back"),
        Binding("1", "tab('live')", "Live", show=False),
        Binding("2", "tab('console')", "Console", show=False),
        Binding("3", "tab('settings')", "Settings", show=False),
        Binding("4", "tab('events')", "Events", show=False),
        Binding("left_square_bracket", "scrub(-1)", "Earlier samples", key_display="["),
        Binding("right_square_bracket", "scrub(1)", "Later samples", key_display="]"),
        Binding("f", "follow", "Follow newest", show=False),
        Binding("v", "kind", "Traversal"),
        Binding("z", "pin", "Pin chart"),
        Binding("l", "log", "Log axis"),
        Binding("m", "smooth", "Smoothing"),
        Binding("slash", "search", "Search log", show=False, key_display="/"),
    ]

    def __init__(self, run: RunDir) -> None:
        super().__init__()
        self.run = run
        self.shot: Shot | None = None
        self._kind = "grid"
        self._at: int | None = None  # the step whose samples are shown, None: the newest
        self._heading = Text()

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield Static(f"reading {self.run.id} ...", markup=False, id="heading")
        with TabbedContent(initial="live"):
            with TabPane("Live", id="live"), Horizontal():
                with VerticalScroll(id="charts", can_focus=False):
                    for name, title, _curves in CHARTS:
                        yield Chart(title, id=name)
                with Vertical(id="samples"):
                    yield Static("grid", markup=False, id="samples-title")
                    yield Picture()
                    yield Scrubber()
            with TabPane("Console", id="console"):
                yield Input(placeholder="show only lines with ...    (Enter keeps, Escape clears)", id="search")
                yield LogView(placeholder="the console log is empty", id="console-log")
            with TabPane("Settings", id="settings"), VerticalScroll():
                yield Static(markup=False, id="settings-text")
            with TabPane("Events", id="events"):
                yield LogView(placeholder="no events yet", id="event-log")
        yield Footer()

    def on_mount(self) -> None:
        feed = Feed(self.run)
        self._reading = Errand(self, feed.read, done=self._show, failed=self.tell)
        self.query_one("#search").display = False
        settings = self.etlgan.settings
        for chart in self.query(Chart):
            chart.logarithmic, chart.smoothing = settings.log, SMOOTHINGS[settings.smoothing % len(SMOOTHINGS)]
        self.query_one(Picture).mode = self.etlgan.picture_mode
        self.query_one("#losses", Chart).focus()
        self._show_settings()
        self._reading.ask()

    @property
    def target(self) -> str:
        return self.run.id

    def tick(self, _count: int) -> None:
        if not self._reading.busy and not (self.shot and self.shot.gone):
            self._reading.ask()

    # --- showing ---

    def _show(self, shot: Shot) -> None:
        self.shot = shot
        self._show_heading(shot)
        if self.query_one(TabbedContent).active == "live":
            self._show_curves(shot)
        self._show_samples(shot)
        self.query_one("#console-log", LogView).write_lines(shot.console)
        self.query_one("#event-log", LogView).write_lines(shot.said)
        if not shot.whole:
            self._reading.ask()
        if shot.gone:
            self.tell(f"{self.run.path} has gone: deleted, or moved to the trash; what was read is still shown")

    def _show_curves(self, shot: Shot) -> None:
        for name, _title, curves in CHARTS:
            chart = self.query_one(f"#{name}", Chart)
            known = len(shot.step)
            if known != sum(len(curve.step) for curve in chart.series[:1]) or not chart.series:
                chart.show(tuple(Series(label, shot.step, shot.columns[column]) for column, label in curves))

    def _show_heading(self, shot: Shot) -> None:
        heading = _heading(self.run, shot)
        if heading != self._heading:
            self._heading = heading
            self.query_one("#heading", Static).update(heading)

    def _show_samples(self, shot: Shot) -> None:
        drawn = {event.step: event for event in shot.sampled if event.kind == self._kind}
        steps = tuple(sorted(drawn))
        if self._at not in drawn:
            self._at = None
        self.query_one(Scrubber).show(steps, self._at)
        event: Sampled | None = drawn.get(steps[-1] if self._at is None else self._at) if steps else None
        title = f"{self._kind}, step {event.step:,}" if event else f"no {self._kind} yet"
        self.query_one("#samples-title", Static).update(title)
        self.query_one(Picture).show(picture_path(self.run, event), event.rows if event else ())

    def _show_settings(self) -> None:
        text = Text()
        try:
            tree = configs.decode(self.run.config.read_bytes(), where=self.run.config.name)
        except (EtlganError, OSError) as error:
            text.append(f"{error}\n")
        else:
            _add_settings(text, tree)
        text.append("\nenvironment\n", style="bold")
        for name, value in environment_lines(self.run):
            text.append(f"  {name:<26} ", style="dim").append(f"{value}\n")
        self.query_one("#settings-text", Static).update(text)

    # --- what the user does ---

    @on(Chart.Scrubbed)
    def point(self, event: Chart.Scrubbed) -> None:
        """Charts and samples go to the same step: the newest samples drawn up to it."""
        steps = self.query_one(Scrubber).steps
        self._at = None if event.step is None else max((s for s in steps if s <= event.step), default=None)
        self._set_cursor(event.step)

    @on(Scrubber.Moved)
    def choose(self, event: Scrubber.Moved) -> None:
        self._at = event.step
        self._set_cursor(event.step)

    def _set_cursor(self, step: float | None) -> None:
        for chart in self.query(Chart):
            chart.cursor = step
        if self.shot:
            self._show_samples(self.shot)

    @on(Chart.Zoomed)
    def zoom(self, event: Chart.Zoomed) -> None:
        for chart in self.query(Chart):
            chart.view = event.view

    @on(TabbedContent.TabActivated)
    def turn(self) -> None:
        if self.shot:
            self._show_curves(self.shot)

    @on(Input.Changed, "#search")
    def search(self, event: Input.Changed) -> None:
        self.query_one("#console-log", LogView).search(event.value)

    @on(Input.Submitted, "#search")
    def keep_search(self) -> None:
        self.query_one("#console-log").focus()

    def action_search(self) -> None:
        self.action_tab("console")
        line = self.query_one("#search", Input)
        line.display = True
        line.focus()

    def action_tab(self, name: str) -> None:
        self.set_focus(None)  # a focused widget pulls its own tab back
        self.query_one(TabbedContent).active = name
        focus = {"live": "#losses", "console": "#console-log", "events": "#event-log"}.get(name)
        if focus:
            self.call_after_refresh(self.query_one(focus).focus)

    def action_scrub(self, way: int) -> None:
        self.query_one(Scrubber).move(way)

    def action_follow(self) -> None:
        self._at = None
        self._set_cursor(None)

    def action_kind(self) -> None:
        """Grid or traversal."""
        self._kind = KINDS[(KINDS.index(self._kind) + 1) % len(KINDS)]
        if self.shot:
            self._show_samples(self.shot)

    def action_pin(self) -> None:
        """The chart (or picture) that has the focus, full screen; again: back."""
        if self.maximized:
            self.minimize()
            return
        focused, picture = self.focused, self.query_one(Picture)
        chart = focused if isinstance(focused, Chart) else self.query_one("#losses", Chart)
        self.maximize(picture if focused and picture in focused.ancestors else chart, container=False)

    def action_log(self) -> None:
        log = not self.query_one("#losses", Chart).logarithmic
        for chart in self.query(Chart):
            chart.logarithmic = log
        self.etlgan.remember(log=log)

    def action_smooth(self) -> None:
        """None, a little, some, much."""
        level = (self.etlgan.settings.smoothing + 1) % len(SMOOTHINGS)
        for chart in self.query(Chart):
            chart.smoothing = SMOOTHINGS[level]
        self.etlgan.remember(smoothing=level)
        reach = f"mean over {200 * SMOOTHINGS[level]:g} % of the reports" if level else "as measured"
        self.notify(reach, title="Smoothing", timeout=2)

    def action_back(self) -> None:
        line = self.query_one("#search", Input)
        if self.maximized:
            self.minimize()
        elif line.display and self.query_one(TabbedContent).active == "console":
            line.value, line.display = "", False
            self.query_one("#console-log").focus()
        else:
            self.app.pop_screen()

    def changed(self, _what: Changed) -> None:
        self._reading.ask()


def _heading(run: RunDir, shot: Shot) -> Text:
    """State, name, tags; how far, how fast, how long yet; the last word."""
    step = int(shot.step[-1]) if len(shot.step) else 0
    steps = shot.started.steps if shot.started else 0
    state = "? gone" if shot.gone else looks.state_word(shot.state)
    text = Text(f"{state}  ", style="bold").append(shot.meta.name, style="bold").append(f"  {run.id}", style="dim")
    for tag in shot.meta.tags:
        text.append(f"  #{tag}", style="italic")
    filled = round(_BAR_CELLS * min(step / steps, 1.0)) if steps else 0
    text.append(f"\n{'█' * filled}{'░' * (_BAR_CELLS - filled)} {step:,}/{steps:,}" if steps else "\nnot started yet")
    if shot.seconds:
        text.append(f"  ·  {looks.duration(shot.seconds)} trained")
    if shot.state.live and step and steps > step and shot.seconds:
        text.append(f"  ·  about {looks.duration(shot.seconds / step * (steps - step))} to go")
    if shot.started:
        text.append(f"  ·  {shot.started.device}, {shot.started.precision}")
    last = shot.state.message or (shot.problems[-1] if shot.problems else "") or shot.meta.note.replace("\n", " ")
    return text.append(f"\n{last}")


def _add_settings(text: Text, tree: RunConfig) -> None:
    """Every field with its unit; what differs from the default stands out, and says so."""
    group = ""
    for field in configs.fields():
        head, _, leaf = field.name.rpartition(".")
        if head != group:
            group = head
            text.append(f"\n{group}\n", style="bold")
        value = configs.get(tree, field.name)
        changed = value != field.default
        text.append(f"{'*' if changed else ' '} {leaf:<26} ", style="bold" if changed else "dim")
        text.append(f"{plain(value)} {field.unit}", style="bold" if changed else "")
        text.append(f"   default {plain(field.default)}\n" if changed else "\n", style="dim")
