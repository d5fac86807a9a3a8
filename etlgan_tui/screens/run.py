"""One run, live: curves, samples, log, settings and events, and what can be done to it."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Input, TabbedContent, TabPane

from core import config as configs
from core.errors import EtlganError
from core.events import Sampled
from core.rundir import RunDir
from core.runs.meta import printable
from core.settings import RunConfig
from etlgan_tui import looks
from etlgan_tui.background import Errand
from etlgan_tui.feed import Feed, Shot, environment_lines
from etlgan_tui.index import labels, picture_path, plain
from etlgan_tui.screens.base import Changed
from etlgan_tui.screens.linked import LinkedCharts
from etlgan_tui.screens.run_actions import RunActions
from etlgan_tui.series import Column, Floats
from etlgan_tui.widgets.bar import TopBar
from etlgan_tui.widgets.chart import Chart, Series
from etlgan_tui.widgets.keys import KeyBar
from etlgan_tui.widgets.lines import Lines
from etlgan_tui.widgets.log_view import LogView
from etlgan_tui.widgets.picture import Picture
from etlgan_tui.widgets.scrubber import Scrubber

# id, title, and the curves of each chart: column of the history, name in the legend
CHARTS = (
    ("losses", "losses", (("d", "D"), ("g", "G"))),
    ("information", "information", (("info_cat", "label"), ("info_con", "codes"))),
    ("accuracy", "Q reads", (("q_real", "real"), ("q_fake", "drawn"))),
    ("speed", "images/s", (("images_per_s", "images/s"),)),
)
# the same of the machine: column of core.events.Usage, name in the legend
USAGE_CHARTS = (
    ("load", "busy, %", (("cpu", "CPU, of one core"), ("gpu", "GPU"))),
    ("memory", "memory, GiB", (("memory", "this run"), ("gpu_memory", "GPU, all programs"))),
)
KINDS = ("grid", "traversal")
_BAR_CELLS = 24


class RunScreen(LinkedCharts, RunActions):
    """Follows its run until it is left; the run does not notice."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back"),
        Binding("1", "tab('live')", "Live", show=False),
        Binding("2", "tab('console')", "Console", show=False),
        Binding("3", "tab('settings')", "Settings", show=False),
        Binding("4", "tab('events')", "Events", show=False),
        Binding("5", "tab('machine')", "Machine", show=False),
        Binding("v", "kind", "Traversal"),
        Binding("slash", "search", "Search log", show=False, key_display="/"),
    ]
    TAB_FOCUS: ClassVar[dict[str, str]] = {
        "live": "#losses", "console": "#console-log", "events": "#event-log", "machine": "#load",
    }  # fmt: skip

    def __init__(self, run: RunDir) -> None:
        super().__init__()
        self.run = run
        self.shot: Shot | None = None
        self._kind = "grid"
        self._heading = Text()
        self._said = ""  # the console log's last line

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield Lines(f"reading {self.run.id} ...", id="heading")
        with TabbedContent(initial="live"):
            with TabPane("1 Live", id="live"), Horizontal():
                with VerticalScroll(id="charts", can_focus=False):
                    for name, title, _curves in CHARTS:
                        yield Chart(title, id=name)
                with Vertical(id="samples"):
                    yield Lines("grid", id="samples-title")
                    yield Picture()
                    yield Scrubber()
            with TabPane("2 Console", id="console"):
                yield Input(placeholder="show only lines with ...    (Enter keeps, Escape clears)", id="search")
                yield LogView(placeholder="the console log is empty", id="console-log")
            with TabPane("3 Settings", id="settings"), VerticalScroll():
                yield Lines(id="settings-text")
            with TabPane("4 Events", id="events"):
                yield LogView(placeholder="no events yet", id="event-log")
            with TabPane("5 Machine", id="machine"):
                for name, title, _curves in USAGE_CHARTS:
                    yield Chart(title, id=name)
        yield KeyBar()

    def on_mount(self) -> None:
        feed = Feed(self.run, self.etlgan.index.histories.of(self.run))
        self._reading = Errand(self, feed.read, done=self._show, failed=self.tell)
        self.query_one("#search").display = False
        self.dress_charts()
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
        if self.query_one(TabbedContent).active in ("live", "machine"):
            self._show_curves(shot)
        self.show_pictures()
        self.query_one("#console-log", LogView).write_lines(shot.console)
        self.query_one("#event-log", LogView).write_lines(shot.said)
        if not shot.whole:
            self._reading.ask()
        if shot.gone:
            self.tell(f"{self.run.path} has gone: deleted, or moved to the trash; what was read is still shown")

    def _show_curves(self, shot: Shot) -> None:
        for name, _title, curves in CHARTS:
            self._show_chart(name, [(label, shot.columns[column]) for column, label in curves], shot.step)
        for name, _title, curves in USAGE_CHARTS:
            told = [(label, shot.usage.measured[column]) for column, label in curves]
            self._show_chart(name, [each for each in told if each[1].known], shot.usage.step.values)

    def _show_chart(self, name: str, curves: list[tuple[str, Column]], step: Floats) -> None:
        """Only what has grown is drawn again."""
        chart = self.query_one(f"#{name}", Chart)
        if [len(curve.step) for curve in chart.series] != [len(step)] * len(curves):
            chart.show(tuple(Series(label, step, column) for label, column in curves))

    def _show_heading(self, shot: Shot) -> None:
        self._said = shot.console[-1] if shot.console else self._said
        heading = _heading(self.run, shot, self._said)
        if heading != self._heading:
            self._heading = heading
            self.query_one("#heading", Lines).update(heading, layout=False)

    def show_pictures(self) -> None:
        sampled = self.shot.sampled if self.shot else ()
        drawn = {event.step: event for event in sampled if event.kind == self._kind}
        steps = tuple(sorted(drawn))
        if self.at not in drawn:
            self.at = None
        self.query_one(Scrubber).show(steps, self.at)
        event: Sampled | None = drawn.get(steps[-1] if self.at is None else self.at) if steps else None
        title = f"{self._kind}, step {event.step:,}" if event else f"no {self._kind} yet"
        self.query_one("#samples-title", Lines).update(title, layout=False)
        self.query_one(Picture).show(picture_path(self.run, event), labels(event))

    def _show_settings(self) -> None:
        text = Text()
        try:
            tree = configs.decode(self.run.config.read_bytes(), where=self.run.config.name)
        except (EtlganError, OSError) as error:
            text.append(f"{printable(str(error))}\n")
        else:
            _add_settings(text, tree)
        text.append("\nenvironment\n", style="bold")
        for name, value in environment_lines(self.run):
            text.append(f"  {name:<26} ", style="dim").append(f"{value}\n")
        self.query_one("#settings-text", Lines).update(text)

    # --- what the user does ---

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
        self.set_focus(None)  # a focused widget pulls its own tab back
        self.query_one(TabbedContent).active = "console"
        line = self.query_one("#search", Input)
        line.display = True
        self.set_focus(line)  # now: the next key may be there already

    def action_kind(self) -> None:
        """Grid or traversal."""
        self._kind = KINDS[(KINDS.index(self._kind) + 1) % len(KINDS)]
        self.show_pictures()

    def action_back(self) -> None:
        line = self.query_one("#search", Input)
        if not self.maximized and line.display and self.query_one(TabbedContent).active == "console":
            line.value, line.display = "", False
            self.query_one("#console-log").focus()
        else:
            super().action_back()

    def changed(self, _what: Changed) -> None:
        self._reading.ask()


