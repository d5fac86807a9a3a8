"""The queue: what waits, in which order, and who goes next. Tickets are files; see `tickets`, `slots` and `waiter`."""

import contextlib
import errno
from typing import NamedTuple

from core.errors import EtlganError, RunError
from core.rundir import Home, RunDir, write_json
from core.runs import alive, hooks, launcher, slots, tickets, waiter
from core.runs.meta import edit_meta, printable
from core.runs.runner import ending
from core.runs.spawn import DiedError
from core.runs.state import newest_attempt
from core.runs.tickets import Ticket

# The disk or the machine has no room now: no fault of the run, whose turn then comes again.
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN}
BAD_CONFIG = 2  # exit code of a run that could not be set going at its turn


class Look(NamedTuple):
    """The queue of a home, now."""

    waiting: list[Ticket]
    running: list[slots.Place]
    slots: int
    paused: bool


def look(home: Home) -> Look:
    """What there is to be seen; changes nothing."""
    return Look(tickets.waiting(home), slots.places(home), slots.count(home), tickets.settings(home).paused)


def dispatch(home: Home) -> list[str]:
    """Set going whatever fits into free slots; a line for each run that was. The waiter's work.

    A run that cannot be set going ends as failed, with the reason, and the next one goes. Full disk: OSError.
    """
    lines: list[str] = []
    if not slots.free(home):
        return lines
    with tickets.locked(home):
        if tickets.settings(home).paused:
            return lines
        free = slots.free(home)
        for ticket in tickets.waiting(home):
            slot = next((slot for slot in free if slots.fits(slot, ticket.device)), None)
            if slot is None or ticket.held or ticket.host != alive.host() or alive.held(home.run(ticket.id)):
                continue
            line, taken = _set_going(home, ticket, slot)
            lines.append(line)
            free = [other for other in free if not taken or other != slot]
            if not free:
                break
    return lines


def _set_going(home: Home, ticket: Ticket, slot: int) -> tuple[str, bool]:
    """What came of it, and whether the slot is taken now."""
    run = home.run(ticket.id)
    try:
        launcher.launch(run, ticket, slot)
        return f"run {run.id} goes in slot {slot}", True
    except (EtlganError, OSError) as error:
        if alive.held(run):
            return f"run {run.id} was set going by somebody else", False
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise
        return _fail(run, error), False


def _fail(run: RunDir, error: Exception) -> str:
    """End a run whose turn has come but that cannot go; one whose runner was killed on the way is killed.

    Where even that is refused, it is passed over.
    """
    message, attempt = str(error), newest_attempt(run) + 1
    code = error.returncode if isinstance(error, DiedError) and error.returncode < 0 else BAD_CONFIG
    with contextlib.suppress(OSError), run.console.open("a") as console:
        console.write(f"etlgan: {message}\n")
    try:
        write_json(run.exit, ending(attempt, code, stopped=False) | {"message": printable(message)})
        tickets.unlinked(run.ticket)
    except OSError as refused:
        if refused.errno in NO_ROOM:
            raise
        return f"run {run.id} cannot go ({message}) and cannot be ended ({refused}); passed over"
    hooks.start(run)
    return f"run {run.id} failed: {message}"


def move(home: Home, run: RunDir, position: int) -> int:
    """Put a queued run at this place, 1 the next to go; gives the place that it has now.

    Among runs of another priority it takes theirs.
    """
    with tickets.locked(home):
        line = tickets.waiting(home)
        ticket = next((each for each in line if each.id == run.id), None)
        if ticket is None:
            raise RunError(f"run {run.id} does not wait in the queue (any more); `etlgan queue` lists what does")
        line.remove(ticket)
        at = min(max(position, 1), len(line) + 1) - 1
        priority = _priority(ticket, line, at)
        line.insert(at, ticket._replace(priority=priority))
        if priority != ticket.priority:
            edit_meta(run, priority=priority)
        _renumber(home, line, at)
    return at + 1


def _priority(ticket: Ticket, others: list[Ticket], at: int) -> int:
    """The one closest to its own with which it can stand there."""
    highest = others[at - 1].priority if at else max(ticket.priority, others[0].priority if others else 0)
    lowest = others[at].priority if at < len(others) else min(ticket.priority, highest)
    return min(max(ticket.priority, lowest), highest)


def _renumber(home: Home, line: list[Ticket], at: int) -> None:
    """Give ticket `at` an order between its neighbours'; where there is no number between, all get new ones."""
    ticket = line[at]
    before = [other.order for other in line[:at] if other.priority == ticket.priority][-1:]
    after = [other.order for other in line[at + 1 :] if other.priority == ticket.priority][:1]
    low = before[0] if before else after[0] - 2 if after else ticket.order - 1
    high = after[0] if after else low + 2
    if low < (low + high) / 2 < high:
        tickets.write(home, ticket._replace(order=(low + high) / 2))
        return
    for number, other in enumerate(line):
        tickets.write(home, other._replace(order=line[0].order + number))


def hold(home: Home, runs: list[RunDir], *, held: bool) -> None:
    """Let queued runs be passed over, or no more; without any, the whole queue."""
    if not runs:
        tickets.change_settings(home, paused=held)
    with tickets.locked(home):
        for run in runs:
            if ticket := tickets.read(run):
                tickets.write(home, ticket._replace(held=held))
            else:
                raise RunError(f"run {run.id} does not wait in the queue (any more); `etlgan queue` lists what does")
    if not held:
        waiter.revive(home)


def adopt(home: Home) -> int:
    """Let this host run what another one queued (or this one, when it had another name); gives how many."""
    with tickets.locked(home):
        others = [ticket for ticket in tickets.waiting(home) if ticket.host != alive.host()]
        for ticket in others:
            tickets.write(home, ticket._replace(host=alive.host()))
    waiter.revive(home)
    return len(others)


def position(home: Home, run_id: str) -> int:
    """1 for the next to go, 0 for a run that does not wait."""
    return next((at for at, ticket in enumerate(tickets.waiting(home), 1) if ticket.id == run_id), 0)
