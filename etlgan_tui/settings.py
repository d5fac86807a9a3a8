"""What the dashboard remembers between sessions. A damaged or unwritable file costs the memory, nothing else."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Literal

import msgspec

from core.rundir import write_atomic


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every choice that outlives a session."""

    theme: str = "etlgan"
    pictures: Literal["", "graphics", "braille", "cells"] = ""  # "": the best that the terminal has
    log: bool = False
    smoothing: int = 2  # position in chart.SMOOTHINGS
    order: str = "created"
    descending: bool = True
    preview: bool = True
    sources: tuple[str, ...] = ()  # data that the user added, as --data names it


def path() -> Path:
    from platformdirs import user_config_path

    return user_config_path("etlgan") / "dashboard.json"


def load() -> Settings:
    try:
        return msgspec.json.decode(path().read_bytes(), type=Settings)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return Settings()


def save(settings: Settings) -> None:
    with contextlib.suppress(OSError):
        path().parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path(), msgspec.json.format(msgspec.json.encode(settings), indent=2) + b"\n")
