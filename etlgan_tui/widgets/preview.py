"""A run at a glance: its newest samples, its losses, and what was changed against the run before."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll

from core.errors import DataError
from etlgan_tui import looks, pictures
from etlgan_tui.widgets.chart import Chart, Series
from etlgan_tui.widgets.lines import Lines

STRIP_LINES = 12  # of samples
BETWEEN = " · "  # two facts


class Glance(NamedTuple):
    """What is shown."""

    run_id: str
    title: str
    facts: tuple[str, ...]  # as many a line as there is room for
    note: str
    grid: Path | None
    labels: tuple[str, ...]
    losses: tuple[Series, ...]
    against: str  # name of the run before, "" for none
    changes: Sequence[tuple[str, str, str]]  # setting, there, here


class Preview(VerticalScroll, can_focus=False):
    """Empty until something is shown."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._glance: Glance | None = None

    def compose(self) -> ComposeResult:
        yield Lines(id="glance-title")
        yield Lines(id="glance-facts")
        yield Lines(id="glance-grid")
        yield Chart("losses", id="glance-losses")
        yield Lines(id="glance-changes")

    def on_mount(self) -> None:
        self.query_one(Chart).can_focus = False

    @property
    def shown(self) -> str:
        """The run that is shown, "" for none."""
        return self._glance.run_id if self._glance else ""

    def show(self, glance: Glance | None) -> None:
        self._glance = glance
        self.set_class(glance is None, "-nothing")
        if glance is None:
            return
        self._text("title", glance.title)
        self._tell_facts(glance)
        self._text("changes", _changes(glance))
        chart = self.query_one(Chart)
        chart.display = any(len(curve.step) for curve in glance.losses)
        chart.show(glance.losses)
        self._draw_grid()

    def on_resize(self) -> None:
        if self._glance:
            self._tell_facts(self._glance)
            self._draw_grid()

    def _tell_facts(self, glance: Glance) -> None:
        lines = looks.packed(glance.facts, self.scrollable_content_region.width, BETWEEN)
        self._text("facts", "\n".join(filter(None, (*lines, glance.note))))

    def _text(self, part: str, text: str | Text) -> None:
        self.query_one(f"#glance-{part}", Lines).update(text)

    def _draw_grid(self) -> None:
        """A first sample of every class, then second ones, as many as there is room for; half-written: next time."""
        glance, width = self._glance, self.scrollable_content_region.width
        if glance is None or glance.grid is None or width < 8:
            self._text("grid", "" if glance is None else "no samples yet")
            return
        try:
            samples = pictures.cells(pictures.load(glance.grid), rows=len(glance.labels))
        except DataError:
            return
        if samples is not None:
            self._text("grid", "\n".join(pictures.braille_strip(samples, columns=width, lines=STRIP_LINES)))


def _changes(glance: Glance) -> Text:
    if not glance.against:
        return Text("")
    text = Text(f"against {glance.against}: ", style="bold")
    if not glance.changes:
        return text.append("the same settings", style="not bold")
    for name, before, after in glance.changes:
        text.append(f"\n{name} ", style="not bold").append(f"{before} → {after}", style="not bold")
    return text
