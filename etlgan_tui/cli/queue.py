"""`etlgan queue`: what waits for a free slot, in which order; move it, pause it, take it out."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from etlgan_tui.cli import index, options, terminal
from etlgan_tui.cli.quick import QuickCommand, QuickGroup

if TYPE_CHECKING:
    from pathlib import Path

    from core.rundir import Home
    from core.runs.queue import Look

app = typer.Typer(
    cls=QuickGroup,
    rich_markup_mode=None,
    help="Runs that wait for a free slot (`etlgan run --queue`): list, move, pause, cancel.",
)
_Runs = Annotated[list[str] | None, typer.Argument(metavar="[RUN...]", help="Queued runs; none: the whole queue.")]


@app.callback(invoke_without_command=True)
def listing(context: typer.Context, as_json: options.Json = False, folder: options.HomeFolder = None) -> None:
    """List what waits, next to go first; nobody waiting for it is set right."""
    if context.invoked_subcommand is not None:
        return
    from core.runs import queue

    home = options.home(folder)
    index.kick(home)
    found = queue.look(home)
    if as_json:
        terminal.say_json(_tree(found))
        return
    for line in _lines(home, found):
        terminal.say(line)


def slots(
    number: Annotated[
        str, typer.Argument(metavar="[N|auto]", help="Runs at a time; auto: one for each GPU, else one.")
    ] = "",
    folder: options.HomeFolder = None,
) -> None:
    """Say, or set, how many runs go at a time."""
    from core.errors import ConfigError
    from core.runs import slots, tickets, waiter

    home = options.home(folder)
    if number:
        if number != "auto" and not (number.isdecimal() and 1 <= int(number) <= tickets.MOST_SLOTS):
            raise ConfigError(f"slots {number}: must be 1 .. {tickets.MOST_SLOTS}, or auto")
        tickets.change_settings(home, slots=0 if number == "auto" else int(number))
        waiter.revive(home)
    terminal.say(terminal.clean(_slots(slots.count(home), slots.gpus(), automatic=not tickets.settings(home).slots)))


def move(
    text: options.Run,
    place: Annotated[str, typer.Argument(metavar="PLACE", help="1 is next to go; first, last, or a number.")],
    folder: options.HomeFolder = None,
) -> None:
    """Put a queued run elsewhere in the line; among runs of another priority it takes theirs."""
    from core.errors import ConfigError
    from core.runs import queue, tickets

    words = {"first": 1, "last": 1 << 30}
    if place not in words and not (place.isdecimal() and int(place) >= 1):
        raise ConfigError(f"place {place}: must be first, last, or a number from 1 on")
    home, run = options.home(folder), options.run(folder, text)
    at = queue.move(home, run, words.get(place) or int(place))
    index.update(home, [run.id])
    terminal.say(f"run {terminal.clean(run.id)} is number {at} of {len(tickets.waiting(home))}")


def priority(
    text: options.Run,
    number: Annotated[int, typer.Argument(metavar="N", help="0 is usual; higher goes first. Negative: after --.")],
    folder: options.HomeFolder = None,
) -> None:
    """Give a run another priority; equal ones go first come, first served."""
    from core.errors import ConfigError
    from core.runs import queue
    from core.runs.meta import edit_meta

    if abs(number) >= 2**31:
        raise ConfigError(f"priority {number}: must be within 2,147,483,647 of 0")
    home, run = options.home(folder), options.run(folder, text)
    edit_meta(run, priority=number)
    index.update(home, [run.id])
    at = queue.position(home, run.id)
    terminal.say(terminal.clean(f"run {run.id} has priority {number}" + (f", number {at} in the queue" if at else "")))


def pause(texts: _Runs = None, folder: options.HomeFolder = None) -> None:
    """Start nothing more; what runs goes on. With RUN...: pass these over."""
    _hold(texts, folder, held=True)


def go(
    texts: _Runs = None,
    here: Annotated[bool, typer.Option("--here", help="Also run here what was queued on another host.")] = False,
    folder: options.HomeFolder = None,
) -> None:
    """Go on after `pause`, or after a restart of the machine."""
    from core.runs import queue

    if here:
        terminal.tell(f"{queue.adopt(options.home(folder))} of another host will run here")
    _hold(texts, folder, held=False)


def cancel(
    texts: Annotated[list[str], typer.Argument(metavar="RUN...", help="Queued runs; all: every one of them.")],
    folder: options.HomeFolder = None,
) -> None:
    """Take runs out of the queue.

    They stay in the list as stopped, and `etlgan resume` starts them.
    """
    from core.errors import RunError
    from core.runs import launcher, tickets

    home = options.home(folder)
    runs = [home.run(run_id) for run_id in tickets.ids(home)] if texts == ["all"] else _found(texts, folder)
    for run in runs:
        if launcher.cancel(run):
            terminal.say(terminal.clean(f"run {run.id} was taken out of the queue"))
        elif texts != ["all"]:  # else its turn has come meanwhile
            raise RunError(f"run {run.id} does not wait in the queue; `etlgan queue` lists what does")
    index.update(home, [run.id for run in runs])


COMMANDS: dict[str, Callable[..., None]] = {
    "slots": slots,
    "move": move,
    "priority": priority,
    "pause": pause,
    "go": go,
    "cancel": cancel,
}
for _name, _function in COMMANDS.items():
    app.command(_name, cls=QuickCommand)(_function)


def _hold(texts: list[str] | None, folder: Path | None, *, held: bool) -> None:
    from core.runs import queue

    home, runs = options.home(folder), _found(texts or [], folder)
    queue.hold(home, runs, held=held)
    if runs:
        for run in runs:
            terminal.say(terminal.clean(f"run {run.id} {'is passed over' if held else 'waits its turn again'}"))
        return
    number = len(queue.look(home).waiting)
    terminal.say(f"the queue {'is paused' if held else 'goes on'}; {number} waiting")


def _found(texts: list[str], folder: Path | None) -> list[Any]:
    return list({run.id: run for run in (options.run(folder, text) for text in texts)}.values())


def _tree(found: Look) -> dict[str, Any]:
    waiting = [{"place": at, **ticket._asdict()} for at, ticket in enumerate(found.waiting, 1)]
    running = [place._asdict() for place in found.running]
    return {"slots": found.slots, "paused": found.paused, "running": running, "waiting": waiting}


def _lines(home: Home, found: Look) -> list[str]:
    from core.runs.meta import read_meta

    rows = [
        (str(place.slot) if place.slot >= 0 else "-", read_meta(home.run(place.id)).name, place.id, "", "", "running")
        for place in found.running
    ]
    now = time.time()
    for at, ticket in enumerate(found.waiting, 1):
        words = ["passed over"] if ticket.held else []
        words += [f"for {ticket.host}"] if ticket.host != _here() else []
        waited = terminal.duration(now - ticket.queued)
        rows.append((f"#{at}", ticket.name, ticket.id, str(ticket.priority or ""), waited, ", ".join(words)))
    head = ("slot", "name", "run", "priority", "waits", "")
    lines = terminal.table(head, [tuple(map(terminal.clean, row)) for row in rows], give="name") if rows else []
    return [*lines, *([""] if rows else []), _summary(found)]


def _summary(found: Look) -> str:
    parts = [f"{len(found.waiting)} waiting, {len(found.running)} running, {found.slots} slot{'s'[: found.slots != 1]}"]
    parts += ["paused: `etlgan queue go` goes on"] if found.paused else []
    return "; ".join(parts)


def _slots(number: int, gpus: tuple[str, ...], *, automatic: bool) -> str:
    what = f"{len(gpus)} GPU{'s'[: len(gpus) != 1]}" if gpus else "no GPU"
    return f"{number} slot{'s'[: number != 1]} ({'automatic' if automatic else 'set'}; {what} here)"


def _here() -> str:
    from core.runs import alive

    return alive.host()
