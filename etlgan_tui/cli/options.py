"""Arguments and options that several commands share, and how to read them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from core.rundir import Home, RunDir
    from core.settings import RunConfig

Run = Annotated[str, typer.Argument(metavar="RUN", help="A run: its id, a unique beginning of it, its name, or last.")]
HomeFolder = Annotated[
    Path | None,
    typer.Option("--home", metavar="FOLDER", help="Where runs/ is; default: ETLGAN_HOME, else the current folder."),
]
Temperature = Annotated[
    float,
    typer.Option(metavar="T", min=0, max=2, help="Of the noise: above 1 rare hands come more often, below 1 less."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


def home(folder: Path | None) -> Home:
    """The home that was meant. A folder that was named but does not exist: RunError."""
    from core.errors import RunError
    from core.rundir import Home

    found = Home.find(folder)
    if found.root.exists() and not found.root.is_dir():
        raise RunError(f"{found.root}: is a file; --home and ETLGAN_HOME name a folder")
    return found


def run(folder: Path | None, text: str) -> RunDir:
    """The run that `text` means. None or several: RunError."""
    from core.runs import find

    return find.find(home(folder), text)


def config(found: RunDir) -> RunConfig:
    """The configuration of a run. Missing or damaged: RunError that names the run."""
    from core import config as tree
    from core.errors import ConfigError, RunError

    try:
        return tree.decode(found.config.read_bytes(), where=f"run {found.id}: config.json")
    except ConfigError as error:
        raise RunError(f"{error}; mend the file, or `etlgan rm {found.id}` removes the run") from None
    except FileNotFoundError:
        raise RunError(f"run {found.id}: has no config.json; `etlgan rm {found.id}` removes it") from None


def check_picture(out: Path, option: str = "-o") -> None:
    """ConfigError that names the option unless a PNG can be written there."""
    from core.errors import ConfigError

    if out.suffix.lower() != ".png":
        raise ConfigError(f"{option} {out}: must end in .png")
    check_file(out, option)


def check_file(out: Path, option: str = "-o") -> None:
    """ConfigError that names the option unless a file can be written there: told before the work, not after it."""
    from core.errors import ConfigError

    folder = out.absolute().parent
    if not folder.is_dir():
        raise ConfigError(f"{option} {out}: there is no folder {folder}")
    if out.is_dir():
        raise ConfigError(f"{option} {out}: is a folder")
    if not os.access(folder, os.W_OK):
        raise ConfigError(f"{option} {out}: nothing can be written to the folder {folder}")
