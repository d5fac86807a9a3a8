"""From the command to the first run on the screen, in a terminal of its own: a pty that knows no graphics, 120 x 40."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import psutil

from core import config, events, presets
from core.rundir import Home, write_json
from core.runs.store import Store
from core.runs.sync import sync

ROWS, COLUMNS = 40, 120
PATIENCE = 60.0  # seconds
_BEGUN = b"-bench-begun-"
_QUESTION, _ANSWER = b"\x1b[c", b"\x1b[?62;c"  # the one that every terminal answers
# What the command does, with a word before the app runs.
_PROGRAM = f"""
import os, sys
from pathlib import Path
from core.rundir import Home
from etlgan_tui import __main__ as start
app = start.prepared(Home(Path(sys.argv[1])))
os.write(1, {_BEGUN!r})
app.run()
"""


class Painted(NamedTuple):
    """Seconds until the newest run's name was on the screen."""

    command: float  # from the command
    run: float  # from App.run
    cpu: float  # used by then


def filled(root: Path, runs: int) -> Home:
    """So many finished runs, known to the index."""
    home = Home(root)
    settings = config.encode(presets.resolve("hiragana-a-ka"))
    about = {"attempt": 1, "device": "cpu", "precision": "fp32", "threads": 1, "batch_size": 128, "classes": 10}
    started = events.Started(step=0, time=0.0, steps=1400, data="", **about)  # type: ignore[arg-type]
    finished = events.Finished(step=1400, time=1.0, attempt=1, state="finished", message="")
    said = events.encode(started) + events.encode(finished)
    for number in range(runs):
        run = home.run(f"{250101 + number // 1000}-{number % 1000:06d}-abc")
        run.path.mkdir(parents=True)
        run.config.write_bytes(settings)
        run.events.write_bytes(said)
        write_json(run.meta, {"id": run.id, "name": _name(number), "created": 1.7e9 + number, "tags": []})
    with Store.open(home) as store:
        sync(home, store)
    return home


def _name(number: int) -> str:
    return f"run-number-{number}"


def once(home: Home) -> Painted:
    """Start the dashboard, wait for the newest run, end it."""
    wanted = _name(len(list(home.runs.iterdir())) - 1).encode()
    leader, follower = pty.openpty()
    size = {"LINES": str(ROWS), "COLUMNS": str(COLUMNS), "TERM": "xterm-256color"}
    begun = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-P", "-c", _PROGRAM, str(home.root)],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=os.environ | size,
        start_new_session=True,
    )
    os.close(follower)
    try:
        ran = _seen(leader, _BEGUN, begun)
        shown = _seen(leader, wanted, begun)
        used = psutil.Process(child.pid).cpu_times()
        return Painted(shown - begun, shown - ran, used.user + used.system)
    finally:
        child.kill()
        child.wait()
        os.close(leader)


def _seen(leader: int, wanted: bytes, begun: float) -> float:
    """When `wanted` came."""
    seen = b""
    while wanted not in seen:
        if time.perf_counter() - begun > PATIENCE:
            raise TimeoutError(f"the dashboard did not say {wanted!r} within {PATIENCE:.0f} s")
        ready, _, _ = select.select([leader], [], [], 0.1)
        seen += os.read(leader, 1 << 16) if ready else b""
        if _QUESTION in seen:
            os.write(leader, _ANSWER)
            seen = seen.replace(_QUESTION, b"")
    return time.perf_counter()
