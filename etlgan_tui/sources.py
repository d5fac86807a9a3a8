"""Looking into data: what the data screens show, read away from the event loop. No terminal in here.

Everything heavy (numpy, scipy, the readers) is imported by the call that needs it, in its thread.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from core import presets
from core.errors import DataError
from core.rundir import Home
from core.runs.store import Store
from core.settings import DataConfig
from etlgan_tui.draft import Draft

if TYPE_CHECKING:
    from core.glyphs.etl.discover import EtlFile
    from core.glyphs.etl.summary import SetSummary
    from core.glyphs.known import Known
    from core.glyphs.sheets import Picked, Sheet
    from core.glyphs.sources import Source

SIDE = 64  # pixels of an image that is shown
SAMPLED = 40  # characters of which a first look shows an image
MOST_CHARACTERS = 100  # of a new run from a source without a named set
_KANA_FIRST = ("hiragana", "katakana", "digits", "latin", "hiragana-71", "katakana-71", "etl9")

Look = Literal["prepared", "raw", "steps"]


class Overview(NamedTuple):
    """What a source holds; `counts` and `samples` are None until they have been read."""

    name: str
    sets: tuple[SetSummary, ...]  # of ETL
    counts: Mapping[str, int] | None = None
    endless: bool = False  # draws as many images as one likes
    problems: tuple[str, ...] = ()
    raw: bool = False  # scanned cells, which are prepared
    etl: bool = False
    zipped: bool = False


class Page(NamedTuple):
    """Some images of one character."""

    character: str
    first: int
    total: int | None  # None: no end
    sheet: Sheet


def known(home: Home, added: Sequence[str]) -> list[Known]:
    """The sources that are known here."""
    from core.glyphs.known import known as found

    used: Mapping[str, int] = {}
    if home.runs.is_dir():
        with Store.open(home) as store:
            used = store.sources()
    return found(used, added)


class Opened:
    """One source, open. One call at a time: a source remembers what was asked for last."""

    def __init__(self, spec: str) -> None:
        self.spec = spec
        self._lock = threading.Lock()
        self._source: Source | None = None
        self._counts: Mapping[str, int] | None = None

    @property
    def data(self) -> DataConfig:
        return DataConfig(source=self.spec, size=64)

    def look(self) -> Overview:
        """Open it, and say what it was recognised as; nothing is counted yet. What is no data: DataError."""
        with self._lock:
            return self._overview(self._open())

    def count(self) -> Overview:
        """The same with the images of every character."""
        with self._lock:
            source = self._open()
            counts = self._counted(source)
            return self._overview(source)._replace(counts=counts)

    def samples(self) -> Sheet:
        """Two prepared images of each of the first characters."""
        from core.glyphs import sheets
        from core.glyphs.building import preparation_of

        counts = self.count().counts or {}
        with self._lock:
            source = self._open()
            wanted = tuple(counts)[:SAMPLED]
            if not wanted:
                raise DataError(f"{source.name}: holds no image")
            return sheets.contact(sheets.pick(source, wanted, across=2), SIDE, preparation_of(self.data, source))

    def page(self, character: str, look: Look, *, first: int, count: int) -> Page:
        """Images `first` to `first + count` of a character; before `first` where there are fewer."""
        from core.glyphs import sheets
        from core.glyphs.building import preparation_of

        with self._lock:
            source = self._open()
            total = None if source.counts() is None else self._counted(source).get(character, 0)
            if total is not None:
                first = min(first, max(0, (total - 1) // count * count))
            picked = sheets.leaf(source, character, first=first, count=count)
            steps = preparation_of(self.data, source)
            sheet = sheets.before_after(_each(picked), steps, SIDE) if look == "steps" else None
            if sheet is None:
                sheet = sheets.contact(picked, SIDE, steps) if look == "prepared" else sheets.contact(picked, SIDE)
            return Page(character, first, total, sheet)

    def draft(self) -> Draft:
        """A new run from this source, with characters that it has. What is no data: DataError."""
        draft = Draft(preset="hiragana-a-ka")
        draft.edit("data.source", self.spec)
        counted = self.count()
        if not counted.endless and (chars := characters_for(counted.counts or {})):
            draft.edit("data.chars", chars)
        return draft

    def etl_files(self) -> list[EtlFile]:
        """For `Verification`: its ETL files. Anything else has nothing published to compare with: DataError."""
        from core.glyphs.etl.source import EtlSource

        with self._lock:
            source = self._open()
            if not isinstance(source, EtlSource):
                raise DataError(f"{source.name}: only of ETL files are sizes and checksums published")
            return list(source.etl.files)

    def _open(self) -> Source:
        if self._source is None:
            from core.glyphs.sets.spec import domains
            from core.glyphs.sources import open_source

            if len(parts := domains(self.spec)) > 1:
                raise DataError(
                    f"{self.spec}: joins {len(parts)} sources; look at each alone: "
                    + ", ".join(part.spec for part in parts)
                )
            self._source = open_source(self.data)
        return self._source

    def _counted(self, source: Source) -> Mapping[str, int]:
        if self._counts is None:
            counts = source.counts()
            self._counts = dict.fromkeys(_embedded(), 0) if counts is None else counts
        return self._counts

    def _overview(self, source: Source) -> Overview:
        from core.glyphs.etl.files import ZippedFile
        from core.glyphs.etl.source import EtlSource
        from core.glyphs.etl.summary import summarize

        etl = isinstance(source, EtlSource)
        return Overview(
            name=source.name,
            sets=tuple(summarize(source.etl)) if isinstance(source, EtlSource) else (),
            endless=source.counts() is None,
            problems=tuple(source.problems),
            raw=source.needs_preparation,
            etl=etl,
            zipped=isinstance(source, EtlSource)
            and any(isinstance(file.source, ZippedFile) for file in source.etl.files),
        )


def recognised(spec: str) -> str:
    """`spec` as it is remembered, once it has proved to be data; what is wrong with it: DataError."""
    from core.glyphs.sets.spec import absolute

    kept = absolute(spec.strip())
    Opened(kept).look()
    return kept


def characters_for(counts: Mapping[str, int]) -> str:
    """What to train of a source: the usual set if it has all of it, else another named set, else its first ones."""
    from core.glyphs import repertoire

    usual = presets.PRESETS["hiragana-a-ka"].changes if "hiragana-a-ka" in presets.PRESETS else {}
    names = [str(usual.get("data.chars", DataConfig().chars)), *repertoire.NAMES]
    for name in names:
        if all(counts.get(character) for character in repertoire.characters(name)):
            return name
    return "".join(list(counts)[:MOST_CHARACTERS])


def _embedded() -> list[str]:
    """What the embedded pen writes, in an order in which people look for it."""
    from core.glyphs import penman, repertoire

    there = penman.characters()
    ordered = dict.fromkeys(character for name in _KANA_FIRST for character in repertoire.characters(name))
    return [character for character in ordered if character in there] + sorted(there - set(ordered))


def _each(picked: Picked) -> Picked:
    """The same images as one a row."""
    return picked._replace(characters=picked.characters * picked.across, across=1)
