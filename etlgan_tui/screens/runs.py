"""Home: the table of runs, filtered and sorted as one types, and a preview of the selected one."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal
from textual.timer import Timer
from textual.widgets import Input

from core.runs.meta import printable
from core.runs.store import PAGE
from etlgan_tui import looks
from etlgan_tui.background import Errand
from etlgan_tui.index import Listed, Page
from etlgan_tui.index import Preview as Found
from etlgan_tui.query import Query, parse
from etlgan_tui.screens import run_lines
from etlgan_tui.screens.base import Changed
from etlgan_tui.screens.run_actions import RunActions
from etlgan_tui.widgets.bar import TopBar
from etlgan_tui.widgets.keys import KeyBar
from etlgan_tui.widgets.lines import Lines
from etlgan_tui.widgets.preview import Preview
from etlgan_tui.widgets.run_table import BY_LETTER, ORDERS, RunTable

REST_SECONDS = 0.1  # the cursor has to rest on a run before its preview is read
PAINT_SECONDS = 0.15  # for the first picture, before the directories are read
LOOK_TICKS = 2  # ticks between two looks at the index
PREVIEW_TICKS = 4
WIDE_TABLE = 110  # cells
SLOW_SECONDS = 4.0  # a look at the index that takes longer is told
SELECT_LOOKS = 4  # a run that was just started may be missing from a look that was under way

EMPTY = """\
No runs here yet.

Press  n  to start one: the defaults train ten hiragana on the
embedded handwriting, in a few minutes on two CPU cores.

From a shell the same is  etlgan run hiragana-a-ka
Press  ?  for all keys,  q  to leave; runs go on without the dashboard."""


class RunsScreen(RunActions):
    """The first screen, and the one that stays below all others."""

    AUTO_FOCUS = "#table"  # coming back, also while it is hidden: else the hidden filter would take the keys
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", "New run"),
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("c", "compare", "Compare"),
        Binding("a", "data", "Data"),
        Binding("v", "preview", "Preview on or off", show=False),
        Binding("f", "fold", "Fold a sweep or a family", show=False),
        Binding("o", "order", "Sort", show=False),
        Binding("i", "reverse", "Reverse order", show=False),
        Binding("right_square_bracket", "page(1)", "Next page", show=False, key_display="]"),
        Binding("left_square_bracket", "page(-1)", "Previous page", show=False, key_display="["),
        Binding("escape", "leave_filter", "Clear filter and marks", show=False),
    ]

    HELP_NOTES = """\
