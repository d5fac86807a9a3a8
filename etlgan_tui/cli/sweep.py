"""`etlgan sweep`: many queued runs of one preset, what came of them, and which settings were best."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from etlgan_tui import looks
from etlgan_tui.cli import index, options, sweep_search, sweep_tables, terminal, training

if TYPE_CHECKING:
    from core.rundir import Home
    from core.settings import RunConfig
    from core.studies.sweep import Sweep

# Which options go with what is asked; the rest would be passed over in silence.
_PLAN = {"--grid", "--random", "--search", "--prune", "--set", "--seeds", "--by"}
_START = {"--priority", "--on", "--dry-run"}
_TAKES = {
    "ls": {"--json"},
    "show": {"--by", "--all", "--json"},
    "stop": set[str](),
    "--resume": {"--resume", *_START},
    "": {*_PLAN, *_START},
}


def sweep(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="PRESET | show ID | stop ID | ls", help="A preset to sweep, or what to do with one."),
    ] = None,
    grids: Annotated[
        list[str] | None,
        typer.Option(
            "--grid",
            "--over",
            metavar="NAME=V,V",
            help="A field and its values; with --random and --search also LOW..HIGH. Repeatable.",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(metavar="N", min=1, max=1000, help="Runs of each configuration.")] = 1,
    draws: Annotated[
        int, typer.Option("--random", metavar="N", min=0, max=10_000, help="Draw N configurations; 0: all of the grid.")
    ] = 0,
    search: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            max=10_000,
            help="Try N configurations, each proposed by what came of those before (Optuna); works until all are done.",
        ),
    ] = 0,
    prune: Annotated[
        bool, typer.Option("--prune", help="With --search: stop what does worse on the way than half of the others.")
    ] = False,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="For all of them; repeatable.")
    ] = None,
    priority: Annotated[int, typer.Option(metavar="N", min=-(2**30), max=2**30, help="In the queue.")] = 0,
    on: Annotated[
        str, typer.Option("--on", metavar="WHERE", help="here, or slurm: one job of a cluster each.")
    ] = "here",
    again: Annotated[
        str, typer.Option("--resume", metavar="ID", help="Go on with this sweep.", show_default=False)
    ] = "",
    by: Annotated[
        str,
        typer.Option(
            "--by", metavar="ROW", help="show, --search: the number to go by; usually overall.", show_default=False
        ),
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be queued.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="show: every configuration.")] = False,
    as_json: options.Json = False,
    folder: options.HomeFolder = None,
) -> None:
    """Queue a run for every combination of some settings; `sweep show ID` tells what came of them.

    The same command again, or --resume ID, goes on: what finished is not repeated, the rest is queued again.
    """
    from core.errors import ConfigError
    from core.studies import sweep as sweeps

    home, asked = options.home(folder), list(words or [])
    verb = asked[0] if asked and asked[0] in ("show", "stop", "ls") else ""
    if len(asked) > (2 if verb in ("show", "stop") else 1):
        raise ConfigError(f"too many words: {' '.join(asked)}; a preset, or show ID, stop ID, ls")
    given = {
        "--grid": grids, "--random": draws, "--search": search, "--prune": prune, "--set": changes,
        "--seeds": seeds != 1, "--by": by, "--priority": priority, "--on": on != "here", "--dry-run": dry_run,
        "--resume": again, "--all": everything, "--json": as_json,
    }  # fmt: skip
    what = verb or ("--resume" if again else "")
    if unfit := [option for option, value in given.items() if value and option not in _TAKES[what]]:
        raise ConfigError(f"{' '.join(['sweep', *what.split()])} takes no {', '.join(unfit)}")
    which = asked[1] if asked[1:] else "last"
    if verb == "ls":
        sweep_tables.listing(home, as_json=as_json)
    elif verb == "show":
        sweep_tables.show(home, which, by, everything=everything, as_json=as_json)
    elif verb == "stop":
        _stop(home, which)
    elif again:
        if asked:
            raise ConfigError("--resume ID takes what the sweep was begun with: no preset")
        _go_on(home, sweeps.read(home, again), priority=priority, on=on, dry_run=dry_run)
    else:
        wanted = _planned(
            asked, changes or [], grids or [], draws=draws, seeds=seeds, search=search, by=by, prune=prune, on=on
        )
        _go_on(home, wanted, priority=priority, on=on, dry_run=dry_run)


def _planned(
    asked: list[str],
    changes: list[str],
    grids: list[str],
    *,
    draws: int,
    seeds: int,
    search: int,
    by: str,
    prune: bool,
    on: str,
) -> Sweep:
    from core.errors import ConfigError
    from core.studies import sweep as sweeps
    from core.studies import sweep_results as results

    if (by or prune) and not search:
        raise ConfigError("--by and --prune go with --search; `etlgan sweep show ID --by ROW` sorts any sweep")
    if search and on == "slurm":
        raise ConfigError("--search and --on slurm: choose one; --random N draws points without waiting for others")
    shared = training.asked(changes, on=on)
    objective = results.known(by or results.OVERALL) if search else ""
    preset = asked[0] if asked else ""
    return sweeps.plan(preset, shared, grids, draws=draws, seeds=seeds, search=search, by=objective, prune=prune)


def _go_on(home: Home, wanted: Sweep, *, priority: int, on: str, dry_run: bool) -> None:
    from core.studies import sweep as sweeps

    place = training.where(on, queue=False) or "here"
    points = list(sweeps.points(wanted))
    if dry_run:
        for point in points:
            told = " ".join(f"{name}={value}" for name, value in point.changes.items())
            terminal.say(terminal.clean(f"{told} seed={point.seed}"))
        terminal.tell(f"{looks.counted(wanted.wanted, 'run')}; nothing was queued")
        return
    _check(points[0].config if points else wanted.base, home, wanted.wanted)
    if wanted.search:
        sweep_search.search(home, wanted, priority=priority)
        return
    wanted = sweeps.keep(home, wanted)
    with index.opened(home) as store:
        new, more = sweeps.go_on(home, store, wanted, priority=priority, on=place)
    terminal.say(wanted.id)
    left = len(points) - new - more
    terminal.tell(
        f"{looks.counted(new, 'run')} queued"
        + (f", {more:,} go on" if more else "")
        + (f", {left:,} as they were" if left else "")
    )
    lists = "squeue --me" if place == "slurm" else "etlgan queue"
    terminal.tell(f"`{lists}` lists, `etlgan sweep show {wanted.id}` tells what came of them")


def _check(config: RunConfig, home: Home, runs: int) -> None:
    """Data that are not there are told now, not by every run at its turn; likewise a disk that is too small."""
    from core.glyphs import repertoire
    from etlgan_tui.draft import characters_of
    from etlgan_tui.estimate import disk_warning

    characters_of(config.data)
    classes = len(repertoire.characters(config.data.chars))
    if warning := disk_warning(config, classes=classes, folder=home.root, runs=runs):
        terminal.tell(terminal.clean(f"etlgan: {warning}"))


def _stop(home: Home, text: str) -> None:
    """Take what waits out of the queue and ask what runs to stop."""
    from core.errors import RunError
    from core.runs import launcher
    from core.studies import driver
    from core.studies import sweep as sweeps

    found = sweeps.read(home, text)
    if driver.leave(home, found):
        terminal.tell("the command that worked on it ends")
    with index.opened(home) as store:
        alive = [
            child.row.id
            for child in sweeps.children(home, store, found)
            if child.row and child.state and child.state.kind in ("queued", "running")
        ]
    waiting_first = sorted(alive, key=lambda run_id: not home.run(run_id).ticket.exists())
    for run_id in waiting_first:
        try:
            terminal.say(terminal.clean(launcher.stop(home.run(run_id))))
        except RunError as error:  # it ended meanwhile
            terminal.tell(terminal.clean(error))
    index.update(home, alive)
    terminal.tell(f"`etlgan sweep --resume {found.id}` goes on")
