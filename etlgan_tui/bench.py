"""python -m etlgan_tui.bench paint HOME: how long the dashboard takes from the command to the first run on the screen,
in a terminal of its own (a pty that answers no questions, 120 x 40).

python -m etlgan_tui.bench stream: how far the event loop lags while 1,000 points a second come on top of a million.
python -m etlgan_tui.bench log: the same while 50,000 lines a second are printed.
"""

from __future__ import annotations

import asyncio
import os
import pty
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROWS, COLUMNS = 40, 120
STREAM_SECONDS = 15.0


def paint(home: Path, wanted: str, *, times: int = 5) -> list[float]:
    """Seconds from the command until `wanted` is on the screen."""
    return [_paint_once(home, wanted.encode()) for _ in range(times)]


def _paint_once(home: Path, wanted: bytes) -> float:
    leader, follower = pty.openpty()
    size = {"LINES": str(ROWS), "COLUMNS": str(COLUMNS), "TERM": "xterm-256color"}
    begun = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "etlgan_tui", "--home", str(home)],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=os.environ | size,
        start_new_session=True,
    )
    os.close(follower)
    seen = b""
    try:
        while wanted not in seen and time.perf_counter() - begun < 30:
            ready, _, _ = select.select([leader], [], [], 0.1)
            seen += os.read(leader, 1 << 16) if ready else b""
            if b"\x1b[c" in seen:  # the one question that every terminal answers
                os.write(leader, b"\x1b[?62;c")
                seen = seen.replace(b"\x1b[c", b"")
        return time.perf_counter() - begun
    finally:
        child.kill()
        child.wait()
        os.close(leader)


def stream(*, lines_per_second: int = 0) -> None:
    """A run of 125,000 reports (a million values), growing by 1,000 values a second; the screen follows it."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_stream(Path(folder), lines_per_second))


async def _stream(folder: Path, lines_per_second: int) -> None:
    from core.rundir import Home
    from etlgan_tui.app import EtlganApp
    from etlgan_tui.screens.run import RunScreen

    home = Home(folder)
    run = home.run("261105-120000-abc")
    run.samples.mkdir(parents=True)
    run.config.write_text("{}\n")
    report = _report()
    run.events.write_bytes(b"".join(report(step) for step in range(1, 125_001)))
    app = EtlganApp(home)
    async with app.run_test(size=(COLUMNS, ROWS)) as pilot:
        await pilot.pause(0.5)
        begun = time.perf_counter()
        screen = RunScreen(run)
        app.push_screen(screen)
        while screen.shot is None or len(screen.shot.step) < 125_000:
            await asyncio.sleep(0.01)
        print(f"switched to a run with 1,000,000 values in {time.perf_counter() - begun:.2f} s")
        lags, step, cpu = list[float](), 125_000, time.process_time()
        begun = last = time.perf_counter()
        with run.events.open("ab", buffering=0) as events, run.console.open("ab", buffering=0) as console:
            while (now := time.perf_counter()) - begun < STREAM_SECONDS:
                due = 125_000 + int((now - begun) * 1000 / 3)
                events.write(b"".join(report(number) for number in range(step + 1, due + 1)))
                step = due
                console.write(b"a line of a log, as long as they are\n" * int(lines_per_second * (now - last)))
                last = now
                await asyncio.sleep(0.01)
                lags.append(time.perf_counter() - now - 0.01)
        used = (time.process_time() - cpu) / (time.perf_counter() - begun)
        p99 = statistics.quantiles(lags, n=100)[98]
        print(f"event loop lag: p99 {1000 * p99:.0f} ms, longest {1000 * max(lags):.0f} ms; CPU {100 * used:.0f} %")


def _report() -> Callable[[int], bytes]:
    from core import events
    from core.events import Step

    def line(step: int) -> bytes:
        value = 1 / (1 + step % 97)
        return events.encode(
            Step(step=step, time=1e9 + step, seconds=float(step), images_per_s=900.0 + value, d=value, g=2 * value,
                 info_cat=value, info_con=value, q_real=value, q_fake=value)
        )  # fmt: skip

    return line


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["paint", home, wanted]:
            print("  ".join(f"{seconds:.2f} s" for seconds in paint(Path(home), wanted)))
        case ["stream"]:
            stream()
        case ["log"]:
            stream(lines_per_second=50_000)
        case _:
            sys.exit(__doc__)
