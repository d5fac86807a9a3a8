"""Keys that come in one burst, as from a quick hand or a pasted word."""

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input, TabbedContent

from core.rundir import Home
from core.runs.meta import read_meta
from etlgan_tui.screens.playground import PlaygroundScreen
from etlgan_tui.screens.prompt import Prompt
from etlgan_tui.screens.run import RunScreen
from etlgan_tui.screens.runs import RunsScreen
from etlgan_tui.widgets.run_table import RunTable
from etlgan_tui.widgets.typing_line import TypingLine
from tui.conftest import TestApp, make_run
from tui.waiting import on, until

pytestmark = pytest.mark.asyncio
NAMES = {"/": "slash", "\r": "enter", " ": "space"}


def burst(pilot: Pilot[None], text: str) -> None:
    """All before the app has looked at the first."""
    for character in text:
        key = NAMES.get(character, character)
        pilot.app.post_message(events.Key(key, None if character == "\r" else character))


async def test_what_is_typed_behind_a_slash_stands_in_the_filter_and_quits_nothing(home: Home) -> None:
    make_run(home, 1, name="one")
    make_run(home, 2, name="quick n")
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        await on(pilot, RunsScreen)
        table = pilot.app.screen.query_one(RunTable)
        await until(pilot, lambda: table.row_count == 2)
        burst(pilot, "/quick n")
        await until(pilot, lambda: pilot.app.screen.query_one("#filter", Input).value == "quick n")
        assert isinstance(pilot.app.screen, RunsScreen)
        burst(pilot, "\r")
        await until(pilot, lambda: pilot.app.focused is table)


async def test_a_name_typed_right_behind_the_key_that_asks_for_it(home: Home) -> None:
    run = make_run(home, 1, name="a")
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        await on(pilot, RunsScreen)
        await until(pilot, lambda: pilot.app.screen.query_one(RunTable).row_count == 1)
        burst(pilot, "Rqd")
        prompt = await on(pilot, Prompt)
        await until(pilot, lambda: prompt.query_one(Input).value == "aqd")
        burst(pilot, "\r")
        await until(pilot, lambda: read_meta(run).name == "aqd")


async def test_a_search_of_the_log_and_a_word_for_the_playground(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("etlgan_tui.sampling._MODULE", "fake_answering")
    run = make_run(home, 1)
    (run.checkpoints / "00000400.json").write_text("{}")
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        await on(pilot, RunsScreen)
        await until(pilot, lambda: pilot.app.screen.query_one(RunTable).row_count == 1)
        await pilot.press("enter")
        screen = await on(pilot, RunScreen)
        burst(pilot, "/quit")
        await until(pilot, lambda: screen.query_one("#search", Input).value == "quit")
        assert screen.query_one(TabbedContent).active == "console"
        await pilot.press("escape")
        await until(pilot, lambda: not screen.query_one("#search", Input).display)
        burst(pilot, "gq1")
        board = await on(pilot, PlaygroundScreen)
        await until(pilot, lambda: board.query_one(TypingLine).value == "q1")
