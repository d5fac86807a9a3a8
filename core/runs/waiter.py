"""python -P -m core.runs.waiter HOME: waits for free slots on behalf of all queued runs of a home, then ends.

No daemon: whoever queues a run starts it, and so does any runner, command or dashboard that finds runs waiting and
nobody waiting for them. One is elected by a kernel lock on a file; the others end at once. It sleeps between looks.
One that was suspended (SIGSTOP) would keep the lock and do nothing: whoever finds it so ends it, and another waits.
Standard library only at import: the runner uses `revive`.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from core.rundir import Home
from core.runs import alive, tickets

LOOK_SECONDS = 0.5
LONGEST_PAUSE = 30.0  # between looks, after a disk refused
TAKE_SECONDS = 0.2  # to try for the lock
RELIEF_SECONDS = 2.0  # for the kernel to end a suspended waiter
WORD_BYTES = 128  # of the lock's content: pid and start of the waiter
LOG_BYTES = 1 << 20  # of waiter.log, then it is begun anew


def revive(home: Home) -> bool:
    """See to it that somebody waits where runs do; True where nobody did and a waiter was started now."""
    if not home.tickets.is_dir() or not wanted(home) or (waits(home) and not _relieved(home)):
        return False
    command = [sys.executable, "-P", "-m", "core.runs.waiter", str(home.root)]
    clean = {name: value for name, value in os.environ.items() if name != alive.LOCK_FD}
    try:
        with home.waiter_log.open("ab") as log:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=clean | {"PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"},
                cwd=home.root,
                start_new_session=True,
            )
    except OSError:
        return False  # a read-only home: nothing could be started in it either
    threading.Thread(target=child.wait, daemon=True).start()  # a dashboard must not collect zombies
    return True


def wanted(home: Home) -> bool:
    """Whether there is a run to wait for here."""
    if tickets.settings(home).paused:
        return False
    found = (tickets.read(home.run(run_id)) for run_id in tickets.ids(home))
    return any(ticket.host == alive.host() and not ticket.held for ticket in found if ticket)


def waits(home: Home) -> bool:
    """Whether somebody waits on this host."""
    with contextlib.suppress(OSError):
        descriptor = _take(home, fcntl.LOCK_SH)  # shared: two who ask at once must not take each other for a waiter
        if descriptor < 0:
            return True
        os.close(descriptor)
    return False


def _relieved(home: Home) -> bool:
    """Whether the waiter was found suspended and had to give its place up. It knows nothing that could be lost."""
    with contextlib.suppress(OSError, ValueError):
        pid, _, started = home.waiter(alive.host()).read_text().strip().partition(" ")
        if alive.suspended(int(pid), started):
            os.kill(int(pid), signal.SIGKILL)
            deadline = time.monotonic() + RELIEF_SECONDS
            while (still := waits(home)) and time.monotonic() < deadline:
                time.sleep(0.005)
            return not still
    return False


def main(root: Path) -> int:
    """Wait until nothing is left to wait for."""
    home = Home(root)
    if home.waiter_log.stat().st_size > LOG_BYTES:
        os.truncate(home.waiter_log, 0)
    while wanted(home):  # asked again once the lock is given back: who queued meanwhile has seen it held
        descriptor = _elected(home)
        if descriptor < 0:
            return 0
        try:
            os.pwrite(descriptor, f"{os.getpid()} {alive.started_of(os.getpid())}\n".encode().ljust(WORD_BYTES), 0)
            _wait(home)
        finally:
            os.close(descriptor)
    return 0


def _wait(home: Home) -> None:
    from core.errors import EtlganError
    from core.runs import queue

    pause, said = LOOK_SECONDS, list[str]()
    while wanted(home):
        try:
            if (lines := queue.dispatch(home)) != said:  # what cannot be mended would be said twice a second
                for line in lines:
                    _log(line)
            said = lines
            pause = LOOK_SECONDS
        except (EtlganError, OSError) as error:
            _log(f"{error}; trying again")
            pause = min(2 * pause, LONGEST_PAUSE)
        time.sleep(pause)


def _log(line: str) -> None:
    print(time.strftime("%F %T"), line, flush=True)


def _elected(home: Home) -> int:
    """The lock for ourselves. Who only asks also holds it, for microseconds: so it is tried for a while."""
    deadline = time.monotonic() + TAKE_SECONDS
    while (descriptor := _take(home, fcntl.LOCK_EX)) < 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    return descriptor


def _take(home: Home, kind: int) -> int:
    """The descriptor of the waiter's lock; -1 where another has it."""
    descriptor = os.open(home.waiter(alive.host()), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return -1
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
