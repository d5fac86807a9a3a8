"""One source of data: what it holds, its characters before and after preparation, and whether it is as published."""

from __future__ import annotations

from typing import ClassVar, get_args

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.timer import Timer
from textual.widgets import ProgressBar, TabbedContent, TabPane

from core.errors import ConfigError
from core.runs.meta import printable
from etlgan_tui.background import Errand, once
from etlgan_tui.screens.checking import HEADS, Checking, some
from etlgan_tui.screens.from_source import facts
from etlgan_tui.screens.prompt import Prompt
from etlgan_tui.screens.source_sheet import ALL_STEPS, LABEL, Wanted, character_of, leaf
from etlgan_tui.sources import Look, Opened, Overview, Page
from etlgan_tui.widgets.bar import TopBar
from etlgan_tui.widgets.character_grid import CharacterGrid
from etlgan_tui.widgets.keys import KeyBar
from etlgan_tui.widgets.lines import Lines
from etlgan_tui.widgets.sheet import TILES, SheetView
from etlgan_tui.widgets.table import Table

LOOKS: tuple[Look, ...] = get_args(Look)
LOOK_NAMES = {"prepared": "prepared", "raw": "as scanned", "steps": "before and after"}
REST_SECONDS = 0.08  # holding an arrow key reads nothing


class SourceScreen(Checking):
    """Opened by name; everything is read in the background."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "Back"),
        Binding("1", "tab('characters')", "Characters", show=False),
        Binding("2", "tab('holds')", "What it holds", show=False),
        Binding("3", "tab('verify')", "Checks", show=False),
        Binding("b", "look", "Before/after"),
        Binding("left_square_bracket,pageup", "page(-1)", "Earlier", key_display="["),
        Binding("right_square_bracket,pagedown", "page(1)", "Later", key_display="]"),
        Binding("plus,equals_sign", "zoom(1)", "Larger", key_display="+", show=False),
        Binding("minus", "zoom(-1)", "Smaller", key_display="-", show=False),
        Binding("slash", "find", "Find", key_display="/"),
        Binding("v", "verify", "Verify"),
        Binding("n", "new", "New run"),
    ]

    HELP_NOTES = """\
