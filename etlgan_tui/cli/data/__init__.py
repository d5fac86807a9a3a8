"""`etlgan data`: look at data, check it, prepare it, take it out. One small module a command."""

from __future__ import annotations

from collections.abc import Mapping

import typer

from etlgan_tui.cli.lazy import LazyGroup, Place

COMMANDS: Mapping[str, Place] = {
    "ls": Place("data.listing:ls", "List the sources that are known."),
    "show": Place("data.show:show", "Show what a source holds, and how it looks."),
    "verify": Place("data.verify:verify", "Check ETL files against what AIST published."),
    "prepare": Place("data.prepare:prepare", "Make a training set in the cache, ahead of a run."),
    "export": Place("data.export:export", "Write ETL cells as PNG files, with all their fields."),
    "cache": Place("data.cache:cache", "List or delete what was prepared."),
}


class Commands(LazyGroup):
    """The table above."""

    places = COMMANDS


app = typer.Typer(
    cls=Commands, rich_markup_mode=None, no_args_is_help=True, help="Look at data, check it, prepare it, export it."
)
