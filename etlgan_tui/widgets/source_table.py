"""The table of data sources. Selection is by name and never jumps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import DataTable

from etlgan_tui.widgets.table import Table

HEADS = ("source", "there", "runs", "prepared", "what it is")
RIGHT = ("runs", "prepared")
LONGEST = 36  # columns of a name: the end of a path tells more than its beginning


class Line(NamedTuple):
    """One source as it is shown."""

    source: str
    name: str
    there: bool
    runs: int
    prepared: int
    about: str


class SourceTable(Table):
    """Plain values in, the chosen source out."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
    ]

    @dataclass
    class Opened(Message):
        """Enter, or a click on the selected one."""

        source: str

    @dataclass
    class Selected(Message):
        """The cursor is on another source."""

        source: str

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, cursor_type="row", zebra_stripes=True, cell_padding=1)
        self._shown: list[Line] = []
        self._said = ""

    def on_mount(self) -> None:
        for head in HEADS:
            self.add_column(Text(head, justify="right" if head in RIGHT else "left"), key=head)

    @property
    def selected(self) -> str:
        """The source under the cursor, "" for none."""
        return self._shown[self.cursor_row].source if 0 <= self.cursor_row < len(self._shown) else ""

    def show(self, lines: Sequence[Line], *, select: str = "") -> None:
        """Replace what is shown; the cursor stays on its source, or goes to `select`."""
        chosen, row = select or self.selected, self.cursor_row
        if list(lines) != self._shown:
            self._shown = list(lines)
            with self.prevent(DataTable.RowHighlighted):
                self.clear()
                for line in lines:
                    self.add_row(*_texts(line), key=line.source)
        names = [line.source for line in lines]
        row = names.index(chosen) if chosen in names else min(row, len(names) - 1)
        if names and row != self.cursor_row:
            self.move_cursor(row=row, animate=False)
        self._say()

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


def _texts(line: Line) -> list[Text]:
    """Text objects: a name is never read as markup."""
    name = line.name if len(line.name) <= LONGEST else f"…{line.name[-LONGEST + 1 :]}"
    return [
        Text(name),
        Text("yes" if line.there else "no", style="" if line.there else "dim"),
        Text(f"{line.runs:,}" if line.runs else "", justify="right"),
        Text(f"{line.prepared:,}" if line.prepared else "", justify="right"),
        Text(line.about),
    ]
