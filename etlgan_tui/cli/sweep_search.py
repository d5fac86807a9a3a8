"""`etlgan sweep --search`: works until every configuration has been tried; its runs go on without it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import typer

from etlgan_tui.cli import following, index, sweep_tables, terminal

if TYPE_CHECKING:
    from core.rundir import Home
    from core.studies.sweep import Sweep


def search(home: Home, wanted: Sweep, *, priority: int) -> None:
    """Propose, queue, wait, learn; then say what came of it. Ctrl-C, or `sweep stop`: exit code 130."""
    from core.studies import driver
    from core.studies import sweep as sweeps
    from core.studies.search import LOOK_SECONDS, Search

    wanted = sweeps.keep(home, wanted)
    terminal.say(wanted.id)
    try:
        with following.sigterm_interrupts(), driver.driving(home, wanted), index.opened(home) as store:
            work = Search(
                home,
                store,
                wanted,
                judge=lambda row: sweep_tables.judge(home, wanted, row, wanted.by),
                say=lambda line: terminal.tell(terminal.clean(line)),
                priority=priority,
            )
            while work.step():
                time.sleep(LOOK_SECONDS)
                index.kick(home)
    except KeyboardInterrupt:
        terminal.tell(f"the search is left, its runs are not stopped; `etlgan sweep --resume {wanted.id}` goes on")
        raise typer.Exit(130) from None
    sweep_tables.show(home, wanted.id, "", everything=False, as_json=False)
