"""Synthetic ETL records and files, written by the table that reads them.

    python tests/glyphs/etl_bytes.py FOLDER [--set ETL9G --files 2 --writers 200 --chars hiragana]

writes files of a full format, filled with as-scanned cells of the embedded pen: data to train from without ETL.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.glyphs import penman, repertoire
from core.glyphs.etl.charsets import jis_x_0208, jis_x_0208_code
from core.glyphs.etl.columns import groups
from core.glyphs.etl.datasets import DATA_SETS, DataSet
from core.glyphs.etl.fields import T56
from core.glyphs.etl.formats import Field, RecordFormat
from core.glyphs.etl.pixels import packed_images, unpack_pixels
from core.glyphs.etl.selection import Batch
from core.glyphs.etl.writer import make_records
from core.glyphs.sources import Source

Bytes = npt.NDArray[np.uint8]

HIRAGANA = "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわをん"


def random_levels(fmt: RecordFormat, count: int, rng: np.random.Generator) -> Bytes:
    """(N, H, W) raw grey levels over the whole range."""
    return rng.integers(0, fmt.levels, (count, fmt.height, fmt.width), np.uint8)


def random_columns(fmt: RecordFormat, count: int, rng: np.random.Generator) -> dict[str, list[Any]]:
    """A value for every field of the layout, none of them null."""
    return {field.name: [_value(field, rng) for _ in range(count)] for field in fmt.fields}


def _value(field: Field, rng: np.random.Generator) -> Any:
    if field.kind == "uint":
        return int(rng.integers(1, 1 << field.bits))
    step = 8 if field.kind == "ascii" else 6
    letters = [letter for letter in T56 if letter != " "] if step == 6 else [chr(code) for code in range(0x21, 0x7F)]
    return "".join(rng.choice(letters, field.bits // step))


def etl9_codes() -> list[int]:
    """The 3,036 codes of ETL9: 71 hiragana and 2,965 kanji, in a fixed shuffled order with あ at 15, い at 31."""
    kana = [code for code in range(0x2422, 0x2474) if code not in SMALL and jis_x_0208(code)]
    kanji = [code for code in range(0x3021, 0x4F54) if jis_x_0208(code)]
    codes: list[int] = np.random.default_rng(9).permutation(kana + kanji).tolist()
    for place, code in ((15, 0x2422), (31, 0x2424), (47, 0x2426), (167, 0x2428)):
        other = codes.index(code)
        codes[place], codes[other] = codes[other], codes[place]
    return codes


SMALL = {0x2423, 0x2425, 0x2427, 0x2429, 0x2443, 0x2463, 0x2465, 0x2467, 0x246E, 0x2470, 0x2471}


def records_of(
    name: str,
    codes: npt.ArrayLike,
    *,
    seed: int = 0,
    levels: Bytes | None = None,
    **columns: Any,
) -> Bytes:
    """Records of a data set with these label codes, random pixels and plausible fields; `columns` overrides."""
    data_set = DATA_SETS[name]
    fmt = data_set.format
    code = np.asarray(codes, np.int64)
    count = len(code)
    rng = np.random.default_rng(seed)
    values = {**_plausible(data_set, count, rng), "code": code, **columns}
    values = {field: value for field, value in values.items() if field in {f.name for f in fmt.fields}}
    return make_records(fmt, random_levels(fmt, count, rng) if levels is None else levels, values)


def _plausible(data_set: DataSet, count: int, rng: np.random.Generator) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "serial": np.arange(1, count + 1),
        "sheet": 1 + np.arange(count) % 20,
        "eval_image": rng.integers(0, 3, count),
        "eval_group": np.zeros(count, np.int64),
        "x": rng.integers(0, 9, count),
        "y": rng.integers(0, 9, count),
    }
    if not data_set.zero_is_null:
        columns["sex"] = rng.integers(1, 3, count)
        columns["age"] = rng.integers(6, 80, count)
        columns["industry"] = rng.integers(1, 9999, count)
        columns["occupation"] = rng.integers(1, 99, count)
        columns["collected"] = np.full(count, 7412)
    return columns


def write_etl9g(folder: Path, *, files: int = 1, sets: int = 4) -> list[int]:
    """ETL9G files whose labels repeat every 3,036 records; thin records are not: 25 MB a set. Returns the codes."""
    codes = etl9_codes()
    for number in range(1, files + 1):
        sheets = 1 + np.arange(len(codes)) * 20 // len(codes)
        blank = np.zeros((len(codes), 127, 128), np.uint8)
        blank[:, 40:80, 50:70] = 1 + np.arange(len(codes))[:, None, None] % 15
        part = records_of("ETL9G", codes, levels=blank, sheet=sheets)
        write_records(folder / f"ETL9G_{number:02d}", np.tile(part, (sets, 1)))
    return codes


def write_records(path: Path, records: Bytes, *, dummy: bool = False) -> None:
    """One file of whole records, behind a zero-filled one where the data set has that (ETL8B, ETL9B)."""
    with path.open("wb") as file:
        if dummy:
            file.write(bytes(records.shape[1]))
        file.write(np.ascontiguousarray(records).data)


def levels_of(batch: Batch) -> Bytes:
    """(n, H, W) grey levels of the file's own depth."""
    fmt = batch.file.data_set.format
    return unpack_pixels(packed_images(batch.records, fmt), fmt)


