"""The home screen: what is listed, selected, filtered, edited, deleted and brought back."""

import shutil
import sqlite3
import time
from functools import partial

import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable, Input, Static

from core.rundir import Home
from core.runs import launcher
from core.runs.meta import read_meta
from core.runs.state import state_of
from core.runs.store import Store
from core.runs.sync import sync
from etlgan_tui.screens.base import Changed
from etlgan_tui.screens.help import HelpScreen
from etlgan_tui.screens.prompt import Prompt
from etlgan_tui.screens.run import RunScreen
from etlgan_tui.screens.runs import RunsScreen
from etlgan_tui.widgets.chart import Chart
from etlgan_tui.widgets.keys import KeyBar
from etlgan_tui.widgets.lines import Lines
from etlgan_tui.widgets.run_table import HEADS, RunTable
from tui.conftest import TestApp, held, make_run
from tui.waiting import on, toasts, until

pytestmark = pytest.mark.asyncio


def table(pilot: Pilot[None]) -> RunTable:
    return pilot.app.screen_stack[1].query_one(RunTable)


def names(pilot: Pilot[None]) -> list[str]:
    found = table(pilot)
    return [cell(found, key, "name") for key in found._shown]


def cell(shown: RunTable, line: str, title: str) -> str:
    """Without the gap before it."""
    return str(shown.get_cell(line, title)).removeprefix(" ")


def shows(pilot: Pilot[None], expected: list[str]) -> bool:
    return names(pilot) == expected


def text(pilot: Pilot[None], selector: str) -> str:
    return str(pilot.app.screen.query_one(selector, Static).content)


async def listed(pilot: Pilot[None], count: int) -> RunTable:
    await on(pilot, RunsScreen)
    await until(pilot, lambda: table(pilot).row_count == count)
    await pilot.pause()
    return table(pilot)


async def test_a_new_home_says_what_to_press(home: Home) -> None:
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "Press  n" in text(pilot, "#empty"))
        assert not table(pilot).display


async def test_newest_first_and_names_are_never_markup(home: Home) -> None:
    make_run(home, 1, name="[bold red]x[/] 🧑‍🔬 שלום")
    make_run(home, 2, name="newer")
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        await listed(pilot, 2)
        assert names(pilot) == ["newer", "[bold red]x[/] 🧑‍🔬 שלום"]


async def test_the_selection_stays_on_its_run_when_others_appear_and_go(home: Home) -> None:
    for number in range(1, 6):
        make_run(home, number)
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        shown = await listed(pilot, 5)
        await pilot.press("down", "down")
        chosen = shown.selected
        make_run(home, 6)
        await listed(pilot, 6)
        assert shown.selected == chosen
        assert shown.cursor_row == 3
        shutil.rmtree(home.run("261105-120005-abc").path)
        await listed(pilot, 5)
        assert shown.selected == chosen


async def test_a_run_just_started_is_gone_to_though_a_look_without_it_was_under_way(home: Home) -> None:
    make_run(home, 1)
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        shown = await listed(pilot, 1)
        screen = await on(pilot, RunsScreen)
        before = screen.page
        assert before is not None
        screen.etlgan.index._next_sync = time.monotonic() + 1000  # a look at the directories took long
        new = make_run(home, 2)
        screen.changed(Changed(run_id=new.id))
        screen._show(before)  # read before the run was there
        await listed(pilot, 2)
        await until(pilot, lambda: shown.selected == new.id)


async def test_filter_as_one_types(home: Home) -> None:
    make_run(home, 1, name="good", tags=("best", "of two"))
    make_run(home, 2, name="bad", ended="failed", reached=100)
    make_run(home, 3, name="goodness", changes={"recipe.name": "classic"})
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        await listed(pilot, 3)
        await pilot.press("slash")
        line = pilot.app.screen.query_one("#filter", Input)
        for typed, expected in {
            "good": ["goodness", "good"],
            "tag:best": ["good"],
            'tag:"of two"': ["good"],
            '"of tw"': ["good"],
            "[": [],
            "ささ": [],
            "あこ": ["goodness", "bad", "good"],
            "state:failed": ["bad"],
            "recipe:classic good": ["goodness"],
            "no such": [],
        }.items():
            line.value = typed
            await until(pilot, partial(shows, pilot, expected))
        assert "No run matches “no such”" in text(pilot, "#empty")
        line.value = "state:odd"
        await until(pilot, lambda: "state:odd is none of queued, running" in text(pilot, "#count"))
        await pilot.press("escape")
        await until(pilot, lambda: len(names(pilot)) == 3)
        assert not line.display


