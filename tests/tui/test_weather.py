"""Bad weather: disks, locks, signals and terminals that misbehave. A word for the user; nothing is frozen or lost."""

import asyncio
import contextlib
import errno
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Static

from core import presets
from core.rundir import Home
from core.runs import launcher
from core.runs.find import run_ids
from core.runs.state import state_of
from core.runs.store import Store
from etlgan_tui.screens.help import HelpScreen
from etlgan_tui.screens.new import NewScreen
from etlgan_tui.screens.run import RunScreen
from etlgan_tui.screens.runs import RunsScreen
from etlgan_tui.widgets.run_table import RunTable
from tui.conftest import TestApp, make_run
from tui.terminal import terminal
from tui.waiting import on, toasts, until

LONG = {"train.steps": 100_000}


def told_by_cli(home: Home, *words: str) -> Any:
    program = [sys.executable, "-P", "-c", "from etlgan_tui.cli import main; main()"]
    done = subprocess.run([*program, *words, "--home", str(home.root), "--json"], capture_output=True, check=True)
    return json.loads(done.stdout)


def test_a_killed_dashboard_or_a_lost_line_leaves_the_run_live_and_the_next_one_finds_it(home: Home) -> None:
    """kill -9, then the SIGHUP of an ssh line that breaks."""
    run = launcher.start(home, presets.resolve("hiragana-a-ka", LONG), name="survivor")
    with terminal(home) as first:
        assert first.shows("survivor")
        os.kill(first.child.pid, signal.SIGKILL)
        first.ends()
    with terminal(home) as lost:
        assert lost.shows("running")
        os.killpg(lost.child.pid, signal.SIGHUP)  # what an ssh line that breaks sends
        lost.ends()
    before = run.events.stat().st_size
    assert state_of(run).kind == "running"
    with terminal(home) as again:
        assert again.shows("survivor")
        assert again.shows("running")
        assert run.events.stat().st_size > before
    launcher.stop(run, kill_after=5)


@pytest.mark.asyncio
async def test_a_run_that_the_form_launched_outlives_the_dashboard(home: Home) -> None:
    async with TestApp(home).run_test(size=(100, 40)) as pilot:
        await on(pilot, RunsScreen)
        await pilot.press("n")
        form = await on(pilot, NewScreen)
        form.draft.edit("train.steps", "100000")
        await until(pilot, lambda: not form._checking.busy)
        await pilot.press("ctrl+l")
        shown = await on(pilot, RunScreen)
        await until(pilot, lambda: shown.shot is not None and shown.shot.started)
        run = shown.run
    assert state_of(run).live
    launcher.stop(run, kill_after=5)


@pytest.mark.asyncio
async def test_two_dashboards_and_the_command_line_agree(home: Home) -> None:
    run = launcher.start(home, presets.resolve("hiragana-a-ka", LONG), name="shared")
    one, two = TestApp(home), TestApp(home)
    async with one.run_test(size=(120, 40)) as first, two.run_test(size=(120, 40)) as second:
        for pilot in (first, second):
            await until(pilot, lambda pilot=pilot: _state(pilot, run.id) == "● running")  # type: ignore[misc]
        await first.press("s")
        for pilot in (second, first):
            await until(pilot, lambda pilot=pilot: _state(pilot, run.id) == "■ stopped")  # type: ignore[misc]
        listed = await asyncio.to_thread(told_by_cli, home, "show", run.id)
        assert listed["state"]["kind"] == "stopped"
        launcher.edit_meta(run, name="by another hand")
        for pilot in (first, second):
            table = pilot.app.screen.query_one(RunTable)
            await until(pilot, lambda table=table: str(table.get_cell(run.id, "name")).strip() == "by another hand")  # type: ignore[misc]


def _state(pilot: Any, run_id: str) -> str:
    table = pilot.app.screen.query_one(RunTable)
    return str(table.get_cell(run_id, "state")) if run_id in table._shown else ""


