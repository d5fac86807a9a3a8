"""A run of 125,000 reports, a million values: how soon its screen shows it, and how the screen keeps up while it grows
by 1,000 values a second, or its log by many lines."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import NamedTuple

from core import events
from core.events import Step
from core.rundir import Home, RunDir
from etlgan_tui.app import EtlganApp
from etlgan_tui.background import spare_the_collector
from etlgan_tui.screens.run import RunScreen

REPORTS = 125_000
VALUES_PER_REPORT = 8
VALUES_PER_SECOND = 1_000
PAUSE = 0.01  # seconds between two looks at the clock
_LINE = b"a line of a log, as long as they are\n"


class Opened(NamedTuple):
    """One switch to the long run, until every value is on the screen."""

    seconds: float
    cpu: float


class Streamed(NamedTuple):
    """What it took to follow."""

    lags: list[float]  # seconds that the event loop came late
    cpu: float  # per cent of one core
    grown: float  # MiB of memory


class Switches(NamedTuple):
    """To a run that nobody has looked at; and, as is usual, to the one that the preview shows."""

    new: list[Opened]
    previewed: list[Opened]


def measured(root: Path, *, switches: int, seconds: float, lines_per_second: int = 0) -> tuple[Switches, Streamed]:
    """`switches` openings of either kind, then `seconds` of streaming."""
    return asyncio.run(_measured(root, switches, seconds, lines_per_second))


async def _measured(root: Path, switches: int, seconds: float, lines: int) -> tuple[Switches, Streamed]:
    home = Home(root)
    run = home.run("261105-120000-abc")
    run.samples.mkdir(parents=True)
    run.config.write_text("{}\n")
    run.events.write_bytes(b"".join(map(_report, range(1, REPORTS + 1))))
    app = EtlganApp(home)
    spare_the_collector()
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(1.0)
        opened = Switches([], [])
        for number in range(2 * switches):
            new = number % 2 == 0  # in turn: who else uses the machine is in both
            if new:
                app.index.histories.forget()
            (opened.new if new else opened.previewed).append(await _opened(app, run))
            await pilot.pause(1.0)
            app.pop_screen()
            await pilot.pause(0.5)
        await _opened(app, run)
        return opened, await _streamed(run, seconds, lines)


async def _opened(app: EtlganApp, run: RunDir) -> Opened:
    begun, cpu, painted = time.perf_counter(), time.process_time(), asyncio.Event()
    screen = RunScreen(run)
    app.push_screen(screen)
    while screen.shot is None or len(screen.shot.step) < REPORTS:
        await asyncio.sleep(PAUSE / 2)
    screen.call_after_refresh(painted.set)
    await painted.wait()
    return Opened(time.perf_counter() - begun, time.process_time() - cpu)


async def _streamed(run: RunDir, seconds: float, lines: int) -> Streamed:
    lags, step, before, cpu = list[float](), REPORTS, _resident(), time.process_time()
    begun = last = time.perf_counter()
    with run.events.open("ab", buffering=0) as said, run.console.open("ab", buffering=0) as console:
        while (now := time.perf_counter()) - begun < seconds:
            due = REPORTS + int((now - begun) * VALUES_PER_SECOND / VALUES_PER_REPORT * (8 / 3))  # three drawn series
            said.write(b"".join(map(_report, range(step + 1, due + 1))))
            console.write(_LINE * int(lines * (now - last)))
            step, last = due, now
            slept = time.perf_counter()
            await asyncio.sleep(PAUSE)
            lags.append(time.perf_counter() - slept - PAUSE)
    used = (time.process_time() - cpu) / (time.perf_counter() - begun)
    return Streamed(lags, 100 * used, (_resident() - before) / (1 << 20))


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _report(step: int) -> bytes:
    value = 1 / (1 + step % 97)
    return events.encode(
        Step(step=step, time=1e9 + step, seconds=float(step), images_per_s=900.0 + value, d=value, g=2 * value,
             info_cat=value, info_con=value, q_real=value, q_fake=value)
    )  # fmt: skip
