"""`etlgan data show`: what a source holds, and how it looks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from etlgan_tui import looks
from etlgan_tui.cli import options as shared
from etlgan_tui.cli import terminal
from etlgan_tui.cli.data import options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.glyphs.sheets import Picked, Sheet
    from core.glyphs.sources import Source
    from core.settings import DataConfig

_EMBEDDED = "hiragana"  # shown of a source that can write everything
_MOST_ROWS = 60  # of the picture
_CELLS = 8  # rows of --before-after that are not asked for
_NAMED = 6  # files that are missing
_LINES = 12  # of counts in the terminal; a picture has four times as many
_WIDEST = 160  # columns
_TILE, _SHOWN = 16, 4  # columns a cell of --before-after takes in the terminal, and how many cells are shown there


def show(
    source: options.Source,
    chars: options.Chars = None,
    where: options.Where = "",
    with_models: options.WithModels = False,
    strict: options.Strict = False,
    before_after: Annotated[
        bool, typer.Option("--before-after", help="Cells step by step through the preparation.")
    ] = False,
    columns: Annotated[int, typer.Option(metavar="N", min=1, max=40, help="Images a character.")] = 10,
    size: Annotated[int, typer.Option(metavar="PIXELS", min=16, max=128, help="Side of the images shown.")] = 64,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Which images are shown.")] = 0,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The picture.")] = Path("data.png"),
    changes: options.Changes = None,
    as_json: shared.Json = False,
) -> None:
    """Show what a source holds, and how it looks.

    Sets, characters, counts, and a sheet of samples: cells as they are, or with --before-after what each step of the
    preparation does to them.
    """
    shared.check_picture(out)
    data = options.data_config(source, changes, where=where, with_models=with_models, strict=strict)
    from core.glyphs.sources import open_source

    opened = open_source(data)
    counts = opened.counts()
    wanted = _wanted(chars, counts)
    picked = _picked(opened, wanted, columns=columns, before_after=before_after, seed=seed)
    sheet = _sheet(picked, data, opened, size, before_after=before_after)
    _write(sheet, out, title=terminal.clean(opened.name))
    options.tell_problems(opened.problems)
    there = None if counts is None else {character: counts.get(character, 0) for character in wanted}
    if as_json:
        terminal.say_json({"source": opened.name, "sets": _sets(opened), "counts": there,
                           "problems": opened.problems, "picture": str(out)})  # fmt: skip
        return
    terminal.say(terminal.clean(opened.name))
    _say_sets(_sets(opened))
    _say_counts(wanted, there)
    _say_picture(picked, sheet, data, opened, before_after=before_after)
    terminal.say(terminal.clean(out))


def _wanted(chars: str | None, counts: Mapping[str, int] | None) -> tuple[str, ...]:
    """The characters to speak of; those that are not there are told, and only if none is, it is an error."""
    from core.glyphs import repertoire

    if counts is None:
        return repertoire.characters(chars or _EMBEDDED)
    if chars is None:
        return tuple(counts)
    asked = repertoire.characters(chars)
    there = tuple(character for character in asked if counts.get(character))
    missing = [character for character in asked if not counts.get(character)]
    if missing and there:
        told = terminal.clean(" ".join(missing[:20])) + " ..." * (len(missing) > 20)
        terminal.tell(f"etlgan: no image of {len(missing)} of {len(asked)}: {told}")
    return there or asked


def _picked(source: Source, wanted: tuple[str, ...], *, columns: int, before_after: bool, seed: int) -> Picked:
    from core.errors import DataError
    from core.glyphs import sheets

    if not wanted:
        raise DataError(f"{source.name}: holds no image that was asked for")
    across = max(1, _CELLS // len(wanted)) if before_after else columns
    rows = wanted[: _CELLS if before_after else _MOST_ROWS]
    return sheets.pick(source, rows, across=across, seed=seed)


def _sheet(picked: Picked, data: DataConfig, source: Source, size: int, *, before_after: bool) -> Sheet:
    from core.glyphs import sheets
    from core.glyphs.building import preparation_of

    if before_after:
        return sheets.before_after(picked, preparation_of(data, source), size)
    return sheets.contact(picked, size)


def _write(sheet: Sheet, out: Path, *, title: str) -> None:
    from core.figures.grids import labelled_grid

    labelled_grid(sheet.images, sheet.rows, path=out, title=title, columns=sheet.columns)


def _sets(source: Source) -> list[dict[str, Any]]:
    from core.glyphs.etl.source import EtlSource
    from core.glyphs.etl.summary import summarize

    return [row._asdict() for row in summarize(source.etl)] if isinstance(source, EtlSource) else []


def _say_sets(sets: list[dict[str, Any]]) -> None:
    if not sets:
        return
    head = ("set", "files", "images", "models", "cells", "known by", "what")
    rows = [
        (row["data_set"], f"{row['files']} of {row['published_files']}", f"{row['images']:,}", f"{row['models']:,}",
         f"{row['width']} x {row['height']}, {row['bits']} bit", ", ".join(row["recognised_by"]), row["about"])
        for row in sets
    ]  # fmt: skip
    for line in terminal.table(head, rows, right=frozenset(("images", "models"))):
        terminal.say(line)
    for row in sets:
        if row["missing"]:
            names = ", ".join(row["missing"][:_NAMED]) + " ..." * (len(row["missing"]) > _NAMED)
            terminal.say(f"not there of {row['data_set']}: {names}")


def _say_counts(wanted: tuple[str, ...], counts: dict[str, int] | None) -> None:
    if counts is None:
        terminal.say(f"as many images as one likes, here of {looks.counted(len(wanted), 'character')}")
        return
    numbers = sorted(counts.values())
    spread = f"{numbers[0]:,} to {numbers[-1]:,}, mostly {numbers[len(numbers) // 2]:,}"
    each = f"{numbers[0]:,}" if numbers[0] == numbers[-1] else spread
    terminal.say(f"{looks.counted(len(counts), 'character')}, {looks.counted(sum(numbers), 'image')}; {each} of each")
    texts = [terminal.clean(text) if numbers[0] == numbers[-1] else f"{terminal.clean(text)} {count:,}"
             for text, count in counts.items()]  # fmt: skip
    lines = looks.packed(texts, min(terminal.width(), _WIDEST), "  ")
    for line in lines[:_LINES]:
        terminal.say(line)
    if len(lines) > _LINES:
        terminal.say("...; --json lists them all")


def _say_picture(picked: Picked, sheet: Sheet, data: DataConfig, source: Source, *, before_after: bool) -> None:
    """So small, a raw cell is hardly readable: the terminal shows samples prepared, the picture as they are."""
    if not (sys.stdout.isatty() and terminal.shows_unicode(sys.stdout)):
        return
    from core.glyphs import sheets
    from core.glyphs.building import preparation_of
    from etlgan_tui import pictures

    width = min(terminal.width(), _WIDEST)
    if before_after:
        each = min(_TILE, width // len(sheet.columns))
        terminal.say("".join(terminal.fit(title, each) for title in sheet.columns).rstrip())
        some = sheet.images[:: max(1, len(sheet.images) // _SHOWN)][:_SHOWN]
        count, across, side, _ = some.shape
        mosaic = some.transpose(0, 2, 1, 3).reshape(count * side, across * side)
        lines = pictures.braille(mosaic, columns=each * len(sheet.columns))
    else:
        images = sheets.contact(picked, 2 * pictures.TILE, preparation_of(data, source)).images
        lines = pictures.braille_strip(images, columns=width, lines=4 * _LINES)
    for line in lines:
        terminal.say(line)
