"""`etlgan bench`: the speeds that are promised, measured on this machine. One small module a command."""

from __future__ import annotations

from collections.abc import Mapping

import typer

from etlgan_tui.cli.lazy import LazyGroup, Place

COMMANDS: Mapping[str, Place] = {
    "cli": Place("bench.start:cli", "Time the start of commands."),
    "train": Place("bench.speed:train", "Time training against the public script's arithmetic."),
    "scaling": Place("bench.speed:scaling", "What an update costs as batch, size, classes and resolution grow."),
    "devices": Place("bench.devices:devices", "What one run on two devices costs against two runs side by side."),
    "quality": Place(
        "bench.quality:quality", "Time training until the judge reads enough of the generated characters as asked."
    ),
    "overhead": Place("bench.overhead:overhead", "Measure what a run spends beside training, and how soon it begins."),
    "data": Place("bench.data:data", "Time reading and preparing ETL data, and score the preparation."),
    "export": Place("bench.export:export", "Time exports: drawing, encoding and writing."),
    "ui": Place("bench.ui:ui", "Measure what the dashboard promises: first paint, stop, long runs, streams."),
    "record": Place(
        "bench.records:record",
        "Run the benchmarks one after another and keep their figures with machine, versions and commit.",
    ),
    "figures": Place("bench.records:figures", "Show the figures that are promised beside what a record says."),
    "compare": Place(
        "bench.records:compare",
        "Two records side by side, and the ratio of their figures; ranges that overlap are said to.",
    ),
}


class Commands(LazyGroup):
    """The table above."""

    places = COMMANDS


app = typer.Typer(cls=Commands, rich_markup_mode=None, no_args_is_help=True, help="Measure the speeds of this machine.")
