"""Processes of one home, as the system sees them: independent of what any run says of itself."""

import contextlib
import os
import signal
import time
from pathlib import Path

ROLES = {
    "core.runs.runner": "runner",
    "witness_trainer": "trainer",
    "core.trainer": "trainer",
    "core.runs.waiter": "waiter",
}


def of(root: Path) -> dict[int, list[str]]:
    """pid -> command line of every process (no zombies) that works on this home; never this one."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            words = entry.joinpath("cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
            ours = any(word == str(root) or word.startswith(f"{root}/") for word in words)
            if ours and entry.joinpath("stat").read_text().rpartition(")")[2].split()[0] not in "ZX":
                found[int(entry.name)] = words
    return found


def of_run(path: Path) -> dict[str, int]:
    """{"runner": pid, "trainer": pid} of one run, those that live."""
    found = {}
    for pid, words in of(path.parent.parent).items():
        role = next((ROLES[word] for word in words if word in ROLES), "")
        if role in ("runner", "trainer") and str(path) in words:
            found[role] = pid
    return found


def waiters(root: Path) -> list[int]:
    """Without what a waiter has forked just now, which has its command line until it becomes a runner: to signal that
    one is to hit a run that nobody knows of."""
    found = [pid for pid, words in of(root).items() if "core.runs.waiter" in words]
    return [pid for pid in found if _parent(pid) not in found]


def _parent(pid: int) -> int:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def send(pid: int, number: signal.Signals, pause: float = 0.0) -> bool:
    """True if there was somebody to get it. SIGSTOP is followed by SIGCONT after a pause."""
    try:
        os.kill(pid, number)
        if number == signal.SIGSTOP:
            time.sleep(pause)
            os.kill(pid, signal.SIGCONT)
    except ProcessLookupError:
        return False
    return True


def end_all(root: Path) -> None:
    for _ in range(3):  # a waiter may be setting one more going
        for pid in of(root):
            send(pid, signal.SIGKILL)
        time.sleep(0.02)
