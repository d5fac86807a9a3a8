"""`etlgan data cache`: what preparing has left on the disk."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from etlgan_tui.cli import options as shared
from etlgan_tui.cli import terminal

if TYPE_CHECKING:
    from core.glyphs.cached import CachedSet


def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Delete it all; what is needed is made again.")] = False,
    as_json: shared.Json = False,
) -> None:
    """List or delete what was prepared.

    Prepared sets, the newest first, and the label indices of ETL files.
    """
    from core.glyphs import cached, glyphset

    if clear:
        count, freed = cached.clear()
        if as_json:
            terminal.say_json({"deleted": count, "bytes": freed})
        else:
            terminal.say(f"{count:,} deleted, {terminal.size(freed)}")
        return
    sets, (indices, index_bytes) = cached.cached_sets(), cached.label_indices()
    if as_json:
        facts = [each._asdict() | {"path": str(each.path)} for each in sets]
        terminal.say_json({"sets": facts, "label_indices": indices, "label_bytes": index_bytes})
        return
    if sets:
        _print(sets)
    total = sum(each.bytes for each in sets) + index_bytes
    where = terminal.clean(glyphset.cache_folder().parent)
    terminal.say(f"{len(sets):,} prepared sets, {indices:,} label indices, {terminal.size(total)} in {where}")


def _print(sets: list[CachedSet]) -> None:
    head = ("fingerprint", "state", "px", "images", "bytes", "age", "chars", "source")
    rows = []
    for each in sets:
        days = max(0.0, time.time() - each.changed)
        rows.append((
            each.fingerprint.split(".")[1 if each.fingerprint.startswith(".") else 0], each.state,
            "-" if each.size is None else str(each.size), "-" if each.images is None else f"{each.images:,}",
            terminal.size(each.bytes), terminal.duration(days), terminal.clean(each.chars), terminal.clean(each.source),
        ))  # fmt: skip
    for line in terminal.table(head, rows, right=frozenset(("px", "images", "bytes", "age")), give="chars"):
        terminal.say(line)