async def test_sorting_is_remembered(home: Home) -> None:
    make_run(home, 1, name="a", steps=300)
    make_run(home, 2, name="b", steps=200)
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        await listed(pilot, 2)
        pilot.app.screen.post_message(RunTable.Sorted("name"))
        await until(pilot, lambda: names(pilot) == ["a", "b"])
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        await listed(pilot, 2)
        assert names(pilot) == ["a", "b"]


async def test_preview_shows_samples_losses_and_what_was_changed(home: Home) -> None:
    make_run(home, 1, name="before")
    make_run(home, 2, name="after", changes={"train.lr": 1e-4})
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        await listed(pilot, 2)
        await until(pilot, lambda: "train.lr 0.0005 → 0.0001" in text(pilot, "#glance-changes"))
        assert "against before" in text(pilot, "#glance-changes")
        await until(pilot, lambda: any("⠀" < letter <= "⣿" for letter in text(pilot, "#glance-grid")))
        assert len(pilot.app.screen.query_one("#glance-losses", Chart).series[0].step) == 40


async def test_pages_of_two_hundred(home: Home) -> None:
    first = make_run(home, 0, name="the only directory")
    with Store.open(home) as store:
        sync(home, store)
        row = store.rows([first.id])[first.id]
        with store.transaction():
            store.put(row._replace(id=f"x{number:04d}", name=f"n{number}", created=number) for number in range(450))
    app = TestApp(home)
    app.index._next_sync = float("inf")  # these rows have no directories
    async with app.run_test(size=(120, 40)) as pilot:
        await listed(pilot, 200)
        assert "451 runs  ·  page 1/3" in text(pilot, "#count")
        await pilot.press("right_square_bracket", "right_square_bracket", "right_square_bracket")
        await listed(pilot, 51)
        assert names(pilot)[-1] == "n0"
        with Store.open(home) as store, store.transaction():
            store.drop([first.id, *(f"x{number:04d}" for number in range(50))])
        await listed(pilot, 200)
        assert "400 runs  ·  page 1/2" in text(pilot, "#count")


async def test_rename_tag_and_note_land_in_the_run(home: Home) -> None:
    run = make_run(home, 1, name="old")
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        await listed(pilot, 1)
        for key, typed in {"R": "new name", "t": "a, b", "N": "seen"}.items():
            await pilot.press(key)
            (await on(pilot, Prompt)).query_one(Input).value = typed
            await pilot.press("enter")
            await on(pilot, RunsScreen)
        await until(pilot, lambda: read_meta(run).note == "seen")
        assert (read_meta(run).name, read_meta(run).tags) == ("new name", ("a", "b"))
        await until(pilot, lambda: names(pilot) == ["new name"])
        await until(pilot, lambda: "new name" in text(pilot, "#glance-title"))
        await until(pilot, lambda: {"#a", "#b", "seen"} <= set(text(pilot, "#glance-facts").split()))


async def test_a_name_that_cannot_be_shown_is_refused_at_the_field(home: Home) -> None:
    run = make_run(home, 1, name="old")
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        await listed(pilot, 1)
        await pilot.press("R")
        prompt = await on(pilot, Prompt)
        prompt.query_one(Input).value = "last"
        await until(pilot, lambda: "choose another" in text(pilot, "#hint"))
        await pilot.press("enter")
        await pilot.pause()
        assert pilot.app.screen is prompt
        await pilot.press("escape")
        assert read_meta(run).name == "old"


async def test_delete_can_be_undone(home: Home) -> None:
    run = make_run(home, 1)
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        await listed(pilot, 1)
        await pilot.press("D")
        await listed(pilot, 0)
        assert not run.path.exists()
        assert (home.trash / run.id).is_dir()
        pilot.app.removed.append(("gone",))  # type: ignore[attr-defined]  # out of the trash, by gc or by restore
        await pilot.press("u")
        await until(pilot, lambda: any("'gone'" in told for told in toasts(pilot)))
        await pilot.press("u")
        await listed(pilot, 1)
        assert run.path.is_dir()


