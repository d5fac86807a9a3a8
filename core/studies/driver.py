"""One process at a time works on a search; another one may ask it to end."""

import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from core.errors import RunError
from core.rundir import Home
from core.runs import alive
from core.runs.disk import telling
from core.studies.sweep import Sweep

LEAVE_SECONDS = 10.0  # for one that was asked to end


@contextlib.contextmanager
def driving(home: Home, sweep: Sweep) -> Iterator[None]:
    """While this process works on it. Another one does: RunError."""
    path = _lock(home, sweep)
    with telling(path.parent):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        _take(descriptor, sweep)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()} {alive.started_of(os.getpid())}\n".encode(), 0)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def leave(home: Home, sweep: Sweep) -> bool:
    """Ask whoever works on it to end, and wait for that; False where nobody does. The runs go on."""
    try:
        text, _, started = _lock(home, sweep).read_text().strip().partition(" ")
        pid = int(text)
        if not started or alive.started_of(pid) != started:
            return False
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGCONT)  # a suspended one would never hear of it
    except (OSError, ValueError):
        return False
    deadline = time.monotonic() + LEAVE_SECONDS
    while alive.started_of(pid) == started and time.monotonic() < deadline:
        time.sleep(0.02)
    return True


def _lock(home: Home, sweep: Sweep) -> Path:
    return home.sweeps / sweep.id / "driver.lock"


def _take(descriptor: int, sweep: Sweep) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise RunError(f"another command works on {sweep.id} already; `etlgan sweep stop {sweep.id}` ends it") from None
    except OSError:
        pass  # a disk without flock cannot tell
