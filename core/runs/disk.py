"""Folders that several programs write to, and disks that refuse: one editor at a time, one clear line."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from core.errors import RunError

LOW_BYTES = 500_000_000  # free space below which a run that writes checkpoints is in danger


def low(folder: Path) -> str:
    """A warning where the disk is nearly full, else ""."""
    with contextlib.suppress(OSError):
        free = shutil.disk_usage(folder).free
        if free < LOW_BYTES:
            return f"only {free / 1e6:,.0f} MB are free on the disk of {folder}; `etlgan gc` makes room"
    return ""


@contextlib.contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """One editor at a time; held for milliseconds. On disks without flock it holds nobody back."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def telling(folder: Path) -> Iterator[None]:
    """Full disks, read-only folders and the like become a RunError that names the folder."""
    try:
        yield
    except OSError as error:
        raise RunError(f"cannot write {folder}: {error.strerror or error}; is the disk full or read-only?") from None
