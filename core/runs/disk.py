"""Folders that several programs write to, and disks that refuse: one editor at a time, one clear line."""

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from core.errors import RunError

LOW_BYTES = 500_000_000  # free space below which a run that writes checkpoints is in danger
LOCK_SECONDS = 30.0  # an editor takes milliseconds; one that was suspended on the way would hold up everybody


def low(folder: Path) -> str:
    """A warning where the disk is nearly full, else ""."""
    room = free(folder)
    if room is not None and room < LOW_BYTES:
        return f"only {room / 1e6:,.0f} MB are free on the disk of {folder}; `etlgan gc` makes room"
    return ""


def free(folder: Path) -> int | None:
    """Bytes left on the disk of a folder, which need not exist yet; None where that cannot be told."""
    with contextlib.suppress(OSError, StopIteration):
        return shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists())).free
    return None


@contextlib.contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """One editor at a time; held for milliseconds. On disks without flock it holds nobody back.

    Held by another for LOCK_SECONDS: RunError.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        deadline = time.monotonic() + LOCK_SECONDS
        while not try_lock(descriptor, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise RunError(
                    f"{folder} has been locked for {LOCK_SECONDS:.0f} s by another etlgan; "
                    "if that one is suspended (Ctrl-Z), let it go on (`fg`) or end it"
                )
            time.sleep(0.005)
        yield
    finally:
        os.close(descriptor)


def try_lock(descriptor: int, kind: int) -> bool:
    """Whether a lock of that kind (LOCK_EX, LOCK_SH) is ours now; on a disk without flock it always is."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


@contextlib.contextmanager
def telling(folder: Path) -> Iterator[None]:
    """Full disks, read-only folders and the like become a RunError that names the folder."""
    try:
        yield
    except OSError as error:
        raise RunError(f"cannot write {folder}: {error.strerror or error}; is the disk full or read-only?") from None