@pytest.mark.asyncio
async def test_an_index_locked_for_long_is_told_and_read_when_it_is_free(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As 10 s of another process's lock, with the patience shortened in proportion."""
    monkeypatch.setattr("core.runs.store.BUSY_SECONDS", 0.2)
    make_run(home, 1)
    Store.open(home).close()
    other = sqlite3.connect(home.database, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: any("lock" in told for told in toasts(pilot)))
        begun = time.monotonic()
        await pilot.press("question_mark")
        await on(pilot, HelpScreen)
        assert time.monotonic() - begun < 5
        await pilot.press("escape")
        assert len([told for told in toasts(pilot) if "lock" in told]) == 1
        other.execute("ROLLBACK")
        await until(pilot, lambda: pilot.app.screen.query_one(RunTable).row_count == 1)
    other.close()


HOLD = """
import sqlite3, sys, time
base = sqlite3.connect(sys.argv[1], isolation_level=None)
base.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""


@pytest.mark.slow  # ten seconds of waiting
@pytest.mark.asyncio
async def test_an_index_that_another_process_holds_for_ten_seconds(home: Home) -> None:
    """Told while it lasts, the screen answers all the while, and then everything is there."""
    make_run(home, 1)
    Store.open(home).close()
    command = [sys.executable, "-c", HOLD, str(home.database), "10"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        async with TestApp(home).run_test(size=(80, 24)) as pilot:
            screen = await on(pilot, RunsScreen)
            longest = 0.0
            while holder.poll() is None:
                begun = time.monotonic()
                await pilot.press("question_mark")
                await on(pilot, HelpScreen)
                await pilot.press("escape")
                longest = max(longest, time.monotonic() - begun)
                await pilot.pause(0.2)
            assert longest < 5, "a second or less, where nobody else uses the machine"
            assert len([told for told in toasts(pilot) if "runs.db has not answered" in told]) == 1
            await until(pilot, lambda: screen.query_one(RunTable).row_count == 1)


@pytest.fixture
def full_disk(home: Home) -> Iterator[Home]:
    """A home on a disk of 2 MB of which nothing is free, where this system lets us mount one."""
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(home.root)], check=False)
    if done.returncode:
        pytest.skip("this user may not mount")
    try:
        with (
            contextlib.suppress(OSError),
            (home.root / "ballast").open("wb", buffering=0) as ballast,
        ):
            while ballast.write(b"x" * 4096):
                pass
        yield home
    finally:
        subprocess.run(["umount", "-l", str(home.root)], check=False)


@pytest.mark.asyncio
async def test_launching_on_a_disk_that_is_really_full(full_disk: Home) -> None:
    """The dashboard opens, says what is wrong, and launches once there is room."""
    async with TestApp(full_disk).run_test(size=(100, 40)) as pilot:
        await on(pilot, RunsScreen)
        await pilot.press("n")
        form = await on(pilot, NewScreen)
        await until(pilot, lambda: not form._checking.busy)
        for key in ("ctrl+l", "ctrl+o"):
            before = len(toasts(pilot))
            pilot.app._told.clear()  # type: ignore[attr-defined]  # else the second one is not said again
            await pilot.press(key)
            await until(pilot, lambda before=before: len(toasts(pilot)) > before)  # type: ignore[misc]
            assert pilot.app.screen is form
        assert any("No space left on device" in told and str(full_disk.root) in told for told in toasts(pilot))
        assert run_ids(full_disk) == []
        (full_disk.root / "ballast").unlink()
        await pilot.press("ctrl+l")
        shown = await on(pilot, RunScreen)
        await until(pilot, lambda: shown.shot is not None and shown.shot.started)


@pytest.mark.asyncio
async def test_a_disk_that_fills_up_while_launching(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    async with TestApp(home).run_test(size=(100, 40)) as pilot:
        await on(pilot, RunsScreen)
        await pilot.press("n")
        form = await on(pilot, NewScreen)
        await until(pilot, lambda: not form._checking.busy)

        def full(path: Path, _content: bytes) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

        monkeypatch.setattr("core.rundir.write_atomic", full)
        monkeypatch.setattr("core.runs.launcher.write_atomic", full, raising=False)
        await pilot.press("ctrl+l")
        await until(pilot, lambda: any("No space left on device" in told for told in toasts(pilot)))
        assert pilot.app.screen is form
        assert run_ids(home) == []
        monkeypatch.undo()


def test_without_colour_everything_is_still_said(home: Home) -> None:
    make_run(home, 1, name="failed", ended="failed", reached=100)
    with terminal(home, NO_COLOR="1") as shown:
        assert shown.shows("✗ failed")
        time.sleep(0.5)
        assert not _colours(shown.seen)


def _colours(seen: bytes) -> set[bytes]:
    """Foregrounds that are neither grey nor the terminal's own."""
    found = set()
    for part in seen.split(b"\x1b[38;2;")[1:]:
        red, green, blue = part.replace(b"m", b";").split(b";")[:3]
        if len({red, green, blue}) > 1:
            found.add(red + b"," + green + b"," + blue)
    return found


def test_a_terminal_that_is_not_utf8_is_told_what_to_do(home: Home) -> None:
    with terminal(home, LC_ALL="C", LANG="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0") as shown:
        assert shown.shows("not UTF-8; try")
        assert shown.ends() == 1
        assert b"Traceback" not in shown.seen


@pytest.mark.asyncio
async def test_names_in_any_script_are_cut_to_their_cells(home: Home) -> None:
    make_run(home, 1, name="שלום 🧑‍🔬 あいうえおかきくけこさしすせそたちつてとなにぬねの")
    async with TestApp(home).run_test(size=(40, 12)) as pilot:
        await until(pilot, lambda: pilot.app.screen.query_one(RunTable).row_count == 1)
        await pilot.press("enter")
        screen = await on(pilot, RunScreen)
        await until(pilot, lambda: screen.shot is not None)
        assert "שלום" in str(screen.query_one("#heading", Static).content)
        await pilot.resize_terminal(120, 40)
        await pilot.pause()
        assert pilot.app.screen is screen


def test_the_signal_is_in_the_trainer_at_once(tmp_path: Path) -> None:
    """As `etlgan bench ui` measures it; promised is half a second on a machine that does nothing else."""
    from etlgan_tui.bench import stop

    assert stop.delays(tmp_path / "bench", 1)[0] < 2.0
