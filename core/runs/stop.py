"""End a live run: ask first, insist only when told to, and say what came of it."""

import contextlib
import signal
import time

from core.errors import RunError
from core.rundir import RunDir, read_json, write_json
from core.runs import alive, tickets
from core.runs.alive import Holder
from core.runs.disk import telling
from core.runs.meta import printable
from core.runs.runner import ending
from core.runs.slurm.stopping import cancel as cancel_job
from core.runs.slurm.stopping import in_slurm
from core.runs.slurm.stopping import stop as stop_job
from core.runs.state import newest_attempt

CONFIRM_SECONDS = 10.0  # for a runner that is just coming up to note its pid
EXIT_SECONDS = 3.0  # for the runner to write exit.json once its trainer is gone


def stop(run: RunDir, *, kill_after: float | None = None, wait: float = 0.0) -> str:
    """SIGTERM to trainer and runner; says what came of it within `wait` (or `kill_after`) seconds.

    The trainer finishes its step, saves, and ends as stopped. SIGKILL follows only after `kill_after` seconds, when
    that is given. A queued run leaves the queue. One that is not live, or lives on another host: RunError.
    """
    if cancel(run):
        return f"run {run.id} was taken out of the queue"
    if in_slurm(run):
        return stop_job(run, kill_after=kill_after, wait=wait)
    holder = _live_holder(run)
    if not alive.signal_group(holder, signal.SIGTERM):
        return f"run {run.id} had ended already"
    alive.signal_group(holder, signal.SIGCONT)  # a suspended one could not finish its step
    if _ended(run, wait if kill_after is None else kill_after):
        return f"run {run.id} stopped"
    if kill_after is None:
        return f"run {run.id} was asked to stop; it finishes its step and saves first"
    _kill(run, alive.read(run))
    return f"run {run.id} did not stop in {kill_after:g} s and was killed; its last checkpoint is kept"


def cancel(run: RunDir) -> bool:
    """Take a run out of the queue; it is then as it was before, or stopped where it never went. False: not queued."""
    if not run.ticket.exists():
        return cancel_job(run)
    with tickets.locked(run.home):
        if not run.ticket.exists():  # its turn came
            return False
        if newest_attempt(run) == 0:
            write_json(run.exit, ending(0, None, stopped=True))
        tickets.unlinked(run.ticket)
    return True


def _live_holder(run: RunDir) -> Holder:
    """Who to signal; waits for a runner that is just coming up."""
    deadline = time.monotonic() + CONFIRM_SECONDS
    while alive.held(run, holder := alive.read(run)):
        if holder.host != alive.host():
            raise RunError(f"run {run.id} lives on {printable(holder.host)}; stop it there")
        if holder.pid:
            return holder
        if time.monotonic() > deadline:
            raise RunError(f"run {run.id} is locked, but does not say by which process; see {run.lock}")
        time.sleep(0.01)
    raise RunError(f"run {run.id} is not live; nothing to stop")


def _ended(run: RunDir, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while alive.held(run):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
    return True


def _kill(run: RunDir, holder: Holder) -> None:
    """SIGKILL to the trainer and its children, so that the runner can still write how it ended; then to all."""
    import psutil

    with contextlib.suppress(psutil.Error):
        if holder.pid in alive.processes(holder):
            for process in psutil.Process(holder.pid).children(recursive=True):
                process.kill()
    if not _ended(run, EXIT_SECONDS):
        alive.signal_group(holder, signal.SIGKILL)
        _ended(run, EXIT_SECONDS)
    if read_json(run.exit).get("attempt") != holder.attempt:
        with telling(run.path), alive.locked(run):
            write_json(run.exit, ending(holder.attempt, -signal.SIGKILL, stopped=True))
