"""Sweeps and families in the table of runs: folded, opened, marked, filtered, and where the selection goes."""

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from core.rundir import Home
from etlgan_tui.index import Listed
from etlgan_tui.query import Query, parse
from etlgan_tui.screens import run_lines
from etlgan_tui.screens.compare import CompareScreen
from etlgan_tui.screens.run import RunScreen
from tui.conftest import TestApp, make_run, swept
from tui.test_runs_screen import cell, listed, names, shows, table, text
from tui.waiting import on, toasts, until

pytestmark = pytest.mark.asyncio


OPEN = ["▾ alone", "└ child", "sweep", "├ lr 0.0005", "├ lr 0.0003", "└ lr 0.0001"]


def plain(pilot: Pilot[None], sweep: str) -> list[str]:
    return [name.strip().replace(sweep, "sweep") for name in names(pilot)]


async def test_a_sweep_folds_from_its_line_or_from_any_of_its_runs(home: Home) -> None:
    sweep = swept(home)
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        shown = await listed(pilot, 6)
        assert plain(pilot, sweep) == OPEN
        assert cell(shown, sweep, "step").strip() == "2/3 runs"
        assert cell(shown, sweep, "score").strip() == "0.984"
        await pilot.press("down", "down", "down", "down")
        assert shown.selected == "261105-120003-abc"
        await pilot.press("f")
        await until(pilot, lambda: plain(pilot, sweep) == OPEN[:3])
        assert shown.selected == sweep
        assert str(shown.get_cell(sweep, "state")) == "▸ sweep"
        await pilot.press("enter")  # on the line of the sweep: the same
        await until(pilot, lambda: plain(pilot, sweep) == OPEN)
        assert shown.selected == sweep
        await pilot.press("up", "f")  # of the child: its parent folds
        await until(pilot, lambda: plain(pilot, sweep) == ["▸ alone", *OPEN[2:]])
        assert shown.selected == "261105-120001-abc"
        await pilot.press("enter")  # a run with children is a run: it opens
        await on(pilot, RunScreen)


async def test_what_is_folded_stays_so_while_runs_come(home: Home) -> None:
    sweep = swept(home)
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        shown = await listed(pilot, 6)
        await pilot.press("down", "down", "f")
        await until(pilot, lambda: shown.row_count == 3)
        make_run(home, 6, name="late", parent=sweep)
        await until(pilot, lambda: "3/4 runs" in str(shown.get_cell(sweep, "step")))
        assert shown.row_count == 3
        assert shown.selected == sweep


async def test_a_run_started_from_a_folded_one_is_gone_to_and_seen(home: Home) -> None:
    swept(home)
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        shown = await listed(pilot, 6)
        await pilot.press("f")
        await until(pilot, lambda: shown.row_count == 5)
        new = make_run(home, 7, name="second child", parent="261105-120001-abc")
        from etlgan_tui.screens.base import Changed

        pilot.app.screen.changed(Changed("", new.id))  # type: ignore[attr-defined]
        await until(pilot, lambda: shown.selected == new.id)


async def test_the_preview_of_a_sweep_tells_how_far_it_is_and_which_run_did_best(home: Home) -> None:
    sweep = swept(home)
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        await listed(pilot, 6)
        await pilot.press("down", "down")
        await until(pilot, lambda: f"{sweep}  3 runs" in text(pilot, "#glance-title"))
        facts = text(pilot, "#glance-facts")
        assert "2 finished" in facts
        assert "1 stopped" in facts
        assert "0.984  lr 0.0003" in facts


async def test_marking_a_sweep_marks_its_runs_and_actions_on_it_say_what_to_do(home: Home) -> None:
    swept(home)
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        shown = await listed(pilot, 6)
        await pilot.press("down", "down", "s")
        await until(pilot, lambda: any("a sweep" in told for told in toasts(pilot)))
        await pilot.press("space")
        assert len(shown.marked) == 3
        await pilot.press("c")
        screen = await on(pilot, CompareScreen)
        await until(pilot, lambda: len(screen._shots) == 3)


async def test_the_filter_knows_sweeps(home: Home) -> None:
    sweep = swept(home)
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        await listed(pilot, 6)
        await pilot.press("slash")
        line = pilot.app.screen.query_one("#filter", Input)
        for typed in (f"sweep:{sweep}", f"sweep:{sweep[6:9]}", "sweep:last"):
            line.value = typed
            await until(pilot, lambda: shows(pilot, ["lr 0.0005", "lr 0.0003", "lr 0.0001"]))
            line.value = "alone"
            await until(pilot, lambda: shows(pilot, ["alone"]))
        line.value = "sweep:nothing"
        await until(pilot, lambda: "no sweep 'nothing'" in str(pilot.app.screen.query_one("#count", Static).content))
        assert table(pilot).row_count == 0


async def test_sorted_otherwise_every_run_stands_by_itself(home: Home) -> None:
    swept(home)
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        await listed(pilot, 6)
        await pilot.press("o")
        await listed(pilot, 5)
        assert not [name for name in names(pilot) if "▾" in name or "├" in name]
        await pilot.press("f")
        await until(pilot, lambda: any("sorted by age" in told for told in toasts(pilot)))


async def test_sweep_is_a_word_of_the_filter_line() -> None:
    assert parse("sweep:ab x").sweep == "ab"
    assert parse("sweep:ab x").text == "x"
    assert parse("sweep:ab").narrows


async def test_a_list_of_one_sweep_is_flat(home: Home) -> None:
    sweep = swept(home)
    from etlgan_tui.index import Index

    runs: list[Listed] = Index(home).page(Query()).runs
    flat = run_lines.lines(runs, Query(sweep=sweep), now=0.0, folded=())
    assert [line.kind for line in flat].count("sweep") == 0
    assert len(flat) == len(runs)
