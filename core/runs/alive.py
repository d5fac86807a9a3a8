"""The lock that says a run lives, what is written in it, and who may be signalled. Standard library only (the runner).

`flock` on `alive.lock` is held by the runner and the trainer through one inherited descriptor; the kernel drops it
when both are gone. Its content is one JSON object in a block of fixed length, overwritten in place: the lock is on
the inode, so the file is never replaced, and an overwrite needs no free disk space.
"""

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from core.errors import RunError
from core.rundir import RunDir, read_json, read_known
from core.runs.disk import try_lock

LOCK_FD = "ETLGAN_LOCK_FD"  # environment variable: number of the inherited descriptor
BEAT_SECONDS = 10.0  # the runner touches the lock this often, for disks where flock tells nothing
BEAT_PATIENCE = 45.0  # seconds without a beat that mean dead there
BLOCK = 1024  # bytes of content
TAKE_SECONDS = 1.0  # to try for a lock that nobody has signed


class Holder(NamedTuple):
    """Who holds (or held last) a run's lock. A pid of 0 is not known."""

    attempt: int = 0  # 1, 2, ...; 0: never started
    host: str = ""
    pid: int = 0  # of the runner, which is also its process group
    started: str = ""  # the runner's start, as `started_of` says it
    trainer: int = 0
    trainer_started: str = ""
    time: float = 0.0  # Unix seconds when the attempt began
    flock: bool = True  # the lock was seen to work on this disk
    exit: dict[str, Any] | None = None  # what exit.json should say, when the disk was too full for it
    stopping: bool = False  # a stop was asked for


def take(run: RunDir) -> int:
    """The locked descriptor of a run's lock, made if need be. Held by another: RunError; errors of the disk: OSError.

    A reader's probe also holds it, for microseconds: so a lock that no living process has signed is tried again.
    """
    descriptor = os.open(run.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        deadline = time.monotonic() + TAKE_SECONDS
        while not try_lock(descriptor, fcntl.LOCK_EX):
            if processes(read(run)) or time.monotonic() > deadline:
                raise RunError(f"run {run.id} is live; `etlgan stop {run.id}` ends it")
            time.sleep(0.01)
        if not run.lock.exists() or os.fstat(descriptor).st_ino != run.lock.stat().st_ino:
            raise RunError(f"run {run.id} was removed just now; `etlgan ls` lists the others")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


@contextlib.contextmanager
def locked(run: RunDir) -> Iterator[int]:
    """The lock's descriptor, while nothing else may start or move the run. Live, or not there: RunError.

    Closing our descriptor leaves the lock to those who inherited it.
    """
    if not run.path.is_dir():
        raise RunError(f"no run {run.id} in {run.path.parent}; `etlgan ls` lists them")
    descriptor = take(run)
    try:
        if lives_without_lock(run, read(run)):
            raise RunError(f"run {run.id} is live; `etlgan stop {run.id}` ends it")
        yield descriptor
    finally:
        os.close(descriptor)


def works(path: Path) -> bool:
    """Whether flock means anything on this disk: a second lock on a locked file must be refused."""
    with _opened(path) as probe:
        return not try_lock(probe, fcntl.LOCK_SH)


def write(descriptor: int, holder: Holder) -> None:
    """Overwrite the content in place. OSError where the disk refuses."""
    text = json.dumps(holder._asdict(), ensure_ascii=True).encode()
    os.pwrite(descriptor, text.ljust(BLOCK - 1) + b"\n", 0)


def read(run: RunDir) -> Holder:
    """The content; Holder() where there is none, or where it makes no sense."""
    return Holder(**read_known(run.lock, Holder()._asdict()))


def held(run: RunDir, holder: Holder | None = None) -> bool:
    """Whether the run lives now: its lock is held, or, where a lock tells nothing, pid or heartbeat say so."""
    try:
        with _opened(run.lock) as probe:
            if not try_lock(probe, fcntl.LOCK_SH):
                return True
    except OSError:
        return False
    return lives_without_lock(run, holder or read(run))


def lives_without_lock(run: RunDir, holder: Holder) -> bool:
    """The stand-in for a lock that is free: on a disk without flock, and for a run of another host."""
    here = holder.host == host()
    if holder.attempt == 0 or not holder.host or holder.exit is not None or (here and holder.flock):
        return False
    if here:
        return processes(holder) != []
    return read_json(run.exit).get("attempt") != holder.attempt and _beats(run)


def processes(holder: Holder) -> list[int]:
    """The pids of runner and trainer that are still the same processes as when they were noted; [] on another host."""
    if holder.host != host():
        return []
    noted = ((holder.pid, holder.started), (holder.trainer, holder.trainer_started))
    return [pid for pid, started in noted if pid > 1 and started and started_of(pid) == started]


def host() -> str:
    return socket.gethostname()


def started_of(pid: int) -> str:
    """When a process started, as no other process of that pid ever did; "" where there is none, or but a zombie."""
    letter, started = _process(pid)
    return "" if letter in "ZX" else started


def suspended(pid: int, started: str) -> bool:
    """Whether it is still that process, but was stopped (SIGSTOP, Ctrl-Z): it lives, keeps its locks, does nothing."""
    letter, now = _process(pid) if pid > 1 and started else ("", "")
    return letter == "T" and now == started


def _process(pid: int) -> tuple[str, str]:
    """State letter and start of a process, as the system has them; two empty texts where there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ("", "") if Path("/proc/self/stat").exists() else _process_by_ps(pid)
    after_name = stat.rpartition(")")[2].split()  # the name may hold anything, brackets and spaces too
    return after_name[0], f"{boot}:{after_name[19]}"  # field 22: clock ticks since boot


def _process_by_ps(pid: int) -> tuple[str, str]:
    """macOS and the BSDs, to the second."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        answer = subprocess.run(
            ["ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True, timeout=5, check=False
        )
        state, _, started = answer.stdout.strip().partition(" ")
        return state[:1], started.strip()
    return "", ""


def signal_group(holder: Holder, number: signal.Signals) -> bool:
    """Signal runner and trainer, after checking that they are still who they were; False where nobody is left."""
    living = processes(holder)
    if not living:
        return False
    with contextlib.suppress(ProcessLookupError):
        if os.getpgid(living[0]) == holder.pid:
            os.killpg(holder.pid, number)
        else:
            for pid in living:
                os.kill(pid, number)
    return True


def beat(descriptor: int) -> None:
    """Touch the lock file: still here."""
    with contextlib.suppress(OSError):
        os.utime(descriptor)


def _beats(run: RunDir) -> bool:
    """A trainer that goes on after its runner was killed beats through its events."""
    times = [path.stat().st_mtime for path in (run.lock, run.events) if path.exists()]
    return time.time() - max(times, default=0.0) < BEAT_PATIENCE


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)  # drops the probe's lock with it
