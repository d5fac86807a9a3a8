"""`etlgan data prepare`: make the training set of a source now, so that runs find it in the cache."""

from __future__ import annotations

from typing import Annotated

import typer

from etlgan_tui.cli import options as shared
from etlgan_tui.cli import terminal
from etlgan_tui.cli.data import options
from etlgan_tui.cli.data.bar import progress_bar

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
    as_json: shared.Json = False,
) -> None:
    """Make a training set in the cache, ahead of a run.

    Chooses, cleans, sizes and splits a source's characters. A run with the same settings takes them from there.
    Prints the folder of the arrays (images.npy, labels.npy ...).
    """
    from core.errors import ConfigError

    if size is not None and size not in _SIZES:
        raise ConfigError(f"--size {size}: must be one of: {', '.join(map(str, _SIZES))} pixels")
    data = options.data_config(
        source, changes, chars=chars, per_char=per_char, held_out=held_out, where=where, with_models=with_models,
        strict=strict,
    )  # fmt: skip
    from core.glyphs import glyphset

    with progress_bar("prepared") as progress:
        glyphs = glyphset.load(data, size=size, progress=progress)
    options.tell_problems(glyphs.problems)
    folder = glyphset.cache_folder() / glyphs.fingerprint
    held = int(glyphs.held_out.sum())
    if as_json:
        terminal.say_json({"source": glyphs.source, "characters": glyphs.characters, "images": len(glyphs.labels),
                           "held_out": held, "size": glyphs.images.shape[1], "fingerprint": glyphs.fingerprint,
                           "path": str(folder), "problems": glyphs.problems})  # fmt: skip
        return
    terminal.say(
        f"{terminal.clean(glyphs.source)}: {len(glyphs.characters):,} characters, {len(glyphs.labels):,} images "
        f"({held:,} held out), {glyphs.images.shape[1]} px"
    )
    terminal.say(terminal.clean(folder))
