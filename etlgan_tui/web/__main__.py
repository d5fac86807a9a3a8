"""One page's dashboard, `python -m etlgan_tui.web HOME`: talks to the server over its pipes, so it asks no terminal."""

from __future__ import annotations

import sys
from pathlib import Path

from core.rundir import Home


def main() -> None:
    from etlgan_tui.app import EtlganApp

    EtlganApp(Home(Path(sys.argv[1]))).run()


if __name__ == "__main__":
    main()
