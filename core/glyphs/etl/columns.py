"""The columns of chosen records: every field of their layout, and what follows from where they stand."""

from typing import Any

import numpy as np
import numpy.typing as npt

from core.glyphs.etl.discover import EtlFile
from core.glyphs.etl.fields import Column, read_field
from core.glyphs.etl.formats import FIELD_NAMES, TEXT_FIELDS
from core.glyphs.etl.groups import group_ids

Places = npt.NDArray[np.int64]

PLACE_NAMES = ("set", "file", "record", "label", "model", "group")
COLUMN_NAMES = (*PLACE_NAMES, *FIELD_NAMES)


def column(file: EtlFile, name: str, places: Places, records: npt.NDArray[np.uint8]) -> Column:
    """(N, >= header_bytes) records at `places` -> (N,) values of the field; all null where the set has none such."""
    derived = _derived(file, name, places, records)
    if derived is not None:
        return np.ma.masked_array(derived)
    fields = [field for field in file.data_set.format.fields if field.name == name]
    if not fields:
        empty: npt.NDArray[Any] = np.zeros(len(places), "<U1" if name in TEXT_FIELDS else np.int64)
        return np.ma.masked_array(empty, mask=True)
    values = read_field(records, fields[0])
    if file.data_set.zero_is_null and fields[0].kind == "uint":
        return np.ma.masked_equal(values, 0)
    return values


def is_model(file: EtlFile, places: Places) -> npt.NDArray[np.bool_]:
    """(N,) True for model patterns, which no writer wrote."""
    return np.zeros(len(places), bool) if file.models_from is None else places >= file.models_from


def groups(file: EtlFile, places: Places, records: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """(N,) what must stay together in a split."""
    position = places + (file.data_set.dummy and not file.has_dummy)  # as if the dummy record were there
    models_from = file.known.models_from if file.known else None
    return group_ids(file.data_set, records, position, number=file.number, models_from=models_from)


def _derived(file: EtlFile, name: str, places: Places, records: npt.NDArray[np.uint8]) -> npt.NDArray[Any] | None:
    match name:
        case "set":
            return np.full(len(places), file.data_set.name)
        case "file":
            return np.full(len(places), file.known.name if file.known else file.source.name)
        case "record":
            return places
        case "model":
            return is_model(file, places).astype(np.int64)
        case "group":
            return groups(file, places, records)
    return None
