"""Set a runner going on a locked run."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from core.errors import RunError
from core.rundir import RunDir
from core.runs import alive
from core.runs.meta import printable

CONFIRM_SECONDS = 10.0  # for the runner to note its pid; it takes about 0.05


class DiedError(RunError):
    """A runner that ended before it had noted itself: by itself, or because somebody killed it."""

    def __init__(self, run: RunDir, returncode: int) -> None:
        self.returncode = returncode
        why = f"its runner was ended by signal {-returncode}" if returncode < 0 else last_line(run.console)
        super().__init__(f"run {run.id} did not start: {why}")


def spawn(run: RunDir, descriptor: int, *, cwd: Path, variables: Mapping[str, str] = MappingProxyType({})) -> None:
    """Set the runner going and wait until it has noted itself in the lock. It died first: RunError with its reason.

    `variables` of the environment are its own, beside ours.
    """
    command = [sys.executable, "-P", "-m", "core.runs.runner", str(run.path)]
    ours = {alive.LOCK_FD: str(descriptor), "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
    with run.console.open("ab") as console, _sigterm_blocked():
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            env={**os.environ, **variables, **ours},
            cwd=cwd,
            pass_fds=(descriptor,),
            start_new_session=True,
        )
    # reaps it: a dashboard lives longer than its runs, and must not collect zombies
    threading.Thread(target=child.wait, daemon=True).start()
    deadline = time.monotonic() + CONFIRM_SECONDS
    while alive.read(run).pid != child.pid and time.monotonic() < deadline:
        if not alive.started_of(child.pid) and alive.read(run).pid != child.pid:
            child.wait()
            raise DiedError(run, child.returncode)
        time.sleep(0.005)


@contextlib.contextmanager
def _sigterm_blocked() -> Iterator[None]:
    """A child inherits the mask: a stop that comes before the runner is ready waits for it, instead of ending it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def last_line(console: Path) -> str:
    """The last thing that a run's processes said, for a message."""
    with contextlib.suppress(OSError):
        lines = console.read_text(errors="replace").strip().splitlines()
        return printable(lines[-1]) if lines else f"see {console}"
    return f"see {console}"
