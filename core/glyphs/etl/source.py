"""ETL data as a source of glyphs: what a training set asks of it."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError
from core.glyphs.etl.reader import EtlCollection, open_etl
from core.glyphs.etl.selection import Selection
from core.glyphs.sources import Index

NOTHING = Selection((), *(np.empty(0, np.int64) for _ in range(3)))


class EtlSource:
    """Raw cells of any ETL data sets; writers and sheets are the groups of a split."""

    needs_preparation = True

    def __init__(self, etl: EtlCollection, *, where: str | None = None, with_models: bool = False) -> None:
        self.etl, self.where, self.with_models = etl, where, with_models
        self._chosen = NOTHING

    @property
    def name(self) -> str:
        """The sets and how many files of each: `ETL1 (13 files), ETL9G (50 files)`."""
        files = [file.data_set.name for file in self.etl.files]
        told = [f"{name} ({files.count(name)} file{'s' * (files.count(name) > 1)})" for name in dict.fromkeys(files)]
        return ", ".join(told) + (f" where {self.where}" if self.where else "")

    @property
    def problems(self) -> list[str]:
        return [str(problem) for problem in self.etl.problems]

    def fingerprint(self) -> str:
        return f"{self.etl.fingerprint()}\n{self.where}\n{self.with_models}"

    def counts(self) -> Mapping[str, int]:
        return self.etl.counts(self.where, with_models=self.with_models)

    def index(self, characters: Sequence[str], *, per_char: int, held_out: int) -> Index:
        """All images of these characters; where the files hold none of one, or the filter leaves none, says so."""
        del per_char, held_out  # whole groups are split, so all of them are needed
        chosen = self.etl.select(characters, where=self.where, with_models=self.with_models)
        missing = [character for character, count in chosen.counts().items() if not count]
        if missing:
            rule = f" where {self.where}" if self.where else ""
            problem = f"; {self.etl.problems[0]}" if self.etl.problems else ""
            raise DataError(
                f"{self.name} holds no image of {' '.join(missing[:10])}{' ...' * (len(missing) > 10)}{rule}; "
                f"see what there is with `etlgan data show`{problem}"
            )
        self._chosen = chosen
        return Index(chosen.labels, self.etl.groups(chosen), None)

    def batches(self, rows: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
        """(positions in `rows`, their raw cells) in the order of the files, each of one geometry.

        One pass over every file, which matters for zips: they can only be run through.
        """
        chosen = self._chosen
        order = np.lexsort((chosen.places[rows], chosen.files[rows]))
        ordered = rows[order]
        part = Selection(chosen.characters, chosen.files[ordered], chosen.places[ordered], chosen.labels[ordered])
        done = 0
        for batch in self.etl.read(part):
            count = len(batch.places)
            here = slice(done, done + count)
            if not np.array_equal(part.places[here], batch.places):
                break
            yield order[here], batch.images
            done += count
        if done < len(rows):
            problem = self.etl.problems[-1] if self.etl.problems else "a file changed while it was read"
            raise DataError(f"{problem}; it is indexed anew, so start again")


def open_etl_source(
    paths: Sequence[Path],
    *,
    cache: Path | None = None,
    where: str | None = None,
    with_models: bool = False,
    strict: bool = False,
) -> EtlSource:
    """The ETL files under `paths` as a source."""
    return EtlSource(open_etl(paths, cache=cache, strict=strict), where=where, with_models=with_models)
