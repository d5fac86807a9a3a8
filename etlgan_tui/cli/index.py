"""The index as the commands use it: open, bring up to date, and tell what had to be worked around."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from etlgan_tui.cli import terminal

if TYPE_CHECKING:
    from core.rundir import Home
    from core.runs.store import Store


_FRESH = 5.0  # seconds after queueing in which a waiter may just be coming up


def kick(home: Home) -> None:
    """Runs that wait while nobody waits for their turn (after a restart of the machine): see to it, and say so."""
    import time

    from core.runs import tickets, waiter

    if not waiter.revive(home):
        return
    waiting = tickets.waiting(home)
    if waiting and time.time() - min(ticket.queued for ticket in waiting) > _FRESH:
        terminal.tell(f"etlgan: {len(waiting)} queued, but nobody waited for their turn; now somebody does")


@contextmanager
def opened(home: Home) -> Iterator[Store]:
    """The index, brought up to the run directories."""
    from core.runs.store import Store
    from core.runs.sync import sync

    with Store.open(home) as store:
        if store.notice:
            terminal.tell(f"etlgan: {terminal.clean(store.notice)}")
        kick(home)
        sync(home, store)
        yield store


def update(home: Home, ids: Sequence[str]) -> None:
    """Bring these runs of the index up to date. It can be made anew, so its troubles are told and stop nothing."""
    from core.errors import EtlganError
    from core.runs.store import Store
    from core.runs.sync import sync

    try:
        kick(home)
        with Store.open(home) as store:
            sync(home, store, ids)
    except EtlganError as error:
        terminal.tell(f"etlgan: {terminal.clean(error)}")
