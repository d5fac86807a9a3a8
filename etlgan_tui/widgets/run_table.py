"""The table of runs: rows by run id, a selection that stays on its run whatever appears, marks with space."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import DataTable

from etlgan_tui.widgets.table import Table


class Head(NamedTuple):
    """One column."""

    title: str
    order: str = ""  # what the index sorts by when the title is clicked, "" where it cannot
    right: bool = False


HEADS = (
    Head("state"),
    Head("name", "name"),
    Head("step", "step", right=True),
    Head("age", "created", right=True),
    Head("score", "score", right=True),
    Head("D", "d", right=True),
    Head("G", "g", right=True),
    Head("info", "info_cat", right=True),
    Head("Q %", "q_fake", right=True),
    Head("img/s", "images_per_s", right=True),
    Head("to target", right=True),
    Head("tags"),
    Head("K", "classes", right=True),
    Head("recipe", "recipe"),
    Head("preset", "preset"),
    Head("data", "source"),
    Head("chars", "chars"),
)
ALWAYS = 4  # columns that are there whatever they say
MEASURED = 11  # up to here: there where any run has a value; the others only where runs differ in them
ORDERS = tuple(dict.fromkeys(["created", *(head.order for head in HEADS if head.order)]))
BY_LETTER = ("name", "recipe", "preset", "source", "chars")  # orders in which a comes first
MARK = "◆"


class Line(NamedTuple):
    """One run as the table shows it."""

    id: str
    kind: str  # of its state: names a colour class; "sweep" for the line above a sweep's runs
    cells: tuple[str, ...]  # as HEADS
    runs: tuple[str, ...] = ()  # what is marked with it: itself, or the runs of a sweep


class RunTable(Table):
    """Up to a page of runs."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "Mark"),
        Binding("enter", "select_cursor", "Open"),
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"run-table--{kind}"
        for kind in ("queued", "running", "finished", "stopped", "failed", "killed", "crashed", "sweep")
    }

    @dataclass
    class Opened(Message):
        """Enter, or a double click."""

        run_id: str

    @dataclass
    class Selected(Message):
        """The cursor is on another run; "" when there is none."""

        run_id: str

    @dataclass
    class Sorted(Message):
        """A title was clicked."""

        order: str

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, cursor_type="row", zebra_stripes=True, cell_padding=0)
        self.marked: dict[str, None] = {}  # in the order of marking
        self._shown: dict[str, Line] = {}
        self._said: str | None = None
        self._wanted: list[int] = []  # columns shown, as positions in HEADS
        self._arrow = ("", "")  # the order whose title has an arrow, and the arrow; by age, as usual, none has
        self._titled: tuple[list[int], tuple[str, str]] = ([], self._arrow)

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self.recolour())

    def _set_columns(self, lines: Sequence[Line]) -> bool:
        """Those that say something, so that they fit beside the preview; True if that changed."""
        said = [{line.cells[at] for line in lines if line.kind != "sweep"} for at in range(len(HEADS))]
        wanted = [
            at for at, texts in enumerate(said) if at < ALWAYS or (any(texts) if at < MEASURED else len(texts) > 1)
        ]
        if (wanted, self._arrow) == self._titled:
            return False
        self._wanted, self._titled = wanted, (wanted, self._arrow)
        self.clear(columns=True)
        for head in (HEADS[at] for at in wanted):
            arrow = self._arrow[1] if head.order == self._arrow[0] else ""
            self.add_column(_cell(head, head.title + arrow), key=head.title)
        return True

    @property
    def orders(self) -> list[str]:
        """What the columns that are there can be sorted by, the age first."""
        return list(dict.fromkeys(["created", *(HEADS[at].order for at in self._wanted if HEADS[at].order)]))

    @property
    def common(self) -> list[str]:
        """What all shown runs have in common, from the columns that are left out for it."""
        line = next((line for line in self._shown.values() if line.kind != "sweep"), None)
        told = (
            () if line is None else ((HEADS[at], line.cells[at]) for at in range(len(HEADS)) if at not in self._wanted)
        )
        return [f"{head.title} {text}" for head, text in told if text]

    @property
    def selected(self) -> str:
        """The run under the cursor, "" for none."""
        ids = list(self._shown)
        return ids[self.cursor_row] if 0 <= self.cursor_row < len(ids) else ""

    def show(self, lines: Sequence[Line], *, select: str = "", order: str = "", descending: bool = True) -> None:
        """Replace what is shown; only what differs is touched. The cursor stays on its run, or goes to `select`."""
        self._arrow = (order, "▾" if descending else "▴") if order not in ("", "created") else ("", "")
        wanted = {line.id: line for line in lines}
        chosen, row = select if select in wanted else self.selected, self.cursor_row
        if not self._set_columns(lines) and list(wanted) == list(self._shown):
            for line in lines:
                self._update(line)
            self._shown = wanted
        else:
            self._refill(wanted)
        if chosen in wanted:
            row = list(wanted).index(chosen)
        if self.row_count and row != self.cursor_row:
            self.move_cursor(row=min(row, self.row_count - 1), animate=False)
        self._say()

    def _refill(self, wanted: dict[str, Line]) -> None:
        top = self.scroll_offset.y
        with self.prevent(DataTable.RowHighlighted):
            self.clear()
            for line in wanted.values():
                self.add_row(*self._texts(line), key=line.id)
        self._shown = wanted
        self.call_after_refresh(self._back_to, top)

    def _back_to(self, top: int) -> None:
        """Where the view was, but never without the cursor."""
        if self.cursor_row < top or self.cursor_row >= top + self.size.height - 1:
            self.move_cursor(row=self.cursor_row, animate=False, scroll=True)
        else:
            self.scroll_to(y=top, animate=False)

    def _update(self, line: Line) -> None:
        if self._shown[line.id] == line:
            return
        heads = (HEADS[at] for at in self._wanted)
        for head, text, old in zip(heads, self._texts(line), self._texts(self._shown[line.id]), strict=True):
            if text.plain != old.plain or head.title == "state":
                self.update_cell(line.id, head.title, text, update_width=True)

    def _texts(self, line: Line) -> list[Text]:
        """Text objects: a name is never read as markup."""
        texts = [_cell(HEADS[at], line.cells[at]) for at in self._wanted]
        texts[0].stylize(self.get_component_rich_style(f"run-table--{line.kind}", partial=True))
        if line.runs and all(run_id in self.marked for run_id in line.runs):
            texts[1] = _cell(HEADS[1], f"{MARK} {line.cells[1]}")
        return texts

    def recolour(self) -> None:
        """After another theme was chosen."""
        for line in self._shown.values():
            self.update_cell(line.id, "state", self._texts(line)[0])

    def action_mark(self) -> None:
        """Mark the run for comparison, or unmark it, and go on to the next; of a sweep, all its runs."""
        line = self._shown.get(self.selected)
        if line is None:
            return
        if all(run_id in self.marked for run_id in line.runs):
            for run_id in line.runs:
                del self.marked[run_id]
        else:
            self.marked |= dict.fromkeys(line.runs)
        self._rename({line.id, *line.runs} | {each.id for each in self._shown.values() if line.id in each.runs})
        self.action_cursor_down()

    def unmark(self) -> None:
        """Every run."""
        self.marked = {}
        self._rename(set(self._shown))

    def _rename(self, ids: Iterable[str]) -> None:
        """Names with their marks, of those of these lines that are shown."""
        for line_id in ids:
            if line_id in self._shown:
                self.update_cell(line_id, "name", self._texts(self._shown[line_id])[1], update_width=True)

    def _say(self) -> None:
        if self.selected != self._said:
            self._said = self.selected
            self.post_message(self.Selected(self.selected))

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        self._say()

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        if self.selected:
            self.post_message(self.Opened(self.selected))

    def on_data_table_header_selected(self, event: DataTable.HeaderSelected) -> None:
        event.stop()
        if order := HEADS[self._wanted[event.column_index]].order:
            self.post_message(self.Sorted(order))


def _cell(head: Head, text: str) -> Text:
    """With a gap before it, of one cell: all columns are to be seen at 120. A Text: no name is read as markup."""
    return Text(text if head is HEADS[0] else f" {text}", justify="right" if head.right else "left")
