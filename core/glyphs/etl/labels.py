"""Label keys: the whole number in a record that decides its character, and what it stands for in its data set."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from core.glyphs.etl.charsets import Co59, co_59, jis_x_0201, jis_x_0208
from core.glyphs.etl.datasets import DataSet
from core.glyphs.etl.fields import T56, read_bits

Keys = npt.NDArray[np.uint32]

SCRIPT_SHIFT = 8  # the C type adds its script letter above the 8-bit code


def label_keys(data_set: DataSet, records: npt.NDArray[np.uint8]) -> Keys:
    """(N, >= header_bytes) records -> (N,) the label code, with the script letter (T56) where the layout has one."""
    code = data_set.format.field("code")
    keys = read_bits(records, code.bit, code.bits)
    if data_set.layout == "C":
        script = data_set.format.field("script")
        keys |= read_bits(records, script.bit, script.bits) << SCRIPT_SHIFT
    return keys.astype(np.uint32)


def labels_of(data_set: DataSet, keys: Iterable[int] | Keys, co59: Co59 | None) -> dict[int, str | None]:
    """What each key that occurs stands for: one character or a documented label, None if no character."""
    return {key: _label(data_set, key, co59) for key in np.unique(np.asarray(keys, np.uint32)).tolist()}


def _label(data_set: DataSet, key: int, co59: Co59 | None) -> str | None:
    match data_set.format.charset:
        case "jis_x_0208":
            return jis_x_0208(key)
        case "co_59":
            return co_59(key, co59)
        case "jis_x_0201":
            says_hiragana = data_set.layout == "C" and T56[key >> SCRIPT_SHIFT] == "H"
            hiragana = data_set.hiragana or says_hiragana
            return jis_x_0201(key & 0xFF, hiragana=hiragana, wi_we=data_set.wi_we)
