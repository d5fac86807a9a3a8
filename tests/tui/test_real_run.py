"""A real training run, driven from the form to the finished grid."""

import pytest
from textual.widgets import Collapsible, Static

from core import config as configs
from core.rundir import Home
from etlgan_tui.screens.new import NewScreen
from etlgan_tui.screens.run import RunScreen
from etlgan_tui.screens.runs import RunsScreen
from etlgan_tui.widgets.chart import Chart
from etlgan_tui.widgets.field_row import FieldRow
from etlgan_tui.widgets.picture import TextPicture
from etlgan_tui.widgets.run_table import RunTable
from tui.conftest import TestApp
from tui.waiting import on, until

TINY = {
    "data.chars": "あい",
    "data.per_char": "20",
    "data.held_out": "5",
    "model.noise": "8",
    "train.steps": "6",
    "train.batch_size": "4",
    "train.report_every": "2",
    "train.sample_every": "3",
    "train.threads": "1",
}


@pytest.mark.asyncio
async def test_from_the_form_to_the_finished_grid(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ETLGAN_TRAINER")
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        await on(pilot, RunsScreen)
        await pilot.press("n")
        form = await on(pilot, NewScreen)
        for group in form.query(Collapsible):
            group.collapsed = False
        await until(pilot, lambda: TINY.keys() <= {row.field for row in form.query(FieldRow)})
        for row in form.query(FieldRow):
            if row.field in TINY:
                row.query_one(".field-editor").value = TINY[row.field]  # type: ignore[attr-defined]
        await until(pilot, lambda: TINY.keys() <= form.draft.touched.keys() and not form._checking.busy)
        await pilot.press("ctrl+l")
        screen = await on(pilot, RunScreen)
        await until(pilot, lambda: screen.shot is not None and not screen.shot.state.live and screen.shot.started, 180)
        assert screen.shot is not None
        assert screen.shot.state.kind == "finished", screen.run.console.read_text()
        await until(pilot, lambda: screen.shot is not None and list(screen.shot.step) == [2.0, 4.0, 6.0])
        await until(pilot, lambda: "grid, step 6" in str(screen.query_one("#samples-title", Static).content))
        lines = ["".join(segment.text for segment in line) for line in screen.query_one(TextPicture)._lines]
        assert [line[0] for line in lines[1::4]] == ["あ", "い"]
        assert len(screen.query_one("#losses", Chart).series[0].step) == 3
        assert configs.decode(screen.run.config.read_bytes()).train.steps == 6
        await pilot.press("escape")
        await on(pilot, RunsScreen)
        table = pilot.app.screen.query_one(RunTable)
        await until(pilot, lambda: str(table.get_cell(screen.run.id, "step")).strip() == "6")
