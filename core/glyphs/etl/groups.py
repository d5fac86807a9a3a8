"""What must stay together in a split: the writer where a set tells, else the sheet, else the single print.

A group is one int64: the number of the data set's family in the high 32 bits, so that ETL8B and ETL8G (the same
samples, binarised and grey) agree and no two other sets ever do.
"""

import zlib

import numpy as np
import numpy.typing as npt

from core.glyphs.etl.datasets import SETS_PER_FILE, WRITERS_PER_CATEGORY, DataSet
from core.glyphs.etl.fields import read_bits

Groups = npt.NDArray[np.int64]

PERSON = ("sex", "age", "industry", "occupation", "collected")  # who wrote: never splits one writer, may join two
SHEETS_PER_SET = 20  # ETL9: one set of 3,036 characters is on 20 sheets, each by another writer
MODELS = (1 << 32) - 1  # model patterns: a group of their own
STRANGERS = 1 << 12  # file numbers of files that are not as distributed start here


def file_number(known: int | None, name: str) -> int:
    """The file's number in its set; a stable stand-in for a file whose number nobody can tell."""
    return known if known is not None else STRANGERS + zlib.crc32(name.encode()) % STRANGERS


def group_ids(
    data_set: DataSet, records: npt.NDArray[np.uint8], places: Groups, *, number: int, models_from: int | None
) -> Groups:
    """(N, >= header_bytes) records at record numbers `places` of file `number` -> (N,) groups."""
    ids = _within_set(data_set, records, places, number)
    if models_from is not None:
        ids = np.where(places >= models_from, MODELS, ids)
    return ids + (data_set.family << 32)


def _within_set(data_set: DataSet, records: npt.NDArray[np.uint8], places: Groups, number: int) -> Groups:
    def value(name: str) -> Groups:
        field = data_set.format.field(name)
        return read_bits(records, field.bit, field.bits)

    data_places = places - data_set.dummy
    match data_set.grouping:
        case "sheet":
            return value("sheet") % MODELS
        case "person":
            columns = [value(name) for name in PERSON]
            return np.where(np.any(columns, axis=0), _mix(columns), value("sheet") % MODELS)
        case "print":
            return (number << 20) + places
        case "writer":
            return data_places % WRITERS_PER_CATEGORY
        case "set":
            return _set_number(data_set, data_places, number)
        case "set and sheet":
            sheet = (value("sheet") - 1) % SHEETS_PER_SET
            return _set_number(data_set, data_places, number) * SHEETS_PER_SET + sheet


def _set_number(data_set: DataSet, data_places: Groups, number: int) -> Groups:
    return (number - 1) * SETS_PER_FILE[data_set.name] + data_places // data_set.classes


def _mix(columns: list[Groups]) -> Groups:
    """Several numbers to one of 31 bits, the same on every machine."""
    mixed = np.zeros_like(columns[0])
    for column in columns:
        mixed = (mixed * 1_000_003 + column % (1 << 31)) % ((1 << 31) - 1)
    return mixed
