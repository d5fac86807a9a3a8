"""`etlgan gc`: say what nobody needs any more and how much it is, then delete it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from etlgan_tui.cli import options, terminal

if TYPE_CHECKING:
    from pathlib import Path

    from core.rundir import RunDir
    from core.runs.retention import Item

_WORDS = {
    "checkpoints": "checkpoints that are neither a run's best nor its last",
    "trash": "removed runs (`etlgan restore` cannot bring them back then)",
    "caches": "prepared data and judges (made again when needed)",
    "drafts": "what processes that died left half made",
}


def gc(
    kinds: Annotated[
        list[str] | None, typer.Argument(metavar="[KIND...]", help="checkpoints, trash, caches, drafts; none: all.")
    ] = None,
    days: Annotated[
        float, typer.Option("--older", metavar="DAYS", min=0, help="Only what was not touched for so long.")
    ] = 7.0,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    as_json: options.Json = False,
    folder: options.HomeFolder = None,
) -> None:
    """Make room: old checkpoints, the trash, caches, leftovers of dead processes.

    It says how much before it deletes. A run's best and last checkpoint stay, and so does everything of a live run.
    """
    from core.errors import ConfigError
    from core.runs import retention

    wanted = [kind for kind in retention.KINDS if kind in (kinds or retention.KINDS)]
    if unknown := set(kinds or ()) - set(retention.KINDS):
        raise ConfigError(f"{', '.join(sorted(unknown))}: not known here; choose from {', '.join(retention.KINDS)}")
    home = options.home(folder)
    items = retention.look(home, keeps=_kept, days=days, kinds=wanted)
    if as_json:
        if yes and not dry_run:
            freed, problems = retention.delete(home, items)
            terminal.say_json({"freed": freed, "problems": problems})
            if problems:
                raise typer.Exit(1)
        else:
            terminal.say_json([{**item._asdict(), "path": str(item.path)} for item in items])
        return
    for line in _lines(items, wanted):
        terminal.say(line)
    if not items or dry_run or not (yes or _agreed(items)):
        return
    freed, problems = retention.delete(home, items)
    for problem in problems:
        terminal.tell(terminal.clean(f"etlgan: {problem}"))
    terminal.say(f"{terminal.size(freed)} freed")
    if problems:
        raise typer.Exit(1)


def _kept(run: RunDir) -> set[Path]:
    from core.gan import saved

    found = saved.everything(run)
    return {saved.best_of(found).path, found[-1].path} if found else set()


def _lines(items: list[Item], wanted: Sequence[str]) -> list[str]:
    rows = []
    for kind in wanted:
        mine = [item for item in items if item.kind == kind]
        rows.append((terminal.size(sum(item.bytes for item in mine)), f"{len(mine):,}", _WORDS[kind]))
    total = (terminal.size(sum(item.bytes for item in items)), f"{len(items):,}", "in all")
    return terminal.table(("size", "number", "what"), [*rows, total], right=frozenset(("size", "number")))


def _agreed(items: list[Item]) -> bool:
    """Asked on a terminal; elsewhere --yes has to be given."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        terminal.tell("nothing was deleted; --yes deletes it")
        return False
    sys.stdout.write(f"delete these {len(items):,}? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
