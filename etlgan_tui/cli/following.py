"""What follows once a run was started, resumed or made again: watch it to its end, or leave it to itself."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from etlgan_tui.cli import options, terminal

if TYPE_CHECKING:
    from core.rundir import Home, RunDir
    from core.runs.state import State
    from etlgan_tui.cli.watch import Watched

_WIDEST = 160  # columns of a picture in the terminal
Detach = Annotated[bool, typer.Option("--detach", help="Return at once; print the run's id.")]
Queue = Annotated[bool, typer.Option("--queue", help="Let it wait for a free slot (`etlgan queue`); return at once.")]
Events = Annotated[bool, typer.Option("--json", help="Print the events, one JSON line each; words go to stderr.")]


@contextmanager
def ctrl_c_tells() -> Iterator[None]:
    """Before the watching begins (it handles Ctrl-C itself) a run may have been started already."""
    try:
        yield
    except KeyboardInterrupt:
        terminal.tell("interrupted; if the run had started it goes on: `etlgan ls` tells")
        raise


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """`kill`, as `etlgan sweep stop` and service managers do it, ends a long command as Ctrl-C does."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def watching(run: RunDir) -> Watched:
    """Its events so far. No configuration, or a damaged one: ConfigError or RunError."""
    from etlgan_tui.cli.watch import Watched

    return Watched(run, options.config(run))


def leave(run: RunDir, verb: str, folder: Path | None) -> None:
    """Say its id, and what to type."""
    terminal.say(run.id)
    terminal.tell(
        f"{verb}; `{_command('show', run, folder)}` tells how it goes, `{_command('stop', run, folder)}` ends it"
    )


def leave_queued(run: RunDir, home: Home, folder: Path | None) -> None:
    """Where it stands, unless its turn has come already."""
    from core.runs import queue

    terminal.say(run.id)
    at = queue.position(home, run.id)
    stands = f"queued, number {at}" if at else "queued, and its turn has come"
    terminal.tell(f"{stands}; `etlgan queue` lists, `{_command('stop', run, folder)}` takes it out")


def _command(verb: str, run: RunDir, folder: Path | None) -> str:
    """What to type, with --home where it was given."""
    return f"etlgan {verb} {run.id}" + (f" --home {shlex.quote(str(folder))}" if folder else "")


def follow(watched: Watched, home: Home, folder: Path | None, *, as_json: bool) -> None:
    """Until it ends or is left, and say what came of it; leaves by typer.Exit with the run's exit code."""
    from core.runs import launcher
    from etlgan_tui.cli import index, states, watch

    run = watched.run
    terminal.tell(f"run {run.id} in {terminal.clean(run.path)}")
    state = watch.watch(watched, stop=lambda: launcher.stop(run), as_json=as_json)
    index.update(home, [run.id])
    if state.kind == "finished":
        _pictures(watched, quiet=as_json)
    elif state.kind == "stopped":
        terminal.tell(f"stopped at step {watched.progress.step:,}; `{_command('resume', run, folder)}` goes on")
    elif state.kind in watch.ALIVE:
        stop = _command("stop", run, folder)
        terminal.tell(f"still {state.kind}, left to itself; `{stop} --kill-after 10` ends it for sure")
        raise typer.Exit(130)
    else:
        _failure(watched, state, folder)
    raise typer.Exit(states.look(state.kind).exit_code)


def _failure(watched: Watched, state: State, folder: Path | None) -> None:
    from etlgan_tui.cli import logs

    run, finished = watched.run, watched.progress.finished
    detail = f" ({state.detail})" if state.detail else ""
    message = finished.message if finished and finished.message else state.message
    if not finished:
        for text in logs.last_lines(run.console, 8):
            terminal.tell(f"  {text}")
    why = f": {message}" if message else ""
    terminal.tell(terminal.clean(f"etlgan: run {run.id} {state.kind}{detail}{why}; `{_command('logs', run, folder)}`"))


def _pictures(watched: Watched, *, quiet: bool) -> None:
    """Where they are, and the newest samples themselves."""
    run = watched.run
    if quiet:
        terminal.tell(f"finished; pictures in {terminal.clean(run.path)}")
        return
    if terminal.shows_unicode(sys.stdout):
        for text in grid(watched):
            terminal.say(text)
    for path in (run.grid, run.traversal, run.losses, run.progress):
        if path.exists():
            terminal.say(terminal.clean(path))


def grid(watched: Watched) -> list[str]:
    """The last samples as text; a damaged picture is told and costs nothing."""
    from core.errors import DataError
    from etlgan_tui.cli import samples

    try:
        return samples.final(watched.run, watched.progress.history.newest(), columns=min(terminal.width(), _WIDEST))
    except DataError as error:
        terminal.tell(f"etlgan: {terminal.clean(error)}")
        return []
