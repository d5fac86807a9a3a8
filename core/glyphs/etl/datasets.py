"""The eleven data sets of the ETL Character Database and their files, as tables.

`checksums.tsv` beside this module holds one row a file: records, the first record that is a model pattern (printed
by the makers, not written by a writer), and the two historic `sum` values; `-` where nothing was published.
"""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from core.glyphs.etl.formats import FORMATS, RecordFormat

Order = Literal["", "blocks", "repeat"]
Grouping = Literal["sheet", "person", "print", "writer", "set", "set and sheet"]


@dataclass(frozen=True, slots=True)
class DataSet:
    """One data set: how its files are laid out, labelled, ordered and grouped."""

    name: str
    layout: str  # key of FORMATS
    classes: int  # as stated; 0 = not certain
    order: Order  # blocks: all records of a category follow each other; repeat: the same `classes` labels, again
    hiragana: bool  # katakana codes mean hiragana, whatever the record says
    wi_we: bool  # the codes of ィ and ェ mean ヰ and ヱ
    dummy: bool  # record 0 of every file is zero-filled
    zero_is_null: bool  # most fields are not filled at all, so that no 0 can be trusted
    grouping: Grouping  # what must stay together in a split
    family: int  # sets with one number hold the same samples: their groups are the same
    about: str

    @property
    def format(self) -> RecordFormat:
        return FORMATS[self.layout]


def _row(
    name: str, layout: str, classes: int, order: Order, flags: str, grouping: Grouping, family: int, about: str
) -> DataSet:
    hiragana, wi_we, dummy, zero_is_null = (letter in flags for letter in "hwd0")
    return DataSet(name, layout, classes, order, hiragana, wi_we, dummy, zero_is_null, grouping, family, about)


# flags: h hiragana codes are katakana's, w ヰ and ヱ by ィ and ェ, d dummy record first, 0 zeros are null
_ROWS = (
    _row("ETL1",  "M",    99, "blocks", "w",  "sheet",         1, "digits, capitals, signs, katakana"),
    _row("ETL2",  "K",  2184, "",       "",   "print",         2, "printed kanji, kana and signs in two fonts"),
    _row("ETL3",  "C",    48, "",       "",   "sheet",         3, "digits, capitals, signs"),
    _row("ETL4",  "C",    51, "",       "w",  "sheet",         4, "hiragana"),
    _row("ETL5",  "C",    51, "",       "w",  "person",        5, "katakana"),
    _row("ETL6",  "M",   114, "",       "",   "sheet",         6, "katakana, digits, capitals, signs"),
    _row("ETL7",  "M",    48, "",       "h",  "person",        7, "hiragana, large and small"),
    _row("ETL8B", "8B",  956, "blocks", "d",  "writer",        8, "kanji and hiragana, black and white"),
    _row("ETL8G", "8G",  956, "",       "",   "set",           8, "kanji and hiragana, grey"),
    _row("ETL9B", "9B", 3036, "",       "d",  "set and sheet", 9, "kanji and hiragana, black and white"),
    _row("ETL9G", "9G", 3036, "repeat", "0",  "set and sheet", 9, "kanji and hiragana, grey"),
)  # fmt: skip
DATA_SETS = {row.name: row for row in _ROWS}

SETS_PER_FILE = {"ETL8G": 5, "ETL9B": 40, "ETL9G": 4}  # runs through all classes in one file
WRITERS_PER_CATEGORY = 160  # ETL8B: consecutive records of one category


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A data file as distributed."""

    name: str
    data_set: DataSet
    number: int  # of the file within its set, from 1 (ETL7: small ones after the large ones)
    records: int | None  # dummy and model patterns included; None where unpublished
    models_from: int | None  # record number of the first model pattern
    bsd: int | None
    sysv: int | None

    @property
    def bytes(self) -> int | None:
        return None if self.records is None else self.records * self.data_set.format.size


@cache
def known_files() -> dict[str, KnownFile]:
    """Every data file of the database, by its name as distributed."""
    lines = files(__package__).joinpath("checksums.tsv").read_text(encoding="ascii").splitlines()[1:]
    known: dict[str, KnownFile] = {}
    for line in lines:
        name, *numbers = line.split("\t")
        data_set = DATA_SETS[data_set_of(name) or ""]
        number = 1 + sum(other.data_set is data_set for other in known.values())
        records, models_from, bsd, sysv = (None if text == "-" else int(text) for text in numbers)
        known[name] = KnownFile(name, data_set, number, records, models_from, bsd, sysv)
    return known


@cache
def files_of_size() -> dict[int, list[KnownFile]]:
    """Known files by their exact size in bytes; a size belongs to one data set only."""
    sizes: dict[int, list[KnownFile]] = {}
    for file in known_files().values():
        if file.bytes is not None:
            sizes.setdefault(file.bytes, []).append(file)
    return sizes


_NAME = re.compile(
    r"ETL([1-9])(?:(B)2?|(G))?(L|S)?C?(?:(?:(?<=[A-Z])|[-_. ]+)0*([1-9]\d?))?(?:\.(?:BIN|DAT|RAW|ETL))?$"
)
_FOLDER = re.compile(r"ETL[-_ ]?([1-9])(?:(B)2?|(G))?[LS]?C?(?![0-9A-Z])")


def data_set_of(name: str) -> str | None:
    """The data set that a file's name speaks of, as distributed or as renamed by users (`ETL8B2-1`, `etl1c_1`)."""
    return _data_set(_NAME.match(name.upper()))


def folder_data_set(name: str) -> str | None:
    """The data set that a folder's or a zip's name speaks of (`ETL9G`, `etl8b.zip`, `ETL8B2`, `ETL7-LC`)."""
    return _data_set(_FOLDER.match(name.upper()))


def known_file(name: str) -> KnownFile | None:
    """The distributed file that `name` is, under any of the names it goes by."""
    asked = _identity(name)
    if asked is None:
        return None
    return known_files().get(name.upper()) or next(
        (file for file in known_files().values() if _identity(file.name) == asked), None
    )


def _data_set(match: re.Match[str] | None) -> str | None:
    found = f"ETL{match[1]}{match[2] or match[3] or ''}" if match else ""
    return found if found in DATA_SETS else None


def _identity(name: str) -> tuple[str, str | None, str | None] | None:
    """(data set, large or small, number of the file), as far as the name tells."""
    match = _NAME.match(name.upper())
    data_set = _data_set(match)
    return (data_set, match[4], match[5]) if match and data_set else None