async def test_what_is_marked_is_deleted_together_and_comes_back_together(home: Home) -> None:
    runs = [make_run(home, number) for number in range(1, 4)]
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        await listed(pilot, 3)
        await pilot.press("space", "space", "D")  # the cursor is on the third by now
        await listed(pilot, 1)
        assert [run.path.exists() for run in runs] == [True, False, False]
        assert not table(pilot).marked
        await pilot.press("u")
        await listed(pilot, 3)
        assert all(run.path.is_dir() for run in runs)


async def test_sorting_goes_through_the_columns_that_are_there_by_their_titles(home: Home) -> None:
    make_run(home, 1)
    make_run(home, 2)
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        shown = await listed(pilot, 2)
        assert "score" in shown.orders
        assert "recipe" not in shown.orders, "alike in all: no column"
        said = []
        for _ in shown.orders:
            await pilot.press("o")
            order = pilot.app.screen._query.order  # type: ignore[attr-defined]
            title = next(head.title for head in HEADS if head.order == order)
            words = (
                "newest first" if order == "created" else f"by {title}, {'a' if order == 'name' else 'largest'} first"
            )
            await until(pilot, partial(lambda words: words in text(pilot, "#count"), words))
            heads = [str(column.label).strip() for column in shown.ordered_columns]
            arrow = "▴" if order == "name" else "▾"
            assert [head for head in heads if head[-1] in "▴▾"] == ([] if order == "created" else [title + arrow])
            said.append(order)
        assert said == [*shown.orders[1:], "created"]


async def test_keys_that_a_field_takes_as_text_are_not_promised(home: Home) -> None:
    make_run(home, 1)
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        await listed(pilot, 1)
        assert {"n", "c"} <= {key.key for key in pilot.app.screen.query_one(KeyBar).keys}
        await pilot.press("slash")
        await until(pilot, lambda: not {"n", "c"} & {key.key for key in pilot.app.screen.query_one(KeyBar).keys})


async def test_another_theme_colours_the_states_too(home: Home) -> None:
    make_run(home, 1)
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        shown = await listed(pilot, 1)

        def colours() -> tuple[object, object]:
            drawn = shown.get_row_at(0)[0]
            return drawn.spans[0].style, shown.get_component_rich_style("run-table--finished", partial=True)

        before, _ = colours()
        await pilot.press("T")
        await until(pilot, lambda: colours()[0] != before)
        assert colours()[0] == colours()[1]


