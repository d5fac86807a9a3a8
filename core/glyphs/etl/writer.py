"""Records written by the same table that reads them: for exports in ETL's own format, and for tests."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.glyphs.etl.fields import write_fields
from core.glyphs.etl.formats import RecordFormat
from core.glyphs.etl.pixels import pack_pixels, packed_images

Bytes = npt.NDArray[np.uint8]


def make_records(fmt: RecordFormat, levels: Bytes, columns: Mapping[str, Iterable[Any]]) -> Bytes:
    """(N, H, W) raw grey levels and columns by field name -> (N, size) records; null and absent fields are 0."""
    records = np.zeros((len(levels), fmt.size), np.uint8)
    write_fields(records, fmt, columns)
    packed_images(records, fmt)[:] = pack_pixels(levels, fmt)
    return records


def write_records(path: Path, records: Bytes, *, dummy: bool = False) -> None:
    """One file of whole records, behind a zero-filled one where the data set has that (ETL8B, ETL9B)."""
    with path.open("wb") as file:
        if dummy:
            file.write(bytes(records.shape[1]))
        file.write(np.ascontiguousarray(records).data)
