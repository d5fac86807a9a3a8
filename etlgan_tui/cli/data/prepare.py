"""`etlgan data prepare`: make the training set of a source now, so that runs find it in the cache."""

from __future__ import annotations

from typing import Annotated

import typer

from etlgan_tui import looks
from etlgan_tui.cli import options as shared
from etlgan_tui.cli import terminal
from etlgan_tui.cli.data import options
from etlgan_tui.cli.data.bar import progress_bar

_MOST_SHARDS = 100_000
_SIZES = (28, 32, 48, 64)  # runs take 32 and 64; the others are for other programs


def prepare(
    source: options.Source,
    chars: options.Chars = None,
    size: Annotated[int | None, typer.Option(metavar="PIXELS", help="Side of the images: 28, 32, 48 or 64.")] = None,
    per_char: Annotated[
        int | None, typer.Option("--per-char", metavar="N", min=1, help="Training images a character, at most.")
    ] = None,
    held_out: Annotated[
        int | None, typer.Option("--held-out", metavar="N", min=0, help="Images a character of other writers.")
    ] = None,
    where: options.Where = "",
    with_models: options.WithModels = False,
    strict: options.Strict = False,
    changes: options.Changes = None,
    shards: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=_MOST_SHARDS, help="Prepare in so many parts.")
    ] = None,
    shard: Annotated[
        int | None, typer.Option(metavar="I", min=0, help="Prepare only this part, from 0: one job of an array.")
    ] = None,
    as_json: shared.Json = False,
) -> None:
    """Make a training set in the cache, ahead of a run.

    Chooses, cleans, sizes and splits a source's characters. A run with the same settings takes them from there.
    Prints the folder of the arrays (images.npy, labels.npy ...). The job that writes the last shard joins them all.
    """
    from core.errors import ConfigError

    if shard is not None and shard >= (shards or 0):
        raise ConfigError(f"--shard {shard}: there are {shards or 'none'}, from 0 on; --shards sets their number")
    if size is not None and size not in _SIZES:
        raise ConfigError(f"--size {size}: must be one of: {', '.join(map(str, _SIZES))} pixels")
    data = options.data_config(
        source, changes, chars=chars, per_char=per_char, held_out=held_out, where=where, with_models=with_models,
        strict=strict,
    )  # fmt: skip
    from core.glyphs import glyphset

    with progress_bar("prepared") as progress:
        if shards is None:
            glyphs = glyphset.load(data, size=size, progress=progress)
        else:
            for each in range(shards) if shard is None else (shard,):
                made = glyphset.load_shard(data, each, shards, size=size, progress=progress)
            if isinstance(made, list):
                _tell_missing(made, shards, as_json=as_json)
                return
            glyphs = made
    options.tell_problems(glyphs.problems)
    folder = glyphset.cache_folder() / glyphs.fingerprint
    held = int(glyphs.held_out.sum())
    if as_json:
        terminal.say_json({"source": glyphs.source, "characters": glyphs.characters, "images": len(glyphs.labels),
                           "held_out": held, "size": glyphs.images.shape[1], "fingerprint": glyphs.fingerprint,
                           "path": str(folder), "problems": glyphs.problems})  # fmt: skip
        return
    terminal.say(
        f"{terminal.clean(glyphs.source)}: {looks.counted(len(glyphs.characters), 'character')}, "
        f"{looks.counted(len(glyphs.labels), 'image')} "
        f"({held:,} held out), {glyphs.images.shape[1]} px"
    )
    terminal.say(terminal.clean(folder))


def _tell_missing(missing: list[int], shards: int, *, as_json: bool) -> None:
    if as_json:
        terminal.say_json({"shards": shards, "missing": missing})
    else:
        some = ", ".join(map(str, missing[:5])) + ", ..." * (len(missing) > 5)
        terminal.say(f"{len(missing):,} of {shards:,} shards are still to be prepared: {some}")
