"""python -P -m core.runs.runner RUN_DIR: holds a run's lock while its trainer works, then writes how it ended.

Standard library and what needs no more of core.runs only: it must stay small, start at once and survive its trainer.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from core.rundir import RunDir, write_json
from core.runs import alive, disk, hooks, tickets, waiter
from core.runs.alive import Holder

TRAINER = "ETLGAN_TRAINER"  # environment variable for tests: another module to run as the trainer


def main(path: Path) -> int:
    """Run one attempt to its end. The lock's descriptor and content come from the launcher, or are made in a job."""
    run, asked = RunDir(path), Asked()
    asked.listen()
    before, descriptor = -1, int(os.environ.get(alive.LOCK_FD, -1))
    if in_job := descriptor < 0:
        from core.runs.slurm import node  # here: it needs more than a runner that was launched

        before, descriptor = node.saved_step(run), node.begin(run)
        os.environ[alive.LOCK_FD] = str(descriptor)
        if node.stop_asked(run):
            asked.to_stop.set()
    holder = alive.read(run)._replace(pid=os.getpid(), started=alive.started_of(os.getpid()))
    _take_ticket(run)
    alive.write(descriptor, holder)
    if not holder.flock:
        print("runner: file locks tell nothing on this disk; whether it lives, its heartbeat says", flush=True)
    threading.Thread(target=_beat, args=(run, descriptor, done := threading.Event()), daemon=True).start()
    returncode = None
    if not asked.to_stop.is_set():
        asked.trainer = trainer = subprocess.Popen(_command(run), pass_fds=(descriptor,))
        if asked.to_stop.is_set():  # it came while the trainer was being forked, and was lost there
            trainer.send_signal(signal.SIGTERM)
        started = alive.started_of(trainer.pid)
        with asked.noted(descriptor, holder._replace(trainer=trainer.pid, trainer_started=started)):
            returncode = trainer.wait()
    done.set()
    _write_exit(run, descriptor, ending(holder.attempt, returncode, stopped=asked.to_stop.is_set()))
    again = in_job and asked.time_up.is_set() and node.goes_on(run, holder.attempt, since=before)
    _leave_slot(run)
    os.close(descriptor)  # the run has ended, and its slot is free; what follows is for others
    if again:
        node.go_on_later(run)
        return 0
    hooks.start(run)
    waiter.revive(run.home)
    return 0


class Asked:
    """What a signal asked for. A job gets its signals alone, a launched runner with its group: the trainer is told
    in any case, and obeys the first of them."""

    def __init__(self) -> None:
        self.to_stop, self.time_up = threading.Event(), threading.Event()
        self.trainer: subprocess.Popen[bytes] | None = None
        self._note: Callable[[], None] | None = None

    def listen(self) -> None:
        """The launcher starts us with SIGTERM blocked, so that one that comes before this line waits for it."""
        signal.signal(signal.SIGTERM, self._heard)
        signal.signal(signal.SIGUSR1, self._heard)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})

    @contextlib.contextmanager
    def noted(self, descriptor: int, holder: Holder) -> Iterator[None]:
        """Write who holds the lock, and, once it is asked for, that it stops; readers then say so."""

        def note() -> None:
            with contextlib.suppress(OSError):
                alive.write(descriptor, holder._replace(stopping=True))

        alive.write(descriptor, holder)
        self._note = note
        if self.to_stop.is_set():
            note()
        try:
            yield
        finally:
            self._note = None  # soon the descriptor is another file's

    def _heard(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGUSR1:  # the job's time limit comes near
            self.time_up.set()
        self.to_stop.set()
        if self.trainer is not None:
            self.trainer.send_signal(signal.SIGTERM)
        if self._note is not None:
            self._note()


def ending(attempt: int, returncode: int | None, *, stopped: bool) -> dict[str, Any]:
    """What exit.json says. `signal` is a name such as SIGKILL or ""; returncode None: no trainer was started."""
    number = -returncode if returncode is not None and returncode < 0 else 0
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}" if number else ""
    return {"attempt": attempt, "returncode": returncode, "signal": name, "stopped": stopped, "time": time.time()}


def _command(run: RunDir) -> list[str]:
    """-P: a core.py in the user's folder must not be taken for ours."""
    return [sys.executable, "-P", "-m", os.environ.get(TRAINER) or "core.trainer", str(run.path)]


def _take_ticket(run: RunDir) -> None:
    """From here on the run is no more in the queue: before the pid is noted, which the launcher waits for."""
    try:
        tickets.unlinked(run.ticket)
    except OSError as error:
        print(f"runner: cannot take the ticket {run.ticket}: {error.strerror}", file=sys.stderr)


def _leave_slot(run: RunDir) -> None:
    """The lock alone frees it; without its file, those who look have less to look at."""
    with contextlib.suppress(OSError):
        tickets.unlinked(run.place)


def _beat(run: RunDir, descriptor: int, done: threading.Event) -> None:
    """Still here; and if whoever waits for our slot was killed, another one is started. Short of disk: said once."""
    home, told = run.home, False
    while not done.is_set():
        alive.beat(descriptor)
        waiter.revive(home)
        if not told and (warning := disk.low(run.path)):
            print(f"etlgan: {warning}", file=sys.stderr, flush=True)
            told = True
        done.wait(alive.BEAT_SECONDS)


def _write_exit(run: RunDir, descriptor: int, tree: dict[str, Any]) -> None:
    try:
        write_json(run.exit, tree)
    except OSError as error:  # disk full: the lock's block is ours already
        print(f"runner: cannot write {run.exit}: {error.strerror}", file=sys.stderr)
        alive.write(descriptor, alive.read(run)._replace(exit=tree))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
