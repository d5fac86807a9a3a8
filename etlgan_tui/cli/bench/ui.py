"""`etlgan bench ui`: what the dashboard promises, measured."""

from __future__ import annotations

from typing import Annotated

import typer

from etlgan_tui.cli import options, terminal


def ui(
    runs: Annotated[int, typer.Option(metavar="N", min=1, max=100_000, help="Runs in the store.")] = 10_000,
    repeat: Annotated[int, typer.Option(metavar="N", min=1, max=100, help="How often each is timed.")] = 5,
    seconds: Annotated[float, typer.Option(metavar="S", min=2, max=600, help="Of streaming, twice.")] = 10.0,
    as_json: options.Json = False,
) -> None:
    """Measure what the dashboard promises: first paint, stop, long runs, streams.

    On a machine that does nothing else; about two minutes.
    """
    from etlgan_tui import bench

    rows = []
    for figure in bench.figures(runs=runs, repeat=repeat, seconds=seconds):
        terminal.tell(f"{figure.name}: {figure.median:.3g} {figure.unit}")
        rows.append(figure)
    if as_json:
        terminal.say_json([{**figure._asdict(), "kept": figure.kept} for figure in rows])
        return
    head = ("figure", "median", "worst", "cpu", "limit", "unit", "samples", "kept")
    cells = [
        (each.name, f"{each.median:.3g}", f"{each.worst:.3g}", terminal.number(each.cpu, ".3g"), f"{each.limit:g}",
         each.unit, str(each.samples), "yes" if each.kept else "no")
        for each in rows
    ]  # fmt: skip
    for text in terminal.table(head, cells, right=frozenset({"median", "worst", "cpu", "limit", "samples"})):
        terminal.say(text)
