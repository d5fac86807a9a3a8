"""Several runs beside each other: curves over one another, samples at one step, and what differs."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import msgspec
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import HorizontalScroll, Vertical, VerticalScroll
from textual.widgets import TabbedContent, TabPane

from etlgan_tui import cards, looks
from etlgan_tui.background import Errand
from etlgan_tui.feed import Feed, Shot
from etlgan_tui.index import Listed, differing, labels, picture_path
from etlgan_tui.screens.base import Changed
from etlgan_tui.screens.linked import LinkedCharts
from etlgan_tui.widgets.bar import TopBar
from etlgan_tui.widgets.chart import Chart, Series
from etlgan_tui.widgets.keys import KeyBar
from etlgan_tui.widgets.lines import Lines
from etlgan_tui.widgets.picture import Picture
from etlgan_tui.widgets.scrubber import Scrubber
from etlgan_tui.widgets.table import Table

CHARTS = (
    ("d", "D loss"),
    ("g", "G loss"),
    ("info_cat", "information loss, label"),
    ("info_con", "information loss, codes"),
    ("q_fake", "Q reads what was drawn"),
)
LOOK_TICKS = 2


class Found(NamedTuple):
    """What was read of the runs."""

    shots: list[Shot]
    listed: list[Listed]  # without those that have gone
    cards: list[dict[str, float]]  # {} for a run that was not judged


class CompareScreen(LinkedCharts):
    """Any number of runs; the order is that of marking."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back"),
        Binding("1", "tab('curves')", "Curves", show=False),
        Binding("2", "tab('pictures')", "Samples", show=False),
        Binding("3", "tab('differences')", "Differences", show=False),
    ]
    TAB_FOCUS: ClassVar[dict[str, str]] = {"curves": "Chart", "pictures": "#side-by-side", "differences": "DataTable"}

    def __init__(self, ids: list[str]) -> None:
        super().__init__()
        self._ids = ids
        self._shots: list[Shot] = []
        self._names: list[str] = []  # of the shots, each another
        self._told: object = None

    def compose(self) -> ComposeResult:
        yield TopBar()
        with TabbedContent(initial="curves"):
            with TabPane("1 Curves", id="curves"), VerticalScroll(can_focus=False):
                for name, title in CHARTS:
                    yield Chart(title, id=f"compare-{name}")
            with TabPane("2 Samples", id="pictures"):
                with HorizontalScroll(id="side-by-side"):
                    for number in range(len(self._ids)):
                        with Vertical(classes="side"):
                            yield Lines(id=f"side-title-{number}")
                            yield Picture(id=f"side-{number}")
                yield Scrubber()
            with TabPane("3 Differences", id="differences"):
                yield Table(id="diff-table", cursor_type="row", zebra_stripes=True)
        yield KeyBar()

    def on_mount(self) -> None:
        index, ids = self.etlgan.index, self._ids
        runs = [self.home.run(run_id) for run_id in ids]
        feeds = [Feed(run, index.histories.of(run)) for run in runs]

        def read() -> Found:
            return Found([feed.read() for feed in feeds], index.rows(ids), [cards.card(run) for run in runs])

        self._reading = Errand(self, read, done=self._show, failed=self.tell)
        self.dress_charts()
        self.query_one(Chart).focus()
        self._reading.ask()

    def tick(self, count: int) -> None:
        changing = any(shot.state.kind in ("queued", "running") for shot in self._shots)
        if count % LOOK_TICKS == 0 and changing and not self._reading.busy:
            self._reading.ask()

    def changed(self, _what: Changed) -> None:
        self._reading.ask()

    # --- showing ---

    def _show(self, found: Found) -> None:
        self._shots, listed = found.shots, found.listed
        self._names = looks.told_apart(
            [(run_id, shot.meta.name) for run_id, shot in zip(self._ids, self._shots, strict=True)]
        )
        for name, _title in CHARTS:
            shots = zip(self._names, self._shots, strict=True)
            curves = (Series(called, shot.step, shot.columns[name]) for called, shot in shots)
            self.query_one(f"#compare-{name}", Chart).show(tuple(curves))
        self.show_pictures()
        told = (listed, found.cards)
        if told != self._told:
            self._told = told
            judged = dict(zip(self._ids, found.cards, strict=True))
            self._show_differences(listed, [judged[entry.row.id] for entry in listed])
        if not all(shot.whole for shot in self._shots):
            self._reading.ask()
        for shot, run_id in zip(self._shots, self._ids, strict=True):
            if shot.gone:
                self.tell(f"run {run_id} has gone: deleted, or moved to the trash")

    def show_pictures(self) -> None:
        drawn = [{event.step: event for event in shot.sampled if event.kind == "grid"} for shot in self._shots]
        steps = tuple(sorted(set().union(*drawn)))
        if self.at not in steps:
            self.at = None
        self.query_one(Scrubber).show(steps, self.at)
        for number, events in enumerate(drawn):
            at = max((step for step in events if self.at is None or step <= self.at), default=None)
            event = None if at is None else events[at]
            title = f"{self._names[number]}\n" + ("no samples yet" if at is None else f"step {at:,}")
            self.query_one(f"#side-title-{number}", Lines).update(title)
            path = picture_path(self.home.run(self._ids[number]), event)
            self.query_one(f"#side-{number}", Picture).show(path, labels(event))

    def _show_differences(self, listed: list[Listed], judged: list[dict[str, float]]) -> None:
        """The settings that differ; every score, of training and of the score card."""
        table = self.query_one("#diff-table", Table)
        table.clear(columns=True)
        table.add_column(Text(""))
        for name in looks.told_apart([(entry.row.id, entry.row.name) for entry in listed]):
            table.add_column(Text(name))
        table.add_row(Text("state"), *(Text(looks.state_word(entry.state)) for entry in listed))
        table.add_row(Text("step"), *(Text(looks.progress(entry.row)) for entry in listed))
        for name, values in differing([entry.row.config for entry in listed]):
            table.add_row(Text(name), *map(Text, values))
        if any(entry.row.seconds_to_target is not None for entry in listed):
            spent = (entry.row.seconds_to_target for entry in listed)
            table.add_row(
                Text("time to quality", style="bold"),
                *(Text("-" if seconds is None else looks.duration(seconds)) for seconds in spent),
            )
        quick = [msgspec.json.decode(entry.row.scores) if entry.row.scores else {} for entry in listed]
        for kind, numbers in (("score", quick), ("card", judged)):
            for name in dict.fromkeys(name for each in numbers for name in each):
                told = (Text(_score(each.get(name))) for each in numbers)
                table.add_row(Text(f"{kind}: {name}", style="bold"), *told)


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
