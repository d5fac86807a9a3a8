"""Data: the sources that are known here, and what the selected one holds."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.timer import Timer

from core.runs.meta import printable
from etlgan_tui import pictures, sources
from etlgan_tui.background import Errand, once
from etlgan_tui.screens.base import Changed
from etlgan_tui.screens.from_source import FromSource, facts
from etlgan_tui.screens.prompt import Prompt
from etlgan_tui.sources import Opened, Overview
from etlgan_tui.widgets.bar import TopBar
from etlgan_tui.widgets.keys import KeyBar
from etlgan_tui.widgets.lines import Lines
from etlgan_tui.widgets.source_table import Line, SourceTable

if TYPE_CHECKING:
    from core.glyphs.known import Known
    from core.glyphs.sheets import Sheet

REST_SECONDS = 0.15  # the cursor has to rest on a source before it is opened
STRIP_LINES = 16  # of samples
KEPT = 4  # sources that stay open: going to and fro reads nothing
HINT = (
    "ETL zips or folders, MNIST or KMNIST files, folders of images: "
    "PATH, etl:PATH, mnist:PATH, kmnist:PATH, folder:PATH"
)


class DataScreen(FromSource):
    """A table of sources, and beside it what the selected one was recognised as."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "Back"),
        Binding("o", "open", "Look"),  # and Enter, which is the table's
        Binding("a", "add", "Add"),
        Binding("n", "new", "New run"),
        Binding("v", "verify", "Verify"),
        Binding("r", "again", "Look again", show=False),
        Binding("delete,D", "forget", "Forget", show=False),
        Binding("y", "copy", "Copy name", show=False),
    ]

    HELP_NOTES = """\
a adds files or folders by their path; what they are is recognised.
v checks ETL files against what AIST published. A new run (n) takes
the source that is selected."""

    def __init__(self) -> None:
        super().__init__()
        self.overviews: dict[str, Overview] = {}
        self.problems: dict[str, str] = {}
        self.samples: dict[str, Sheet] = {}
        self._open: dict[str, Opened] = {}
        self._reading: set[str] = set()
        self._select = ""
        self._rest: Timer | None = None

    def compose(self) -> ComposeResult:
        yield TopBar()
        with Horizontal(id="sources"):
            yield SourceTable(id="source-table")
            with VerticalScroll(id="source-glance", can_focus=False):
                yield Lines(id="source-name")
                yield Lines(id="source-facts")
                yield Lines(id="source-strip")
                yield Lines(id="source-problems")
        yield KeyBar()

    def on_mount(self) -> None:
        home = self.home
        self._look = Errand(
            self, lambda: sources.known(home, self.etlgan.settings.sources), done=self._show, failed=self.tell
        )
        self.query_one(SourceTable).focus()
        self._look.ask()

    @property
    def selected(self) -> str:
        return self.query_one(SourceTable).selected

    @property
    def settled(self) -> bool:
        """Whether everything about the selected source has been read."""
        return bool(self.selected) and self.selected not in self._reading and self._rest is None

    def changed(self, _what: Changed) -> None:
        self._look.ask()

    # --- showing ---

    def _show(self, found: list[Known]) -> None:
        lines = [
            Line(each.source, printable(each.source), each.there, each.runs, each.prepared, printable(each.about))
            for each in found
        ]
        select, self._select = self._select, ""
        self.query_one(SourceTable).show(lines, select=select)

    @on(SourceTable.Selected)
    def rest(self, event: SourceTable.Selected) -> None:
        """What it holds follows once the cursor rests."""
        if self._rest:
            self._rest.stop()
        self._tell()
        self._rest = self.set_timer(REST_SECONDS, partial(self._read, event.source))

    def opened(self, spec: str) -> Opened:
        """The source, open or to be opened by the first call that needs it."""
        found = self._open.pop(spec, None) or Opened(spec)
        self._open[spec] = found  # the newest last
        while len(self._open) > KEPT:
            self._open.pop(next(iter(self._open)))
        return found

    def _read(self, spec: str) -> None:
        """Three steps, each shown as soon as it is known: what it is, how many of what, how they look."""
        self._rest = None
        if not spec or spec in self._reading or spec in self.samples or spec in self.problems:
            return
        self._reading.add(spec)
        source = self.opened(spec)
        failed = partial(self._failed, spec)

        def looked(overview: Overview) -> None:
            self._found(spec, overview)
            once(self, source.count, done=counted, failed=failed)

        def counted(overview: Overview) -> None:
            self._found(spec, overview)
            if overview.zipped:  # which can only be run through: pictures when they are asked for
                self._end(spec)
            else:
                once(self, source.samples, done=sampled, failed=failed)

        def sampled(sheet: Sheet) -> None:
            self.samples[spec] = sheet
            self._end(spec)

        once(self, source.look, done=looked, failed=failed)

    def _found(self, spec: str, overview: Overview) -> None:
        self.overviews[spec] = overview
        if spec == self.selected:
            self._tell()

    def _failed(self, spec: str, problem: str) -> None:
        self.problems[spec] = problem
        self._end(spec)

    def _end(self, spec: str) -> None:
        self._reading.discard(spec)
        if spec == self.selected:
            self._tell()

    def _tell(self) -> None:
        spec = self.selected
        overview, problem = self.overviews.get(spec), self.problems.get(spec, "")
        self._text("name", printable(overview.name) if overview else printable(spec))
        self._text("facts", "\n".join(facts(overview)) if overview else "" if problem else "reading ...")
        self._text("strip", self._strip(spec))
        told = [problem] if problem else list(overview.problems) if overview else []
        self._text("problems", "\n".join(f"! {printable(line)}" for line in told))

    def _text(self, part: str, text: str) -> None:
        self.query_one(f"#source-{part}", Lines).update(text)

    def _strip(self, spec: str) -> str:
        width = self.query_one("#source-strip", Lines).size.width
        sheet = self.samples.get(spec)
        if sheet is None or width < pictures.TILE // 2:
            return "Enter shows its pictures" if spec in self.overviews and spec not in self._reading else ""
        return "\n".join(pictures.braille_strip(sheet.images, columns=width, lines=STRIP_LINES))

    def on_resize(self) -> None:
        self.call_after_refresh(self._tell)

    # --- what the user does ---

    @on(SourceTable.Opened)
    def action_open(self) -> None:
        self._enter()

    def action_verify(self) -> None:
        self._enter("verify")

    def _enter(self, tab: str = "") -> None:
        from etlgan_tui.screens.source import SourceScreen

        if spec := self.selected:
            self.app.push_screen(SourceScreen(self.opened(spec), tab=tab))

    def action_new(self) -> None:
        if spec := self.selected:
            self.new_run(self.opened(spec))

    def action_add(self, value: str = "", problem: str = "") -> None:
        def answered(text: str | None) -> None:
            if text and text.strip():
                once(
                    self,
                    partial(sources.recognised, text),
                    done=self._added,
                    failed=lambda told: self.action_add(text, told),
                )

        self.app.push_screen(Prompt("Add a source of data", value=value, hint=printable(problem) or HINT), answered)

    def _added(self, spec: str) -> None:
        settings = self.etlgan.settings
        if spec not in settings.sources:
            self.etlgan.remember(sources=(*settings.sources, spec))
        self.problems.pop(spec, None)
        self._select = spec
        self._look.ask()

    def action_forget(self) -> None:
        """Only the dashboard's memory of it; files are never touched."""
        spec, kept = self.selected, self.etlgan.settings.sources
        if spec not in kept:
            self.notify("only sources that were added here can be forgotten; the others are known from runs and sets")
            return
        self.etlgan.remember(sources=tuple(each for each in kept if each != spec))
        self.notify(f"{printable(spec)} is forgotten; its files stay where they are", markup=False)
        self._look.ask()

    def action_again(self) -> None:
        """Open the selected source anew."""
        spec = self.selected
        if spec not in self._reading:
            for known in (self.overviews, self.problems, self.samples, self._open):
                known.pop(spec, None)
            self._tell()
            self._read(spec)
        self._look.ask()

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(self.selected)
        self.notify(printable(self.selected), title="Copied", markup=False)