/ filters as you type: free text, tag:x, state:running, recipe:etl,
sweep:ID.
Marks (space) choose the runs to compare. Clicking a column title
sorts by it. A sweep stands above its runs, a run above those made
from it: f folds and opens them, from any of them; space on a sweep
marks all its runs. r on a run that has finished asks how much
further to train."""

    def __init__(self) -> None:
        super().__init__()
        self.page: Page | None = None
        self.synced = False  # whether the directories have been read since the screen was made
        self._query = Query()
        self._select, self._select_looks = "", 0  # a run to go to, and for how many looks it is waited for
        self._previewed: Listed | None = None  # what the preview knows of its run
        self._fresh = False
        self._counted = ""
        self._rest: Timer | None = None
        self._folded: set[str] = set()  # sweeps and runs whose children are not shown

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield Input(
            placeholder="text, tag:x, state:running, recipe:etl, sweep:ID  (Enter keeps, Escape clears)", id="filter"
        )
        with Horizontal(id="runs"):
            with Container(id="list"):
                yield RunTable(id="table")
                yield Lines(id="empty")
            yield Preview(id="preview")
        yield Lines(id="count")
        yield KeyBar(first=("select_cursor", "mark", "new", "filter", "compare"))

    def on_mount(self) -> None:
        settings = self.etlgan.settings
        self._query = Query(
            order=settings.order if settings.order in ORDERS else "created", descending=settings.descending
        )
        index = self.etlgan.index
        self._look = Errand(self, lambda: index.page(self._query, fresh=self._fresh), done=self._show, failed=self.tell)
        self._previews = Errand(self, lambda: index.preview(self.target), done=self._show_preview, failed=self.tell)
        self.query_one(Preview).show(None)
        self.query_one("#filter").display = False
        self.query_one(RunTable).focus()
        self._look.ask()

    @property
    def target(self) -> str:
        selected = self.query_one(RunTable).selected
        return "" if run_lines.is_sweep(selected) else selected

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(self.query_one(RunTable).marked) or super().targets

    def without_target(self) -> str:
        if self.query_one(RunTable).selected:
            return "this is a sweep; choose one of its runs (Enter shows them), or mark all of them with space"
        return super().without_target()

    def tick(self, count: int) -> None:
        if count % LOOK_TICKS == 0 and not self._look.busy:
            self._look.ask()
        if self._look.waited > SLOW_SECONDS:
            self.tell(
                f"{looks.folder(self.home.database)} has not answered for {SLOW_SECONDS:.0f} s: locked by another "
                "program, or the disk is slow; waiting for it"
            )
        listed = self._listed(self.target)
        changing = listed and (listed.state.live or listed != self._previewed)
        if count % PREVIEW_TICKS == 0 and changing and not self._previews.busy:
            self._previews.ask()

    def changed(self, what: Changed) -> None:
        if what.run_id:
            self._select, self._select_looks = what.run_id, SELECT_LOOKS
        self.etlgan.index.outdated()
        self._look.ask()

    # --- showing ---

    def _show(self, page: Page) -> None:
        if page.query.page and not page.runs:  # its last run was deleted
            self._query = self._query._replace(page=0)
            self._look.ask()
            return
        first, self._fresh, self.page = not self._fresh, True, page
        self.synced = not first
        now = self.etlgan.clock()
        table = self.query_one(RunTable)
        cells = run_lines.name_cells(table.size.width, wide=table.size.width >= WIDE_TABLE)
        self._folded -= set(run_lines.above(page.runs, self._select))  # what is gone to is to be seen
        lines = run_lines.lines(page.runs, page.query, now=now, folded=self._folded, name_cells=cells)
        table.show(lines, select=self._select, order=page.query.order, descending=page.query.descending)
        if run_lines.is_sweep(table.selected):
            self._preview_sweep(table.selected)
        self._select_looks -= 1
        if self._select_looks <= 0 or self._select in {line.id for line in lines}:
            self._select = ""
        table.display = bool(page.runs)
        empty = self.query_one("#empty", Lines)
        empty.display = not page.runs
        empty.update(self._nothing(page, first=first))
        self._tell_count()
        if page.notice:
            self.tell(page.notice)
        if first:
            self.set_timer(PAINT_SECONDS, self._look.ask)  # what is known is painted first; then read what is new
        if page.runs and not table.has_focus and self.focused is None:
            table.focus()

    def _nothing(self, page: Page, *, first: bool) -> str:
        if page.every:
            return f"No run matches “{printable(self.query_one('#filter', Input).value)}”."
        return "reading the runs ..." if first else EMPTY

    def _tell_count(self) -> None:
        table = self.query_one(RunTable)
        text = run_lines.count(self.page, marked=len(table.marked), common=table.common) if self.page else ""
        if text != self._counted:
            self._counted = text
            self.query_one("#count", Lines).update(text)

    def _show_preview(self, found: Found | None) -> None:
        if found is None or found.listed.row.id == self.target:
            wanted = found if self.etlgan.settings.preview else None
            self.query_one(Preview).show(run_lines.glance(wanted) if wanted else None)
            self._previewed = found.listed if found else None
            if found and not found.whole:
                self._previews.ask()

    def _listed(self, run_id: str) -> Listed | None:
        runs = self.page.runs if self.page else []
        return next((listed for listed in runs if listed.row.id == run_id), None)

    # --- what the user does ---

    @on(RunTable.Selected)
    def rest(self, event: RunTable.Selected) -> None:
        """The preview follows once the cursor rests: holding an arrow key reads nothing."""
        if self._rest:
            self._rest.stop()
        if run_lines.is_sweep(event.run_id):
            self._preview_sweep(event.run_id)
        elif event.run_id:
            self._rest = self.set_timer(REST_SECONDS, self._previews.ask)
        else:
            self.query_one(Preview).show(None)

    def _preview_sweep(self, sweep: str) -> None:
        runs = self.page.runs if self.page else []
        shown = self.etlgan.settings.preview
        self.query_one(Preview).show(run_lines.sweep_glance(sweep, runs) if shown else None)

    @on(RunTable.Opened)
    def open(self, event: RunTable.Opened) -> None:
        if run_lines.is_sweep(event.run_id):
            self.action_fold()
            return
        from etlgan_tui.screens.run import RunScreen

        self.app.push_screen(RunScreen(self.home.run(event.run_id)))

    @on(RunTable.Sorted)
    def sort(self, event: RunTable.Sorted) -> None:
        again = event.order == self._query.order
        self._ask(
            self._query._replace(
                order=event.order,
                descending=not self._query.descending if again else event.order not in BY_LETTER,
                page=0,
            )
        )

    @on(Input.Changed, "#filter")
    def filter(self, event: Input.Changed) -> None:
        self._query = parse(event.value, self._query)
        self._look.ask()

    @on(Input.Submitted, "#filter")
    def keep_filter(self) -> None:
        self.query_one(RunTable).focus()

    def _ask(self, query: Query) -> None:
        self._query = query
        self.etlgan.remember(order=self._query.order, descending=self._query.descending)
        self._look.ask()

    def action_filter(self) -> None:
        line = self.query_one("#filter", Input)
        line.display = True
        self.set_focus(line)  # now: the next key may be there already

    def action_leave_filter(self) -> None:
        line = self.query_one("#filter", Input)
        if line.display:
            line.value = ""
            line.display = False
        else:
            self.query_one(RunTable).unmark()
        self.query_one(RunTable).focus()
        self._look.ask()

    def action_order(self) -> None:
        """By the next of the columns that are there."""
        orders = self.query_one(RunTable).orders
        at = orders.index(self._query.order) if self._query.order in orders else -1
        order = orders[(at + 1) % len(orders)]
        self._ask(self._query._replace(order=order, descending=order not in BY_LETTER, page=0))

    def action_reverse(self) -> None:
        self._ask(self._query._replace(descending=not self._query.descending, page=0))

    def action_page(self, way: int) -> None:
        last = max(0, -(-(self.page.total if self.page else 0) // PAGE) - 1)
        self._ask(self._query._replace(page=min(max(self._query.page + way, 0), last)))

    def action_preview(self) -> None:
        """Without it there is room for more columns."""
        self.etlgan.remember(preview=not self.etlgan.settings.preview)
        self.rest(RunTable.Selected(self.query_one(RunTable).selected))
        self._look.ask()  # names may be longer, or not

    def action_fold(self) -> None:
        """The children of a sweep or a run, away or back; from one of them, too."""
        if self.page is None:
            return
        parent = run_lines.family_of(self.page.runs, self.query_one(RunTable).selected)
        if not run_lines.together(self.page.query):
            self.notify("families stand together only where the list is sorted by age and not of one sweep (key o)")
        elif not parent:
            self.notify("this run belongs to no sweep, and no other was made from it")
        else:
            self._folded ^= {parent}
            self._select, self._select_looks = parent, SELECT_LOOKS
            self._show(self.page)

    def action_delete(self) -> None:
        super().action_delete()
        self.query_one(RunTable).unmark()

    def action_new(self) -> None:
        from etlgan_tui.screens.new import NewScreen

        self.app.push_screen(NewScreen())

    def action_data(self) -> None:
        from etlgan_tui.screens.data import DataScreen

        self.app.push_screen(DataScreen())

    def action_compare(self) -> None:
        marked = list(self.query_one(RunTable).marked)
        if len(marked) < 2:
            self.notify("mark two runs or more with space, then press c")
            return
        from etlgan_tui.screens.compare import CompareScreen

        self.app.push_screen(CompareScreen(marked))
