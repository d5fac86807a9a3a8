"""Commands that change a run from outside: stop it, say something about it, move it to the trash and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from etlgan_tui.cli import index, options, terminal

if TYPE_CHECKING:
    from core.rundir import RunDir

_PATIENCE = 10.0  # seconds that `stop` waits to see what comes of it


def stop(
    text: options.Run,
    kill_after: Annotated[
        float | None,
        typer.Option("--kill-after", metavar="S", min=0, help="Kill it if it still runs after S seconds."),
    ] = None,
    folder: options.HomeFolder = None,
) -> None:
    """Ask a run to finish its step, save and stop.

    `etlgan resume RUN` goes on from there.
    """
    from core.runs import launcher

    run = options.run(folder, text)
    terminal.say(terminal.clean(launcher.stop(run, kill_after=kill_after, wait=_PATIENCE)))
    index.update(options.home(folder), [run.id])


def name(
    text: options.Run,
    new: Annotated[str, typer.Argument(metavar="NAME", help="What to call it from now on.")],
    folder: options.HomeFolder = None,
) -> None:
    """Give a run another name."""
    from core.runs.find import namesakes

    run = _edit(text, folder, name=new)
    if others := namesakes(options.home(folder), run):
        terminal.tell(f"etlgan: that is also the name of {others[0]}; the name alone means the newest of them")


def tag(
    text: options.Run,
    tags: Annotated[list[str], typer.Argument(metavar="TAG...", help="Tags to add; -TAG (after --) takes one away.")],
    folder: options.HomeFolder = None,
) -> None:
    """Add tags to a run, or take them away.

    `etlgan tag RUN good` adds one, `etlgan tag RUN -- -good` takes it away.
    """
    from core.runs.meta import read_meta

    kept = list(read_meta(options.run(folder, text)).tags)
    for each in tags:
        if each.startswith("-"):
            kept = [other for other in kept if other != each[1:]]
        else:
            kept.append(each)
    _edit(text, folder, tags=kept)


def note(
    text: options.Run,
    words: Annotated[str, typer.Argument(metavar="TEXT", help="The remark; an empty one removes it.")],
    folder: options.HomeFolder = None,
) -> None:
    """Keep a remark with a run; it replaces the one before."""
    _edit(text, folder, note=words)


def rm(
    texts: Annotated[list[str], typer.Argument(metavar="RUN...", help="Runs: ids, unique beginnings, names, last.")],
    folder: options.HomeFolder = None,
) -> None:
    """Move runs to the trash folder.

    A live run is refused. `etlgan restore` brings one back.
    """
    from core.runs import launcher

    home = options.home(folder)
    runs = {run.id: run for run in (options.run(folder, text) for text in texts)}  # all of them are known, or none goes
    try:
        for run in runs.values():
            terminal.say(terminal.clean(launcher.remove(home, run)))
    finally:
        index.update(home, list(runs))
    terminal.tell(f"`etlgan restore {' '.join(runs)}` brings back")


def restore(
    texts: Annotated[list[str], typer.Argument(metavar="RUN...", help="Removed runs: ids, beginnings of ids, names.")],
    folder: options.HomeFolder = None,
) -> None:
    """Bring removed runs back from the trash."""
    from core.runs import launcher

    home, back = options.home(folder), list[str]()
    try:
        for text in texts:
            run = launcher.restore(home, text)
            back.append(run.id)
            terminal.say(terminal.clean(run.path))
    finally:
        index.update(home, back)


def _edit(text: str, folder: Path | None, **changes: Any) -> RunDir:
    from core.runs.meta import edit_meta

    run = options.run(folder, text)
    meta = edit_meta(run, **changes)
    index.update(options.home(folder), [meta.id])
    tags = f"  [{', '.join(meta.tags)}]" if meta.tags else ""
    words = f"  {meta.note}" if meta.note else ""
    terminal.say(terminal.clean(f"{meta.id}  {meta.name}{tags}{words}"))
    return run
