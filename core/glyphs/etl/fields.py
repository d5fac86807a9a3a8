"""Metadata fields of records: bit strings to typed, masked columns and back, by the table of layouts.

A column is a numpy masked array: whole numbers as int64, text as fixed-width strings without trailing blanks.
Masked is null: what a set or a record does not fill is never 0.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from core.glyphs.etl.formats import Field, RecordFormat

Bytes = npt.NDArray[np.uint8]
Column = np.ma.MaskedArray[Any, Any]

# The 64 characters of T56, by 6-bit value; 31 and 32 have no known glyph and are printed as blanks.
T56 = "0123456789[#@:>? ABCDEFGHI&.](<  JKLMNOPQR-$*);'|/STUVWXYZ ,%=\"!"
T56_BYTES = np.frombuffer(T56.encode("ascii"), np.uint8)
T56_VALUES = {character: T56.index(character) for character in T56}


def read_field(records: Bytes, field: Field) -> Column:
    """(N, >= header_bytes) records -> (N,) the field's values, null where not filled."""
    if field.kind == "uint":
        values = read_bits(records, field.bit, field.bits)
        return np.ma.masked_array(values, mask=(values == 0) & (field.zero_means == "null"))
    text = _text(records, field)
    return np.ma.masked_array(text, mask=text == "")


def read_bits(records: Bytes, bit: int, bits: int) -> npt.NDArray[np.int64]:
    """(N, ...) records -> (N,) the big-endian whole number that stands at `bit`; at most 56 bits."""
    first, last = bit // 8, (bit + bits + 7) // 8
    values = np.zeros(len(records), np.int64)
    for byte in range(first, last):
        values = values << 8 | records[:, byte]
    return values >> (last * 8 - bit - bits) & ((1 << bits) - 1)


def write_bits(records: Bytes, bit: int, bits: int, values: npt.NDArray[np.int64]) -> None:
    """Set the whole number at `bit` of every record, leaving the bits around it alone."""
    first, last = bit // 8, (bit + bits + 7) // 8
    shift = last * 8 - bit - bits
    keep = ~(((1 << bits) - 1) << shift)
    around = np.zeros(len(records), np.int64)
    for byte in range(first, last):
        around = around << 8 | records[:, byte]
    whole = around & keep | values << shift
    for byte in range(last - 1, first - 1, -1):
        records[:, byte] = whole & 0xFF
        whole = whole >> 8


def write_fields(records: Bytes, fmt: RecordFormat, columns: Mapping[str, Iterable[Any]]) -> None:
    """Write `columns` (masked or None is left 0) into the records' headers; the inverse of `read_field`."""
    for field in fmt.fields:
        if field.name in columns:
            values = list(columns[field.name])
            if field.kind == "uint":
                write_bits(records, field.bit, field.bits, np.array([_number(v, field) for v in values], np.int64))
            else:
                _write_text(records, field, values)


def _number(value: Any, field: Field) -> int:
    number = 0 if value is None or value is np.ma.masked else int(value)
    if not 0 <= number < 1 << field.bits:
        raise ValueError(f"{field.name} = {number} does not fit {field.bits} bits")
    return number


def _text(records: Bytes, field: Field) -> npt.NDArray[np.str_]:
    step = 8 if field.kind == "ascii" else 6
    length = field.bits // step
    letters = np.empty((len(records), length), np.uint8)
    for place in range(length):
        letters[:, place] = read_bits(records, field.bit + place * step, step)
    if field.kind == "t56":
        letters = T56_BYTES[letters]
    else:
        letters[(letters < 0x20) | (letters > 0x7E)] = 0x20  # NUL filling and damage read as blanks
    return np.char.rstrip(letters.astype(np.uint32).view(f"<U{length}")[:, 0]) if len(letters) else _no_text(length)


def _no_text(length: int) -> npt.NDArray[np.str_]:
    return np.empty(0, f"<U{length}")


def _write_text(records: Bytes, field: Field, values: list[Any]) -> None:
    step = 8 if field.kind == "ascii" else 6
    length = field.bits // step
    texts = [("" if value is None or value is np.ma.masked else str(value)).ljust(length) for value in values]
    for place in range(length):
        codes = [ord(text[place]) if step == 8 else T56_VALUES[text[place]] for text in texts]
        write_bits(records, field.bit + place * step, step, np.array(codes, np.int64))
