"""`etlgan bench data`: how fast ETL files are read, and how clean the preparation leaves their cells."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from etlgan_tui.cli import options as shared
from etlgan_tui.cli import terminal

if TYPE_CHECKING:
    from core.glyphs.cells.score import Score
    from core.glyphs.etl.bench import Figure

_PROMISED = "lost: under 0.5 %; neighbours, frames and paper left: under 1 %"


def data(
    files: Annotated[
        int, typer.Option(metavar="N", min=1, max=50, help="Files of 100 MB that are written and read.")
    ] = 10,
    writers: Annotated[
        int, typer.Option(metavar="N", min=1, max=10_000, help="Of 46 cells each, for every geometry.")
    ] = 110,
    where: Annotated[
        Path | None, typer.Option("--folder", metavar="FOLDER", help="Of the files, for a while; default: temporary.")
    ] = None,
    as_json: shared.Json = False,
) -> None:
    """Time reading and preparing ETL data, and score the preparation.

    On synthetic files of the true sizes, deleted at the end, and on as-scanned cells of the embedded pen, whose truth
    is known: shares of the character's own ink that is lost, and of what does not belong to it that is left, by weight.
    """
    from core.glyphs.cells import score
    from core.glyphs.etl import bench

    with tempfile.TemporaryDirectory(prefix="etlgan-bench-", dir=where) as folder:
        figures = [_said(figure, as_json=as_json) for figure in bench.measure(Path(folder), files=files)]
    scores = {}
    for name, (width, height, levels) in score.GEOMETRIES.items():
        scores[name] = score.score(width, height, levels, writers=writers)
    if as_json:
        terminal.say_json({"figures": [figure._asdict() for figure in figures],
                           "preparation": {name: row._asdict() for name, row in scores.items()}})  # fmt: skip
    else:
        _print(scores)


def _said(figure: Figure, *, as_json: bool) -> Figure:
    """A line as soon as it is known; writing and reading take a while."""
    if not as_json:
        value = f"{figure.value:,.0f}" if figure.value >= 100 else f"{figure.value:.3g}"
        promised = f"  ({figure.promised})" if figure.promised else ""
        terminal.say(f"{terminal.fit(figure.what, 62)} {value:>9} {figure.unit}{promised}")
    return figure


def _print(scores: dict[str, Score]) -> None:
    terminal.say()
    terminal.say(f"preparation, by weight of ink ({_PROMISED})")
    head = ("cells like", "cells", "own ink lost", "neighbours, frames left", "paper left", "cells/s")
    rows = [
        (name, f"{row.cells:,}", *(f"{100 * share:.3f} %" for share in (row.lost, row.left, row.paper)),
         f"{row.per_second:,.0f}")
        for name, row in scores.items()
    ]  # fmt: skip
    for line in terminal.table(head, rows, right=frozenset(head[1:])):
        terminal.say(line)
