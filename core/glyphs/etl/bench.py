"""How fast are the readers? Measured on synthetic files of the true sizes.

Three ways side by side for one ETL9G file: record by record with bit strings (as the database's own sample program
and its forks do), this package, and a plain copy of the same output bytes. Before that, choosing ten characters from a
folder; after it, every layout, and the preparation of cells. `etlgan bench data` prints it.
"""

import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from core.glyphs import penman
from core.glyphs.etl.charsets import jis_x_0208
from core.glyphs.etl.formats import FORMATS, RecordFormat
from core.glyphs.etl.pixels import unpack_images
from core.glyphs.etl.reader import open_etl
from core.glyphs.etl.writer import make_records
from core.glyphs.prepare import Preparation, prepare
from core.usage import peak_memory

Bytes = npt.NDArray[np.uint8]

CLASSES = 3036
SETS = 4  # in a file of ETL9G
CELLS = 40  # of each of ten characters, prepared
SLOW_RECORDS = 2000  # decoded by the reference
LAYOUT_BYTES = 50_000_000  # of each layout
SMALL = "ぁぃぅぇぉっゃゅょゎゐゑ"  # hiragana that ETL9 does not have
TEN = "あいうえおかきくけこ"


class Figure(NamedTuple):
    """One thing that was measured."""

    what: str
    value: float
    unit: str
    promised: str = ""  # what it has to reach; "" where nothing was promised


def measure(folder: Path, *, files: int) -> Iterator[Figure]:
    """Every figure, one after the other; `folder` gets `files` files of ETL9G, 100 MB each."""
    write_etl9g(folder / "ETL9G", files)
    yield from choose(folder / "ETL9G", folder / "cache")  # first: it reports the memory it took
    yield from decode(folder / "ETL9G" / "ETL9G_01")
    yield from layouts()
    yield from preparation()


def etl9_codes() -> Bytes:
    """(3036, 2) the codes of ETL9 in some fixed order."""
    kana = [code for code in range(0x2422, 0x2474) if (jis_x_0208(code) or SMALL) not in SMALL]
    kanji = [code for code in range(0x3021, 0x4F54) if jis_x_0208(code)]
    order = np.random.default_rng(9).permutation(np.array(kana + kanji))
    return order.astype(">u2").view(np.uint8).reshape(-1, 2)


def write_etl9g(folder: Path, files: int) -> None:
    """Files of 12,144 records with random pixels; the labels repeat every 3,036."""
    folder.mkdir()
    fmt = FORMATS["9G"]
    rng = np.random.default_rng(1)
    one_set = rng.integers(0, 256, (CLASSES, fmt.size), np.uint8)
    one_set[:, : fmt.image] = 0
    one_set[:, 2:4] = etl9_codes()
    for number in range(1, files + 1):
        with (folder / f"ETL9G_{number:02d}").open("wb") as file:
            for _ in range(SETS):
                file.write(one_set.data)


def decode(path: Path) -> Iterator[Figure]:
    """One ETL9G file, on one core and with its pages cached, to images and labels: three ways side by side."""
    raw = path.read_bytes()  # and it is in the page cache
    fmt = FORMATS["9G"]
    records = len(raw) // fmt.size
    with timed() as slow:
        bit_by_bit(raw[: SLOW_RECORDS * fmt.size], fmt)
    etl = open_etl([path])
    chosen = etl.select()
    images = np.empty((records, fmt.height, fmt.width), np.uint8)

    def read() -> None:
        place = 0
        for batch in etl.read(chosen):
            unpack_images(batch.records, fmt, images[place : place + len(batch.places)])
            place += len(batch.places)

    target = np.empty_like(images)
    fast, copy = best(read), best(lambda: np.copyto(target, images))
    bit_rate = SLOW_RECORDS / slow()
    yield Figure("decode ETL9G: bit strings, record by record", bit_rate, "records/s")
    yield Figure("decode ETL9G: this reader", records / fast, "records/s")
    yield Figure("decode ETL9G: plain copy of the output", records / copy, "records/s")
    yield Figure("reader against bit strings", records / fast / bit_rate, "times", "at least 15")
    yield Figure("time of the reader against that of the copy", fast / copy, "times", "at most 4")


def bit_by_bit(raw: bytes, fmt: RecordFormat) -> list[tuple[str | None, Bytes]]:
    """The reference: a loop over records, fields by `struct`, pixels by Pillow's decoder of bit strings."""
    decoded = []
    for start in range(0, len(raw), fmt.size):
        fields = struct.unpack(">H2s8sI4B4H2B34x8128s7x", raw[start : start + fmt.size])
        label = (b"\x1b$B" + fields[1] + b"\x1b(B").decode("iso2022_jp")
        grey = Image.frombytes("F", (fmt.width, fmt.height), fields[-1], "bit", fmt.bits)
        decoded.append((label, np.asarray(grey.point(lambda level: level * 17).convert("L"))))
    return decoded


def layouts() -> Iterator[Figure]:
    """Input bytes a second of each layout, to 8-bit images."""
    rng = np.random.default_rng(2)
    for name, fmt in FORMATS.items():
        count = LAYOUT_BYTES // fmt.size
        levels = rng.integers(0, fmt.levels, (64, fmt.height, fmt.width), np.uint8)
        records = np.resize(make_records(fmt, levels, {}), (count, fmt.size))
        images = np.empty((count, fmt.height, fmt.width), np.uint8)
        seconds = best(partial(unpack_images, records, fmt, images))
        yield Figure(f"unpack layout {name}", records.size / seconds / 1e6, "MB/s", "over 150")


def choose(folder: Path, cache: Path) -> Iterator[Figure]:
    """Ten hiragana from all files, first without and then with an index."""
    for moment, promised in (("not indexed", ""), ("indexed", "under 3")):
        with timed() as opening:
            etl = open_etl([folder], cache=cache)
        with timed() as reading:
            count = sum(len(batch.images) for batch in etl.read(etl.select(TEN)))
        yield Figure(f"open {len(etl.files)} files of ETL9G, {moment}", opening(), "s", "under 1")
        yield Figure(f"choose and read {count:,} images of ten hiragana, {moment}", reading(), "s", promised)
    yield Figure("largest memory of this process so far", peak_memory() / 1e6, "MB", "under 300")


def preparation() -> Iterator[Figure]:
    """As-scanned cells of ETL9G's size to clean characters of 64 pixels, and what that comes to."""
    raw = np.concatenate([penman.scanned_cell(character, range(CELLS), width=128, height=127, levels=16).cells * 17
                          for character in TEN])  # fmt: skip
    rate = len(raw) / best(lambda: prepare(raw, Preparation(), 64))
    yield Figure("prepare at 64 pixels, one core", rate, "cells/s")
    yield Figure("46 x 200 characters would take", 46 * 200 / rate, "s", "under 10")
    yield Figure("607,200 (all of ETL9G) would take", 607_200 / rate / 60, "minutes", "under 10")


def best(action: Callable[[], object], times: int = 3) -> float:
    """Seconds of the fastest of a few runs, so that other work on the machine counts least."""
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


@contextmanager
def timed() -> Iterator[Callable[[], float]]:
    start = time.perf_counter()
    end: list[float] = []
    yield lambda: end[0] - start
    end.append(time.perf_counter())
