"""Queue tickets: one small file for each run that waits its turn, and the queue's settings. Standard library only.

A ticket is taken away by the runner that sets its run going, or by whoever cancels it: by nobody else, so that a
process that dies on the way leaves the run in the queue.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from core.errors import RunError
from core.rundir import Home, RunDir, cache_root, read_json, write_json
from core.runs import alive
from core.runs.disk import folder_lock, telling
from core.runs.meta import read_meta

MOST_SLOTS = 256


class Ticket(NamedTuple):
    """One run that waits."""

    id: str
    order: float  # among equal priorities the smallest goes first; the time of queueing, unless it was moved
    queued: float  # Unix seconds
    host: str  # that is to run it
    device: str = "auto"  # train.device
    held: bool = False  # passed over until `etlgan queue go RUN`
    cache: str = ""  # ETLGAN_CACHE of whoever queued it
    priority: int = 0  # of meta.json, where it is kept; higher goes first
    name: str = ""  # likewise


def ticket_for(run_id: str, *, device: str) -> Ticket:
    """A ticket at the end of the line, made here and now."""
    now = time.time()
    return Ticket(run_id, now, now, alive.host(), device, cache=str(cache_root()))


def write(home: Home, ticket: Ticket) -> None:
    """Queue the run, or change its ticket. OSError where the disk refuses."""
    home.tickets.mkdir(parents=True, exist_ok=True)
    tree = ticket._asdict()
    del tree["priority"], tree["name"]
    write_json(home.run(ticket.id).ticket, tree)


def waiting(home: Home) -> list[Ticket]:
    """Everything that waits, in the order in which it will go."""
    found = [ticket for run_id in ids(home) if (ticket := read(home.run(run_id)))]
    return sorted(found, key=lambda ticket: (-ticket.priority, ticket.order, ticket.id))


def ids(home: Home) -> Iterator[str]:
    """Of the runs that have a ticket, in no order; a ticket whose run is not there (any more) does not count."""
    try:
        with os.scandir(home.tickets) as entries:
            names = [entry.name for entry in entries if entry.name.endswith(".json") and entry.name[0] != "."]
    except OSError:
        return
    runs = str(home.runs)
    for name in names:
        run_id = name.removesuffix(".json")
        if os.path.isdir(f"{runs}/{run_id}"):  # noqa: PTH112  (200 of them, twice a second)
            yield run_id


def read(run: RunDir) -> Ticket | None:
    """The ticket of a run; a damaged one waits like any other, None where there is none."""
    path = run.ticket
    try:
        made = path.stat().st_mtime
    except OSError:
        return None
    tree, meta = read_json(path), read_meta(run)
    queued = _number(tree.get("queued"), made)
    usual = Ticket(run.id, queued, queued, alive.host(), priority=meta.priority, name=meta.name)
    known = {name: tree[name] for name in ("host", "device", "cache") if isinstance(tree.get(name), str)}
    return usual._replace(
        **known,
        order=_number(tree.get("order"), queued),
        held=tree.get("held") is True,
    )


def variables(ticket: Ticket) -> dict[str, str]:
    """Of the environment that the run was queued in."""
    return {"ETLGAN_CACHE": ticket.cache} if ticket.cache else {}


def _number(value: Any, default: float) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**52
    return float(value) if number else default


# --- settings of the queue ---


class Settings(NamedTuple):
    """What `etlgan queue` sets for a home."""

    slots: int = 0  # runs at a time; 0: one for each GPU, else one
    paused: bool = False


def settings(home: Home) -> Settings:
    tree = read_json(home.queue_settings)
    slots = tree.get("slots")
    if not isinstance(slots, int) or isinstance(slots, bool) or not 0 <= slots <= MOST_SLOTS:
        slots = 0
    return Settings(slots, tree.get("paused") is True)


def change_settings(home: Home, **changes: Any) -> Settings:
    """Set some of them. Out of range, or a folder that cannot be written: RunError."""
    slots = changes.get("slots", 0)
    if not 0 <= slots <= MOST_SLOTS:
        raise RunError(f"slots {slots}: must be 1 .. {MOST_SLOTS}, or auto")
    with locked(home):
        changed = settings(home)._replace(**changes)
        write_json(home.queue_settings, changed._asdict())
    return changed


@contextlib.contextmanager
def locked(home: Home) -> Iterator[None]:
    """One at a time changes the queue or takes from it."""
    with telling(home.queue):
        home.queue.mkdir(parents=True, exist_ok=True)
        with folder_lock(home.queue):
            yield


def unlinked(path: Path) -> None:
    """Gone, whether it was there or not."""
    path.unlink(missing_ok=True)