def groups_of(batch: Batch) -> npt.NDArray[np.int64]:
    """(n,) what must stay together in a split: writer, else sheet."""
    return groups(batch.file, batch.places, batch.records)


def loaded(source: Source, rows: npt.NDArray[np.int64]) -> Bytes:
    """(n, H, W) images of these positions, all of one geometry."""
    places, images = zip(*source.batches(rows), strict=True)
    return np.concatenate(images)[np.argsort(np.concatenate(places))]


def kana_codes(characters: str) -> list[int]:
    """JIS X 0208 codes of these characters."""
    codes = [jis_x_0208_code(character) for character in characters]
    assert all(codes)
    return [code for code in codes if code]


def small_file(
    folder: Path, name: str = "ETL9G_01", characters: str = HIRAGANA, *, copies: int = 2, **more: Any
) -> Path:
    """A short file of a JIS X 0208 set: each character `copies` times, category after category."""
    known = name[:5]
    path = folder / name
    codes = np.repeat(kana_codes(characters), copies)
    write_records(path, records_of(known, codes, **more), dummy=DATA_SETS[known].dummy)
    return path


def write_handwriting(folder: Path, name: str, characters: str, *, writers: int, files: int = 1, seed: int = 0) -> None:
    """Files of ETL8G or ETL9G in which each writer wrote each character once, as a scanner saw it."""
    data_set = DATA_SETS[name]
    fmt = data_set.format
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, files + 1):
        ids = np.arange(writers) + writers * (number - 1)
        cells = [
            penman.scanned_cell(character, ids, width=fmt.width, height=fmt.height, levels=fmt.levels, seed=seed).cells
            for character in characters
        ]
        codes = np.repeat(kana_codes(characters), writers)
        sheets = np.tile(1 + np.arange(writers) % 20, len(characters))
        records = records_of(name, codes, levels=np.concatenate(cells), sheet=sheets)
        write_records(folder / f"{name}_{number:02d}", records, dummy=data_set.dummy)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write synthetic ETL files.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--set", default="ETL9G", choices=["ETL8G", "ETL9G"])
    parser.add_argument("--files", type=int, default=2)
    parser.add_argument("--writers", type=int, default=200, help="in each file")
    parser.add_argument("--chars", default="hiragana", help="a named set, or the characters themselves")
    options = parser.parse_args()
    characters = "".join(repertoire.characters(options.chars))
    write_handwriting(options.folder, options.set, characters, writers=options.writers, files=options.files)


if __name__ == "__main__":
    main()
