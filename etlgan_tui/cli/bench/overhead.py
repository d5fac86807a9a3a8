"""`etlgan bench overhead`: what stands in the way of training."""

from __future__ import annotations

from typing import Annotated

import typer

from etlgan_tui.cli import options, terminal
from etlgan_tui.cli.bench import options as asked


def overhead(
    preset: asked.Preset = "hiragana-a-ka",
    repeat: Annotated[int, typer.Option(metavar="N", min=1, max=100, help="Starts that are timed.")] = 3,
    assignments: asked.Changes = None,
    as_json: options.Json = False,
    folder: options.HomeFolder = None,
) -> None:
    """Measure what a run spends beside training, and how soon it begins.

    Promised are at most 3 % for events, pictures, checkpoints and scores at a run's own intervals, by the loop's own
    clock (500 updates; --set train.score_every=500 has the judge look too), and 4 s from the command to the first
    update, with glyphs in the cache.
    """
    from statistics import median

    from core import config
    from core.studies import overhead as study

    home, changes = options.home(folder), config.parse_assignments(assignments or [])
    starts = study.first_step(home, preset, changes, repeat=repeat, tell=terminal.tell)
    found = study.measure(home, preset, changes)
    if as_json:
        start = {"name": "first update", "median": median(starts), "lowest": min(starts), "highest": max(starts)}
        terminal.say_json({**found._asdict(), "start": start})
        return
    rows = [
        (name, f"{seconds:.2f} s", f"{found.shares[name]:.2%}" if name in found.shares else "")
        for name, seconds in found.spent.items()
    ]
    for text in terminal.table(("spent on", "seconds", "share"), rows, right=frozenset({"seconds", "share"})):
        terminal.say(text)
    terminal.say(f"{found.whole:.2%} beside training (3 % promised)")
    terminal.say(f"first update {median(starts):.2f} s after the command (4 s promised)")
