"""`etlgan bench quality`: how soon a preset is good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from etlgan_tui.cli import options, terminal
from etlgan_tui.cli.bench import options as asked

if TYPE_CHECKING:
    from core.studies.quality import Row


def quality(
    preset: asked.Preset = "hiragana-a-ka",
    seeds: Annotated[int, typer.Option(metavar="N", min=1, max=100, help="How many seeds, from 0.")] = 3,
    floor: Annotated[
        bool, typer.Option("--floor", help="Also recipe classic with labels added, ten times as long at most.")
    ] = False,
    assignments: asked.Changes = None,
    as_json: options.Json = False,
    folder: options.HomeFolder = None,
) -> None:
    """Time training until the judge reads enough of the generated characters as asked.

    How many are enough is train.target. Ordinary runs, one a seed, that the judge (trained on other writers, before
    the clock starts) looks at every 50 steps, and that end when the target is reached. Seconds of training leave the
    judge's looks, pictures and checkpoints out; wall seconds are from the command until then, everything included.
    """
    from core import config
    from core.studies import quality as study

    home = options.home(folder)
    changes = config.parse_assignments(assignments or [])
    rows = study.measure(home, preset, changes, seeds=seeds, floor=floor, tell=terminal.tell)
    summary = study.summary(rows)
    if as_json:
        terminal.say_json({"rows": [row._asdict() for row in rows], "summary": summary})
        return
    head = ("what", "run", "training", "wall", "of it judging", "images", "read right", "worst")
    for text in terminal.table(head, [_cells(row) for row in rows], right=frozenset(head[2:])):
        terminal.say(text)
    if summary["median"] is not None:
        terminal.say(f"median {summary['median']:.1f} s of training, slowest {summary['highest']:.1f} s")
    if summary["sooner_than_classic"] is not None:
        least = "" if rows[-1].reached else "at least "
        terminal.say(f"{least}{summary['sooner_than_classic']:.1f} times sooner than classic with labels")


def _cells(row: Row) -> tuple[str, ...]:
    seconds = f"{row.seconds:.1f} s" if row.reached else f"not in {row.seconds:.0f} s"
    return (
        terminal.clean(row.name),
        row.run,
        seconds,
        f"{row.wall:.1f} s",
        f"{row.judging:.1f} s",
        f"{row.images:,}",
        f"{row.read:.2%}",
        f"{row.worst:.1%}",
    )
