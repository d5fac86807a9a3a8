"""`etlgan bench quality`: how soon a preset is good, and how good it gets."""

from __future__ import annotations

from typing import Annotated

import typer

from etlgan_tui.cli import options, terminal


def quality(
    preset: Annotated[str, typer.Argument(metavar="PRESET", help="Which experiment.")] = "hiragana-a-ka",
    seeds: Annotated[int, typer.Option(metavar="N", min=1, max=100, help="How many seeds, from 0.")] = 3,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Any setting; repeatable.")
    ] = None,
    per_char: Annotated[int, typer.Option("--per-char", metavar="N", min=2, help="Images a character to judge.")] = 500,
    as_json: options.Json = False,
    folder: options.HomeFolder = None,
) -> None:
    """Train a preset with several seeds, as ordinary runs one after another, and let the judge read the results.

    The judge is a small network trained on other writers; generated characters come from the final checkpoint's moving
    average. Seconds are from the command to the final pictures.
    """
    from core import config
    from core.studies import quality as study

    home = options.home(folder)
    changes = config.parse_assignments(assignments or [])
    rows = []
    for seed in range(seeds):
        row = study.one(home, preset, changes | {"seed": seed}, per_char=per_char, tell=terminal.tell)
        rows.append(row)
        terminal.tell(study.told(row))
    if as_json:
        terminal.say_json([row._asdict() for row in rows])
        return
    head = ("run", "seconds", "read right", "worst", "judge on real", "spread")
    for text in terminal.table(head, [study.cells(row) for row in rows], right=frozenset(head[1:])):
        terminal.say(text)
    terminal.say(study.summary(rows))
