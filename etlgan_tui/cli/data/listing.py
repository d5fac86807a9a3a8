"""`etlgan data ls`: which data is known here, and where."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from etlgan_tui.cli import options as shared
from etlgan_tui.cli import terminal


class Known(NamedTuple):
    """A source by what --data calls it."""

    source: str
    there: bool
    runs: int  # of this home that used it
    prepared: int  # sets of it in the cache
    about: str  # what it was recognised as; "" where nobody looked yet


def ls(as_json: shared.Json = False, folder: shared.HomeFolder = None) -> None:
    """List the sources that are known.

    The embedded one, those that runs of this home used, and those with prepared sets in the cache.
    """
    found = _known(folder)
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


def _known(folder: Path | None) -> list[Known]:
    from core.glyphs import cached, penman
    from core.glyphs.sets.spec import parse

    runs = _used(folder)
    sets = [each for each in cached.cached_sets() if each.state == "ready"]
    prepared = Counter(each.spec for each in sets)
    about = {each.spec: each.source for each in reversed(sets)}
    about["penman"] = f"embedded handwriting, {len(penman.characters()):,} characters"
    names = ["penman", *sorted((set(runs) | set(prepared)) - {"penman"})]
    return [
        Known(name, name == "penman" or all(path.exists() for path in parse(name)[1]), runs[name], prepared[name],
              about.get(name, ""))
        for name in names
    ]  # fmt: skip


def _used(folder: Path | None) -> Counter[str]:
    """How many runs of the home used each source."""
    from etlgan_tui.cli import index

    home = shared.home(folder)
    if not home.runs.is_dir():
        return Counter()
    with index.opened(home) as store:
        return Counter(row.source for row in store.runs(limit=sys.maxsize >> 1) if row.source)
