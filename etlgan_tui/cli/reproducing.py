"""`etlgan rerun`, `bundle` and `import`: make a run again, send it, bring it in elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from etlgan_tui.cli import following, index, options, terminal

if TYPE_CHECKING:
    from core.rundir import RunDir
    from core.runs.rerun import Again


def rerun(
    text: options.Run,
    name: Annotated[str, typer.Option(metavar="TEXT", help="A name for the new run.", show_default=False)] = "",
    detach: following.Detach = False,
    queue: following.Queue = False,
    as_json: following.Events = False,
    folder: options.HomeFolder = None,
) -> None:
    """Make a run again: same configuration, device, precision and threads.

    Refused where the data is not what it was. On a CPU of the same kind, with the same code, the events are equal to
    the last digit; that is checked once both are finished. The exit code is the run's, as with `run`.
    """
    from core.runs import launcher, rerun

    home, before = options.home(folder), options.run(folder, text)
    again = rerun.plan(before)
    _check_data(before, again)
    _tell(again)
    with following.ctrl_c_tells():
        run = launcher.start(home, again.config, name=name, parent=before.id, queued=queue)
        if queue:
            following.leave_queued(run, home, folder)
            return
        if detach:
            following.leave(run, "started", folder)
            return
        try:
            following.follow(following.watching(run), home, folder, as_json=as_json)
        except typer.Exit as end:
            if end.exit_code == 0:
                _tell_equal(before, run)
            raise


def bundle(
    text: options.Run,
    out: Annotated[Path, typer.Argument(metavar="FILE", help="The ZIP file to write.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    folder: options.HomeFolder = None,
) -> None:
    """Pack a run into one file: configuration, events, pictures, best checkpoint, environment.

    The environment names the machine, its folders and the uncommitted changes of the code: look before you publish it.
    """
    from core.rundir import expanded
    from core.runs import bundle

    packed = bundle.pack(options.run(folder, text), expanded(out).absolute(), replace=force)
    terminal.say(terminal.clean(out))
    terminal.tell(f"{packed.files} files, {terminal.size(packed.bytes)}; `etlgan import {terminal.clean(out)}`")


def import_(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `etlgan bundle` wrote.")],
    as_new: Annotated[
        bool, typer.Option("--as-new", help="Under a new id, also where a run of its own id is here already.")
    ] = False,
    folder: options.HomeFolder = None,
) -> None:
    """Bring in a run that `etlgan bundle` packed, once every file in it has been verified."""
    from core.rundir import expanded
    from core.runs import unbundle

    home = options.home(folder)
    packed = unbundle.bring_in(home, expanded(path).absolute(), as_new=as_new)
    index.update(home, [packed.run.id])
    terminal.say(packed.run.id)
    terminal.tell(f"{packed.files} files verified; `etlgan show {packed.run.id}`")


def _check_data(before: RunDir, again: Again) -> None:
    from core.errors import DataError
    from core.glyphs import glyphset

    now = glyphset.fingerprint(again.config.data)
    if again.data and now != again.data:
        raise DataError(
            f"{terminal.clean(again.config.data.source)}: is not what run {before.id} was trained on "
            f"(fingerprint {terminal.clean(again.data)[:40]} then, {now} now); put the same data there"
        )
    if not again.data:
        terminal.tell("etlgan: the run did not record which data it was trained on: that cannot be checked")


def _tell(again: Again) -> None:
    for note in again.notes:
        terminal.tell(f"etlgan: {terminal.clean(note)}")
    for line in again.changes:
        terminal.tell(f"  {terminal.clean(line)}")


def _tell_equal(before: RunDir, run: RunDir) -> None:
    from core.runs import rerun

    difference = rerun.first_difference(before, run)
    if difference:
        terminal.tell(terminal.clean(f"not equal to run {before.id}: {difference}"))
    else:
        terminal.tell(f"equal to run {before.id} to the last digit, times aside")
