"""Records written by the same table that reads them: for exports in ETL's own format, and for tests."""

from collections.abc import Iterable, Mapping
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