b goes through the looks: prepared as a run sees it, as scanned,
before and after. / finds a character: itself, or its code (U+3042)."""

    def __init__(self, opened: Opened, *, tab: str = "") -> None:
        super().__init__(opened)
        self.page: Page | None = None
        self._tab = tab
        self._look: Look = "prepared"
        self._first = 0
        self._wanted = Wanted("", "prepared", 0, 1, 1)
        self._zoom = {"prepared": 0, "raw": 2, "steps": 2}  # positions in TILES
        self._rest: Timer | None = None

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield Lines(printable(self.source.spec), id="source-heading")
        with TabbedContent(initial=self._tab or "characters"):
            with TabPane("Characters", id="characters"), Horizontal():
                yield CharacterGrid(id="character-grid")
                with Vertical(id="sheet-side"):
                    yield Lines(id="sheet-title")
                    yield SheetView(id="sheet")
            with TabPane("What it holds", id="holds"), VerticalScroll():
                yield Lines("reading ...", id="holds-text")
            with TabPane("Checks", id="verify"):
                yield Lines(id="verify-told")
                yield ProgressBar(id="verify-bar", show_eta=True)
                yield Table(id="verify-table", cursor_type="row", zebra_stripes=True)
        yield KeyBar()

    def on_mount(self) -> None:
        self._paging = Errand(self, self._read_page, done=self._show_page, failed=self._page_failed)
        self.query_one(SheetView).mode = self.etlgan.picture_mode
        self.query_one(SheetView).show(None, told="reading ...")
        self.query_one("#verify-bar").display = False
        self.query_one("#verify-table", Table).add_columns(*HEADS)
        self.tell_checks()
        if self._tab != "verify":
            self.query_one(CharacterGrid).focus()
        once(self, self.source.look, done=self._looked, failed=self._failed)

    def on_unmount(self) -> None:
        if self.verification:
            self.verification.cancel()

    def tick(self, _count: int) -> None:
        sheet = self.query_one(SheetView)
        if sheet.mode != self.etlgan.picture_mode:
            sheet.mode = self.etlgan.picture_mode
            self._ask()

    # --- what it holds ---

    def _looked(self, overview: Overview) -> None:
        self.overview = overview
        self._show_overview(overview)
        once(self, self.source.count, done=self._counted, failed=self._failed)
        if self._tab == "verify":
            self.action_verify()
        else:
            self.tell_checks()

    def _counted(self, overview: Overview) -> None:
        self.overview = overview
        self._show_overview(overview)
        self.query_one(CharacterGrid).show(tuple(overview.counts or ()))
        if not overview.counts:
            self.query_one(SheetView).show(None, told="no image of a known character")

    def _failed(self, problem: str) -> None:
        told = printable(problem)
        heading = self.query_one("#source-heading", Lines)
        heading.update(f"✗ {told}")
        heading.add_class("-problem")  # which has as many lines as it needs
        self.query_one("#holds-text", Lines).update(told)
        self.query_one(SheetView).show(None, told="nothing to show")
        self.tell_checks(told)

    def _show_overview(self, overview: Overview) -> None:
        self.query_one("#source-heading", Lines).update(printable(overview.name))
        lines = facts(overview)
        lines += [f"! {printable(problem)}" for problem in overview.problems]
        if overview.counts and not overview.endless:
            told = [f"{printable(text)} {count:,}" for text, count in overview.counts.items()]
            lines += ["", "   ".join(told)]
        lines += ["", *(f"not there of {row.data_set}: {some(row.missing)}" for row in overview.sets if row.missing)]
        self.query_one("#holds-text", Lines).update("\n".join(lines))

    # --- characters ---

    @property
    def look(self) -> Look:
        """Only scanned cells have a before and an after."""
        return self._look if self.overview and self.overview.raw else "prepared"

    @property
    def settled(self) -> bool:
        """Whether what is wanted is shown."""
        shown = self.page and (self.page.character, self._first) == (
            self.query_one(CharacterGrid).chosen,
            self.page.first,
        )
        return bool(shown) and not self._paging.busy and self._rest is None

    @on(CharacterGrid.Chosen)
    def choose(self) -> None:
        self._first = 0
        self._ask()

    def on_resize(self) -> None:
        self._ask()

    def _ask(self) -> None:
        if self._rest:
            self._rest.stop()
        self._rest = self.set_timer(REST_SECONDS, self._ask_now)

    def _ask_now(self) -> None:
        self._rest = None
        character = self.query_one(CharacterGrid).chosen
        if character and self.query_one(TabbedContent).active == "characters":
            rows, across = self._room()
            self._wanted = Wanted(character, self.look, self._first, rows, across)
            self._paging.ask()

    @property
    def tile(self) -> int:
        return TILES[self._zoom[self.look]]

    def _room(self) -> tuple[int, int]:
        """(rows, images a row) that fit. Before and after, a row is one image in all its steps where there is room for
        those, else images as scanned and prepared in pairs."""
        steps = self.look == "steps"
        rows, across = self.query_one(SheetView).room(self.tile, label=LABEL, captions=steps)
        return rows, (1 if across >= ALL_STEPS else max(1, across // 2)) if steps else across

    def _read_page(self) -> Page:
        wanted = self._wanted
        return self.source.page(wanted.character, wanted.look, first=wanted.first, count=wanted.rows * wanted.across)

    def _show_page(self, page: Page) -> None:
        character, look = self._wanted.character, self._wanted.look
        self.page, self._first = page, page.first
        images = page.sheet.images
        count = images.shape[0] if look == "steps" else images.shape[1]
        last = page.first + count
        of = "" if page.total is None else f" of {page.total:,}"
        told = f"{printable(character)}  U+{ord(character):04X}   {LOOK_NAMES[look]}   {page.first + 1:,}–{last:,}{of}"
        self.query_one("#sheet-title", Lines).update(told if count else f"{printable(character)}  no images")
        sheet = self.query_one(SheetView)
        fit = sheet.room(self.tile, label=LABEL, captions=True)[1]
        sheet.show(leaf(page, self._wanted, tile=self.tile, fit=fit) if count else None, told="no images")

    def _page_failed(self, problem: str) -> None:
        self.query_one(SheetView).show(None, told=printable(problem))
        self.tell(problem)

    def action_page(self, way: int) -> None:
        rows, across = self._room()
        step, total = rows * across, self.page.total if self.page else None
        to = max(0, self._first + way * step)
        if total is None or to < total:
            self._first = to
            self._ask_now()

    def action_look(self) -> None:
        """Prepared, as scanned, and both with the steps between."""
        if self.overview and not self.overview.raw:
            self.notify("these are clean characters already: nothing is prepared")
            return
        self._look = LOOKS[(LOOKS.index(self._look) + 1) % len(LOOKS)]
        self.query_one(TabbedContent).active = "characters"
        self._ask_now()

    def action_zoom(self, way: int) -> None:
        self._zoom[self.look] = min(max(self._zoom[self.look] + way, 0), len(TILES) - 1)
        self._ask_now()

    def action_find(self) -> None:
        grid = self.query_one(CharacterGrid)

        def check(text: str) -> None:
            if character_of(text) not in grid.characters:
                raise ConfigError(f"no image of {printable(text.strip()) or 'a blank'} here")

        def answered(text: str | None) -> None:
            if text:
                self.query_one(TabbedContent).active = "characters"
                grid.choose(character_of(text))

        self.app.push_screen(
            Prompt("Find a character", hint="the character, or its code: U+3042", check=check), answered
        )

    def action_tab(self, name: str) -> None:
        self.query_one(TabbedContent).active = name

    @on(TabbedContent.TabActivated)
    def tab_chosen(self, event: TabbedContent.TabActivated) -> None:
        if event.pane.id == "characters" and self.page is None:
            self._ask()

    # --- runs ---

    def action_new(self) -> None:
        self.new_run(self.source)
