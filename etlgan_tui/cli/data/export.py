"""`etlgan data export`: ETL cells as PNG files with every field beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from etlgan_tui import looks
from etlgan_tui.cli import terminal
from etlgan_tui.cli.data import options
from etlgan_tui.cli.data.bar import progress_bar


def export(
    source: options.Source,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A new or empty folder.")],
    chars: options.Chars = None,
    where: options.Where = "",
    with_models: options.WithModels = False,
    strict: options.Strict = False,
    per_char: Annotated[
        int | None, typer.Option("--per-char", metavar="N", min=1, help="The first N of each; default: all.")
    ] = None,
    black_on_white: Annotated[bool, typer.Option("--black-on-white", help="Ink is 0, as on paper.")] = False,
) -> None:
    """Write ETL cells as PNG files, with all their fields.

    Cells are as scanned, in a folder for each character; images.json and images.csv beside them hold every field of
    every cell, null where its set does not fill it.
    """
    from core.glyphs import repertoire
    from core.glyphs.etl.extract import check_empty, extract

    data = options.data_config(source, where=where, with_models=with_models, strict=strict)
    check_empty(out)
    etl = options.etl_source(data, "exported").etl
    characters = None if chars is None else repertoire.characters(chars)
    chosen = etl.select(characters, where=where or None, with_models=with_models, limit=per_char)
    missing = [text for text, count in chosen.counts().items() if not count] if chars else []
    if missing and len(chosen.labels):
        told = terminal.clean(" ".join(missing[:20])) + " ..." * (len(missing) > 20)
        terminal.tell(f"etlgan: no image of {len(missing)} of {len(chosen.characters)}: {told}")
    with progress_bar("written") as progress:
        count = extract(etl, chosen, out, black_on_white=black_on_white, progress=progress)
    options.tell_problems([str(problem) for problem in etl.problems])
    terminal.say(f"{looks.counted(count, 'image')} in {terminal.clean(out)}")
