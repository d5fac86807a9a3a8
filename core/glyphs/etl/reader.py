"""ETL data as one collection: what is there, choosing records, and reading only those.

etl = open_etl([Path("ETL1.zip"), Path("ETL9G")], cache=folder)
chosen = etl.select("あいう", where="age < 30 and eval_image == 0")
for batch in etl.read(chosen):
    batch.images        # (n, H, W) uint8, 255 = ink; one geometry a batch
    batch.labels        # (n,) index into chosen.characters
    batch.column("age") # (n,) masked where the set tells none
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.glyphs.etl.charsets import Co59, co_59, read_co59
from core.glyphs.etl.columns import COLUMN_NAMES, column, groups, is_model
from core.glyphs.etl.discover import EtlFile, discover
from core.glyphs.etl.errors import EtlFormatError
from core.glyphs.etl.fields import Column
from core.glyphs.etl.index import LabelIndex, label_index, reindex
from core.glyphs.etl.labels import label_keys, labels_of
from core.glyphs.etl.problems import Problem
from core.glyphs.etl.selection import Batch, Selection, first_of_each
from core.glyphs.etl.where import Where

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]

BATCH = 512  # records read at a time: 4 MB of the largest layout, 8 MB of images


@dataclass
class EtlCollection:
    """Recognised files, with their labels indexed when first asked for."""

    files: list[EtlFile]
    problems: list[Problem]
    co59: Co59 | None = None
    cache: Path | None = None
    strict: bool = False
    _indices: dict[int, LabelIndex] = field(default_factory=dict)
    _reindexed: set[int] = field(default_factory=set)  # this session goes on with what was foretold

    def select(
        self,
        characters: Iterable[str] | None = None,
        *,
        where: str | None = None,
        with_models: bool = False,
        limit: int | None = None,
    ) -> Selection:
        """Records of these characters (all, if None) for which `where` holds; at most `limit` of each character."""
        rule = Where(where, COLUMN_NAMES) if where else None
        names = self._characters() if characters is None else tuple(dict.fromkeys(characters))
        parts = [self._select(number, names, rule, with_models) for number in range(len(self.files))]
        files = np.repeat(np.arange(len(parts)), [len(places) for places, _ in parts])
        places = np.concatenate([places for places, _ in parts])
        labels = np.concatenate([labels for _, labels in parts])
        if limit is not None:
            kept = first_of_each(labels, limit)
            files, places, labels = files[kept], places[kept], labels[kept]
        return Selection(names, files, places, labels)

    def counts(self, where: str | None = None, *, with_models: bool = False) -> dict[str, int]:
        """Images of every character that occurs."""
        counts = self.select(where=where, with_models=with_models).counts()
        return {character: count for character, count in counts.items() if count}

    def read(self, chosen: Selection, batch: int = BATCH) -> Iterator[Batch]:
        """The chosen records, at most `batch` at a time, each batch from one file."""
        for number in np.unique(chosen.files).tolist():
            mine = np.flatnonzero(chosen.files == number)
            try:
                for start in range(0, len(mine), batch):
                    part = mine[start : start + batch]
                    yield self._checked(number, chosen.places[part], chosen.labels[part])
            except EtlFormatError as error:
                self._note(Problem(self.files[number].source.label, None, f"the rest is left out: {error}"))
            finally:
                self.files[number].source.close()

    def groups(self, chosen: Selection) -> Integers:
        """(n,) what must stay together in a split; only the headers of the chosen records are read."""
        found = np.empty(len(chosen.places), np.int64)
        for number in np.unique(chosen.files).tolist():
            file, mine = self.files[number], np.flatnonzero(chosen.files == number)
            for start in range(0, len(mine), BATCH * 8):
                part = mine[start : start + BATCH * 8]
                fmt, places = file.data_set.format, chosen.places[part]
                found[part] = groups(file, places, file.source.read(places, fmt.size, fmt.header_bytes))
            file.source.close()
        return found

    def fingerprint(self) -> str:
        """Changes with any of the files."""
        return "\n".join(f"{file.data_set.name} {file.source.fingerprint()}" for file in self.files)

    def _select(
        self, number: int, names: tuple[str, ...], rule: Where | None, with_models: bool
    ) -> tuple[Integers, Integers]:
        file, index = self.files[number], self._index(number)
        wanted = {name: label for label, name in enumerate(names)}
        by_key = {key: wanted.get(text, -1) if text else -1 for key, text in self._labels(number).items()}
        keys = np.array(sorted(by_key), np.uint32)
        label_of_key = np.array([by_key[key] for key in keys.tolist()], np.int64)
        places = np.arange(file.has_dummy, len(index.keys), dtype=np.int64)
        labels = label_of_key[np.searchsorted(keys, index.keys[places])] if len(keys) else places[:0]
        chosen = labels >= 0
        if not with_models:
            chosen &= ~is_model(file, places)
        places, labels = places[chosen], labels[chosen]
        if rule is not None and len(places):
            kept = self._matching(file, places, np.array(names)[labels], rule)
            places, labels = places[kept], labels[kept]
        return places, labels

    def _matching(self, file: EtlFile, places: Integers, texts: npt.NDArray[np.str_], rule: Where) -> Integers:
        """(n,) True where the filter holds; only the headers are read."""
        fmt = file.data_set.format
        kept = []
        for start in range(0, len(places), BATCH * 8):
            part = slice(start, start + BATCH * 8)
            headers = file.source.read(places[part], fmt.size, fmt.header_bytes)

            def columns(name: str, part: slice = part, headers: Bytes = headers) -> Column:
                if name == "label":
                    return np.ma.masked_array(texts[part])
                return column(file, name, places[part], headers)

            kept.append(np.broadcast_to(rule.chosen(columns), headers.shape[:1]))
        return np.flatnonzero(np.concatenate(kept))

    def _index(self, number: int) -> LabelIndex:
        if number not in self._indices:
            file = self.files[number]
            try:
                self._indices[number] = label_index(file, self.cache)
            except EtlFormatError as error:
                self._note(Problem(file.source.label, None, f"left out: {error}"))
                self._indices[number] = LabelIndex(np.empty(0, np.uint32), predicted=False)
            finally:
                file.source.close()
            self._note_unknown(number)
        return self._indices[number]

    def _labels(self, number: int) -> dict[int, str | None]:
        file, index = self.files[number], self._index(number)
        return labels_of(file.data_set, index.keys[file.has_dummy :], self.co59)

    def _characters(self) -> tuple[str, ...]:
        """Every character that occurs, in the order of data sets and codes."""
        texts = [text for number in range(len(self.files)) for text in self._labels(number).values()]
        return tuple(dict.fromkeys(text for text in texts if text))

    def _note_unknown(self, number: int) -> None:
        """Tell of codes that stand for nothing; CO-59's cells without a known character are no surprise."""
        file, index = self.files[number], self._indices[number]
        labels = self._labels(number)
        if file.data_set.format.charset == "co_59":
            labels = {key: co_59(key, None) for key in labels}
        unknown = [key for key, text in labels.items() if text is None]
        places = np.flatnonzero(np.isin(index.keys, unknown))
        places = places[places >= file.has_dummy]
        if len(places):
            name, first = file.data_set.name, int(places[0])
            message = (
                f"{len(places):,} of {file.records:,} codes (first {int(index.keys[first]):#06x}) are no character"
            )
            advice = f": is it really {name}?" if len(places) * 2 > file.records else "; those records are left out"
            self._note(Problem(file.source.label, first, message + advice))

    def _checked(self, number: int, places: Integers, labels: Integers) -> Batch:
        """Read records, and leave out those whose label is not the predicted one."""
        file, index = self.files[number], self._index(number)
        records = file.source.read(places, file.data_set.format.size, file.data_set.format.size)
        if index.predicted:
            right = label_keys(file.data_set, records) == index.keys[places]
            if not right.all():
                first = int(places[int(np.argmin(right))])
                if self.cache is not None and number not in self._reindexed:
                    reindex(file, self.cache)
                    self._reindexed.add(number)
                message = "its label is not the one that the order of the set foretells; left out, indexed anew"
                self._note(Problem(file.source.label, first, message))
                places, labels, records = places[right], labels[right], records[right]
        return Batch(file, places, labels, records)

    def _note(self, problem: Problem) -> None:
        if self.strict:
            raise EtlFormatError(f"{problem} (strict)")
        if problem not in self.problems:
            self.problems.append(problem)


def open_etl(
    paths: Iterable[Path], *, cache: Path | None = None, co59: Path | None = None, strict: bool = False
) -> EtlCollection:
    """Recognise the ETL files under `paths`; `cache` keeps label indices, `strict` stops at the first problem."""
    found = discover(paths)
    table = found.co59 if co59 is None else read_co59(co59)
    if strict and found.problems:
        raise EtlFormatError(f"{found.problems[0]} (strict)")
    return EtlCollection(found.files, found.problems, table, cache, strict)
