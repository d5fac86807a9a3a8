"""The label of every record of a file, known without reading the file twice.

Read once and kept as a small sidecar in the caller's cache folder, under the file's fingerprint. Where the order of
a set is known the labels are predicted from a few records, and whoever reads records checks them against it.
"""

import os
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.glyphs.etl.discover import EtlFile
from core.glyphs.etl.files import MappedFile
from core.glyphs.etl.labels import Keys, label_keys

Places = npt.NDArray[np.int64]

VERSION = 1
BATCH = 4096  # headers read at a time
STEP = 64  # records between two looks at a file ordered by category
PROBES = 200  # records that are compared with a prediction before it is believed


@dataclass(frozen=True)
class LabelIndex:
    """Label keys of one file, record by record."""

    keys: Keys  # (records,)
    predicted: bool  # from the set's order: to be checked when a record is read


def label_index(file: EtlFile, cache: Path | None) -> LabelIndex:
    """The index from the cache, else predicted or read, and then kept in the cache."""
    sidecar = None if cache is None else _sidecar(file, cache)
    if sidecar is not None and (kept := _load(sidecar, file.records)) is not None:
        return kept
    index = _predict(file) or LabelIndex(read_keys(file, np.arange(file.records)), predicted=False)
    if sidecar is not None:
        _save(sidecar, index)
    return index


def reindex(file: EtlFile, cache: Path) -> None:
    """Read every label and keep them, for a file whose order turned out not to be that of its set."""
    _save(_sidecar(file, cache), LabelIndex(read_keys(file, np.arange(file.records)), predicted=False))


def read_keys(file: EtlFile, places: Places) -> Keys:
    """The label keys of these records, in rising order."""
    fmt = file.data_set.format
    keys = np.empty(len(places), np.uint32)
    for start in range(0, len(places), BATCH):
        part = slice(start, start + BATCH)
        keys[part] = label_keys(file.data_set, file.source.read(places[part], fmt.size, fmt.header_bytes))
    return keys


def _predict(file: EtlFile) -> LabelIndex | None:
    """Labels from the order of the set, if the file keeps to it wherever it was looked at."""
    if not isinstance(file.source, MappedFile):  # a zip has to be run through anyway
        return None
    match file.data_set.order:
        case "repeat" if file.records > file.data_set.classes:
            first = read_keys(file, np.arange(file.data_set.classes))
            keys = np.resize(first, file.records)
        case "blocks" if file.records > 2 * STEP:
            keys = _blocks(file)
        case _:
            return None
    probes = np.unique(np.random.default_rng(file.records).integers(0, file.records, PROBES))
    return LabelIndex(keys, predicted=True) if np.array_equal(read_keys(file, probes), keys[probes]) else None


def _blocks(file: EtlFile) -> Keys:
    """Labels of a file in which equal ones stand together: look at some records, and halve where two differ."""
    end = file.records if file.models_from is None else min(file.records, file.models_from)
    places = np.unique(np.append(np.arange(0, end, STEP), [1, end - 1]))
    keys = read_keys(file, places)
    while True:
        open_gaps = np.flatnonzero((np.diff(keys) != 0) & (np.diff(places) > 1))
        if not len(open_gaps):
            break
        middle = (places[open_gaps] + places[open_gaps + 1]) // 2
        order = np.argsort(places := np.concatenate([places, middle]))
        keys = np.concatenate([keys, read_keys(file, middle)])[order]
        places = places[order]
    spans = np.diff(np.append(places, end))
    models = read_keys(file, np.arange(end, file.records))  # one of each: no blocks
    return np.concatenate([np.repeat(keys, spans), models])


def _sidecar(file: EtlFile, cache: Path) -> Path:
    return cache / f"etl-{file.source.fingerprint()}-{VERSION}.npz"


def _load(sidecar: Path, records: int) -> LabelIndex | None:
    """The kept index; None if it is not there, damaged, or of another number of records."""
    try:
        with np.load(sidecar, allow_pickle=False) as kept:
            keys, predicted = kept["keys"], bool(kept["predicted"])
    except (OSError, ValueError, KeyError, EOFError, zlib.error, zipfile.BadZipFile):
        return None
    return LabelIndex(keys, predicted) if keys.shape == (records,) and keys.dtype == np.uint32 else None


def _save(sidecar: Path, index: LabelIndex) -> None:
    """Whole or not at all: two processes may index the same file at once. A cache that can't be written is no loss."""
    try:
        sidecar.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=sidecar.parent, suffix=".tmp")
    except OSError:
        return
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez_compressed(file, keys=index.keys, predicted=index.predicted)
        Path(name).replace(sidecar)
    except OSError:
        Path(name).unlink(missing_ok=True)