async def test_stop_ends_the_run_within_a_second(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    from core import presets

    monkeypatch.setenv("FAKE_DELAY", "0.02")
    run = launcher.start(home, presets.resolve("hiragana-a-ka", {"train.steps": 100_000}), name="long")
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        shown = await listed(pilot, 1)
        await until(pilot, lambda: "running" in str(shown.get_cell(run.id, "state")))
        await until(pilot, lambda: run.events.stat().st_size > 400)
        await pilot.press("s")
        await until(pilot, lambda: not state_of(run).live, seconds=1.0)
        await until(pilot, lambda: "stopped" in str(shown.get_cell(run.id, "state")))


async def test_leaving_the_dashboard_stops_no_run(home: Home) -> None:
    from core import presets

    run = launcher.start(home, presets.resolve("hiragana-a-ka", {"train.steps": 100_000}))
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        await listed(pilot, 1)
        await pilot.press("q")
    assert state_of(run).live
    launcher.stop(run, kill_after=5)


async def test_stopping_what_is_not_live_says_so(home: Home) -> None:
    make_run(home, 1)
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        await listed(pilot, 1)
        await pilot.press("s")
        await until(pilot, lambda: any("is not live; nothing to stop" in told for told in toasts(pilot)))


async def test_a_locked_index_freezes_nothing(home: Home) -> None:
    make_run(home, 1)
    Store.open(home).close()
    other = sqlite3.connect(home.database, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        await on(pilot, RunsScreen)
        await pilot.press("question_mark")
        await on(pilot, HelpScreen)  # the screen goes on working meanwhile
        await pilot.press("escape")
        other.execute("ROLLBACK")
        await listed(pilot, 1)
    other.close()


async def test_an_index_from_a_newer_version_is_told_in_one_line(home: Home) -> None:
    Store.open(home).close()
    with sqlite3.connect(home.database) as database:
        database.execute("PRAGMA user_version = 999")
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: any("newer etlgan" in told for told in toasts(pilot)))
        assert len(toasts(pilot)) == 1


def told(shown: HelpScreen) -> str:
    return str(shown.query(Lines).last().content)


async def test_help_lists_the_keys_of_this_screen(home: Home) -> None:
    make_run(home, 1)
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        await listed(pilot, 1)
        await pilot.press("question_mark")
        shown = await on(pilot, HelpScreen)
        assert {"Open", "Mark", "New run", "Compare", "Undo delete"} <= set(shown._keys)
        assert "filters as you type" in told(shown)
        await pilot.press("escape", "n", "question_mark")
        shown = await on(pilot, HelpScreen)
        assert "Launch" in shown._keys
        assert "filters" not in told(shown), "each screen tells of itself"
        assert "from a shell" in told(shown)


async def test_shrunk_to_a_postage_stamp_and_back(home: Home) -> None:
    make_run(home, 1)
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        await listed(pilot, 1)
        for screen in (RunsScreen, RunScreen):
            for size in ((40, 12), (20, 5), (120, 40)):
                await pilot.resize_terminal(*size)
                await pilot.pause()
            await on(pilot, screen)
            await pilot.press("enter")
        await on(pilot, RunScreen)


async def test_the_mouse_selects_and_sorts(home: Home) -> None:
    make_run(home, 1, name="a")
    make_run(home, 2, name="b")
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        shown = await listed(pilot, 2)
        await pilot.click(DataTable, offset=(5, 2))
        assert shown.selected == "261105-120001-abc"
        await pilot.click(DataTable, offset=(12, 0))
        await until(pilot, lambda: names(pilot) == ["a", "b"])


async def test_a_damaged_run_is_listed_beside_the_others(home: Home) -> None:
    make_run(home, 1, name="whole")
    make_run(home, 2, name="damaged").config.write_text("{ not json")
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        shown = await listed(pilot, 2)
        assert cell(shown, "261105-120002-abc", "step") == "damaged"


async def test_columns_in_which_all_runs_agree_make_room(home: Home) -> None:
    make_run(home, 1)
    make_run(home, 2)
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        shown = await listed(pilot, 2)
        titles = [str(column.label).strip() for column in shown.ordered_columns]
        assert titles == ["state", "name", "step", "age", "score", "D", "G", "info", "Q %", "img/s"]
        assert "all: K 10, recipe etl, preset hiragana-a-ka" in text(pilot, "#count")
        make_run(home, 3, changes={"recipe.name": "classic"}, tags=("odd",), steps=100)
        await listed(pilot, 3)
        titles = [str(column.label).strip() for column in shown.ordered_columns]
        assert {"tags", "recipe"} < set(titles)
        assert "data" not in titles
        await pilot.click(DataTable, offset=(1, 0))
        assert shown.selected == "261105-120002-abc"  # the selection has not moved
        await pilot.press("v")
        await until(pilot, lambda: not pilot.app.screen.query_one("#preview").display)


async def test_the_bottom_line_is_pressed_and_the_palette_knows_each_action_once(home: Home) -> None:
    make_run(home, 1)
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        await listed(pilot, 1)
        bar = pilot.app.screen.query_one(KeyBar)
        places = {key.about: at for at, key in bar._shown()}
        assert list(places)[:3] == ["Open", "Mark", "New run"]
        await pilot.click(KeyBar, offset=(places["Mark"] + 2, 0))
        await until(pilot, lambda: table(pilot).marked)
        await pilot.click(KeyBar, offset=(places["Help"] + 2, 0))
        await on(pilot, HelpScreen)
        await pilot.press("escape")
        titles = [command.title for command in pilot.app.get_system_commands(pilot.app.screen)]
        assert len(titles) == len(set(titles))
        assert {"New run", "Delete", "Undo delete", "Compare", "Sort", "Next theme", "Pictures"} <= set(titles)


async def test_the_preview_tells_how_the_run_ended(home: Home) -> None:
    run = make_run(home, 1, steps=400, reached=200, ended="stopped")
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        with held(run):
            await listed(pilot, 1)
            await until(pilot, lambda: "running" in text(pilot, "#glance-title"))
        await until(pilot, lambda: "running" not in text(pilot, "#glance-title"))
        assert "stopped" in text(pilot, "#glance-title")
