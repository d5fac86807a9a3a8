"""Which data is known here: the embedded source, what runs used, what was prepared, and what the user added."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from core.errors import ConfigError
from core.glyphs import cached, penman
from core.glyphs.sets.spec import domains, parse
from core.glyphs.sources import EMBEDDED

PEN = "penman"


class Known(NamedTuple):
    """A source by what --data calls it."""

    source: str
    there: bool
    runs: int  # that used it
    prepared: int  # sets of it in the cache
    about: str  # what it was recognised as; "" where nobody looked yet


def known(runs: Mapping[str, int], added: Iterable[str] = ()) -> list[Known]:
    """Every source that runs used (and how many did), that was prepared, or that is in `added`; the embedded one first.

    Looks at names only: whether a path is there, not what is in it.
    """
    sets = [each for each in cached.cached_sets() if each.state == "ready"]
    prepared = Counter(each.spec for each in sets)
    about = {each.spec: each.source for each in reversed(sets)}
    about[PEN] = f"embedded handwriting, {len(penman.characters()):,} characters"
    names = [PEN, *sorted({*runs, *prepared, *added} - {PEN})]
    return [
        Known(name, is_there(name), runs.get(name, 0), prepared.get(name, 0), about.get(name, "")) for name in names
    ]


def is_there(source: str) -> bool:
    """Whether every path that it names exists."""
    try:
        return all(
            domain.spec in EMBEDDED or all(path.exists() for path in parse(domain.spec)[1])
            for domain in domains(source)
        )
    except (OSError, ValueError, ConfigError):  # a folder nobody may look into, a NUL in a name, ~ of nobody
        return False
