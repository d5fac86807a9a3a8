"""`etlgan-tui`, or `python -m etlgan_tui`: what has to be known before the dashboard takes the terminal."""

from __future__ import annotations

import argparse
import locale
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from core.rundir import Home

if TYPE_CHECKING:
    from etlgan_tui.app import EtlganApp


def main(arguments: list[str] | None = None) -> None:
    """`etlgan-tui [--home FOLDER]`."""
    parser = argparse.ArgumentParser(prog="etlgan-tui", description="Launch, watch and compare runs.")
    parser.add_argument(
        "--home", type=Path, metavar="FOLDER", help="the folder that runs/ lies in (else ETLGAN_HOME, else here)"
    )
    home = Home.find(parser.parse_args(arguments).home)
    if not sys.stdout.isatty() or not sys.stdin.isatty():
        sys.exit("etlgan-tui: needs a terminal; in scripts use `etlgan ls` and `etlgan show`")
    if "utf" not in locale.getpreferredencoding(False).lower():
        sys.exit("etlgan-tui: this terminal's locale is not UTF-8; try `LC_ALL=C.UTF-8 etlgan-tui`")
    prepared(home).run()


def prepared(home: Home) -> EtlganApp:
    """The app, with everything loaded and the terminal asked what it can draw."""
    from etlgan_tui.app import EtlganApp
    from etlgan_tui.background import spare_the_collector
    from etlgan_tui.widgets.picture import ask_terminal

    ask_terminal()
    spare_the_collector()
    return EtlganApp(home)


if __name__ == "__main__":
    main()
