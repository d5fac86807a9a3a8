"""From the key to the signal in the trainer: a trainer that does nothing but note when SIGTERM came."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from functools import partial
from pathlib import Path

from textual.pilot import Pilot

from core import presets
from core.rundir import Home, RunDir
from core.runs import launcher
from etlgan_tui.app import EtlganApp
from etlgan_tui.bench.waiting import until
from etlgan_tui.screens.base import Changed
from etlgan_tui.screens.runs import RunsScreen

_TRAINER = """
import os, signal, sys, time
from pathlib import Path
os.set_inheritable(int(os.environ.pop("ETLGAN_LOCK_FD")), False)
folder = Path(sys.argv[1])
def noted(*_):
    (folder / "came").write_text(str(time.monotonic()))  # of the whole machine, not of this process
    os._exit(0)
signal.signal(signal.SIGTERM, noted)
(folder / "ready").touch()
time.sleep(600)
"""
_until = partial(until, what="the trainer or the screen", pause=0.01)


def delays(root: Path, repeat: int) -> list[float]:
    """Seconds from pressing `s` on the home screen, one run after another."""
    root.mkdir()
    (root / "etlgan_bench_trainer.py").write_text(_TRAINER)
    before = {name: os.environ.get(name) for name in ("ETLGAN_TRAINER", "PYTHONPATH")}
    os.environ |= {"ETLGAN_TRAINER": "etlgan_bench_trainer", "PYTHONPATH": os.pathsep.join([str(root), *sys.path[1:]])}
    try:
        return asyncio.run(_delays(Home(root / "home"), repeat))
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


async def _delays(home: Home, repeat: int) -> list[float]:
    home.root.mkdir()
    found = []
    async with EtlganApp(home).run_test(size=(120, 40)) as pilot:
        for _ in range(repeat):
            run = launcher.start(home, presets.resolve("hiragana-a-ka"))
            await _until((run.path / "ready").exists)
            screen = pilot.app.screen
            assert isinstance(screen, RunsScreen)
            screen.changed(Changed(run_id=run.id))
            await _until(partial(_stands_on, screen, run))
            found.append(await _delay(pilot, run))
    return found


def _stands_on(screen: RunsScreen, run: RunDir) -> bool:
    return screen.target == run.id


async def _delay(pilot: Pilot[None], run: RunDir) -> float:
    begun, came = time.monotonic(), run.path / "came"
    await pilot.press("s")
    await _until(lambda: came.exists() and came.read_text())
    return float(came.read_text()) - begun
