"""Tables keep nothing that was drawn before their columns were measured."""

import pytest
from rich.text import Text
from textual.app import App, ComposeResult

from etlgan_tui.widgets.table import Table


class Shown(App[None]):
    CSS = "Table { width: 1fr; height: 1fr; }"  # its size stays, so nothing else has it drawn anew

    def compose(self) -> ComposeResult:
        yield Table(cell_padding=0)


@pytest.mark.asyncio
async def test_a_row_drawn_before_its_columns_have_widths_is_whole_afterwards() -> None:
    app = Shown()
    async with app.run_test() as pilot:
        table = app.query_one(Table)
        table.add_column("name")
        await pilot.pause()
        table.add_row(Text("longer than its title"))
        first = table.render_line(1)  # as a repaint would that comes before the table is idle
        await pilot.pause()
        assert "longer than" not in first.text
        assert table.render_line(1).text.rstrip() == "longer than its title"
