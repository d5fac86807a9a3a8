"""`etlgan reindex`: make the index anew from the run directories."""

from __future__ import annotations

import sys

from etlgan_tui import looks
from etlgan_tui.cli import options, terminal


def reindex(folder: options.HomeFolder = None) -> None:
    """Make runs.db anew from the run directories.

    They are the truth; the index only finds them faster.
    """
    from core.runs.store import Store
    from core.runs.sync import reindex as make_anew

    shown = terminal.is_terminal(sys.stderr)

    def progress(done: int, total: int) -> None:
        if shown:
            sys.stderr.write(f"\r{done:,} of {total:,} runs")
            sys.stderr.flush()

    home = options.home(folder)
    synced, notice = make_anew(home, progress=progress)
    if shown:
        terminal.tell()
    if notice:
        terminal.tell(f"etlgan: {terminal.clean(notice)}")
    with Store.open(home) as store:
        terminal.say(
            f"{looks.counted(store.count(), 'run')} indexed in {terminal.clean(home.database)}, {synced.read:,} read"
        )
