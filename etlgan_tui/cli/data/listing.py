"""`etlgan data ls`: which data is known here, and where."""

from __future__ import annotations

from pathlib import Path

from etlgan_tui.cli import options as shared
from etlgan_tui.cli import terminal


def ls(as_json: shared.Json = False, folder: shared.HomeFolder = None) -> None:
    """List the sources that are known.

    The embedded one, those that runs of this home used, and those with prepared sets in the cache.
    """
    from core.glyphs.known import known

    found = known(_used(folder))
    if as_json:
        terminal.say_json([each._asdict() for each in found])
        return
    head = ("source", "there", "runs", "prepared", "what it is")
    rows = [
        (terminal.clean(each.source), "yes" if each.there else "no", str(each.runs), str(each.prepared),
         terminal.clean(each.about))
        for each in found
    ]  # fmt: skip
    for line in terminal.table(head, rows, right=frozenset(("runs", "prepared"))):
        terminal.say(line)
    if len(found) == 1:
        terminal.tell("`etlgan data show PATH` looks at data of your own: ETL zips or folders, MNIST files, images")


def _used(folder: Path | None) -> dict[str, int]:
    """How many runs of the home used each source."""
    from etlgan_tui.cli import index

    home = shared.home(folder)
    if not home.runs.is_dir():
        return {}
    with index.opened(home) as store:
        return store.sources()