def _heading(run: RunDir, shot: Shot, said: str) -> Text:
    """State, name, tags; how far, how fast, how long yet; the last word. `said`: the console log's last line."""
    step = max(int(shot.step[-1]) if len(shot.step) else 0, shot.sampled[-1].step if shot.sampled else 0)
    steps = shot.started.steps if shot.started else 0
    state = "? gone" if shot.gone else looks.state_word(shot.state)
    text = Text(f"{state}  ", style="bold").append(shot.meta.name, style="bold").append(f"  {run.id}", style="dim")
    for tag in shot.meta.tags:
        text.append(f"  #{tag}", style="italic")
    filled = round(_BAR_CELLS * min(step / steps, 1.0)) if steps else 0
    text.append(f"\n{'█' * filled}{'░' * (_BAR_CELLS - filled)} {step:,}/{steps:,}" if steps else "\nnot started yet")
    if shot.seconds:
        text.append(f"  ·  {looks.duration(shot.seconds)} trained")
    if shot.to_target is not None:
        text.append(f"  ·  target after {looks.duration(shot.to_target)}")
    if shot.state.live and step and steps > step and shot.seconds:
        text.append(f"  ·  about {looks.duration(shot.seconds / step * (steps - step))} to go")
    if shot.started:
        text.append(printable(f"  ·  {shot.started.device}, {shot.started.precision}"))
    last = shot.state.message or (shot.problems[-1] if shot.problems else "") or shot.meta.note.replace("\n", " ")
    if shot.state.live and not shot.started:
        last = said  # it prepares data: that may take minutes, and the log tells how far it is
    return text.append(f"\n{printable(last)}")


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
        text.append(f"   default {plain(field.default) or 'none'}\n" if changed else "\n", style="dim")
