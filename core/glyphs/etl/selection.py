"""Chosen records: where they are, and what they hold once they are read."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from core.glyphs.etl.columns import column
from core.glyphs.etl.discover import EtlFile
from core.glyphs.etl.fields import Column
from core.glyphs.etl.pixels import unpack_images

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]


class Selection(NamedTuple):
    """Chosen records, in the order of files and records."""

    characters: tuple[str, ...]  # what the label numbers stand for
    files: Integers  # (n,) index into EtlCollection.files
    places: Integers  # (n,) record number in the file, the dummy included
    labels: Integers  # (n,) index into `characters`

    def counts(self) -> dict[str, int]:
        numbers = np.bincount(self.labels, minlength=len(self.characters))
        return dict(zip(self.characters, numbers.tolist(), strict=True))


@dataclass(frozen=True)
class Batch:
    """Records of one file."""

    file: EtlFile
    places: Integers  # (n,)
    labels: Integers  # (n,)
    records: Bytes  # (n, size) as they are in the file

    @cached_property
    def images(self) -> Bytes:
        """(n, H, W) 0 .. 255, high is ink."""
        return unpack_images(self.records, self.file.data_set.format)

    def column(self, name: str) -> Column:
        """(n,) one metadata field, masked where it is not filled."""
        return column(self.file, name, self.places, self.records)


def first_of_each(labels: Integers, limit: int) -> Integers:
    """Positions of the first `limit` occurrences of each label, in rising order."""
    order = np.argsort(labels, kind="stable")
    ordered = labels[order]
    rank = np.arange(len(labels)) - np.searchsorted(ordered, ordered)
    return np.sort(order[rank < limit])
