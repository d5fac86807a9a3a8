"""How fast are the readers? On synthetic files of the true sizes, made in a temporary folder and deleted after.

    python -m core.glyphs.etl.bench [--files 10] [--folder /tmp]

Three ways side by side for one ETL9G file: record by record with bit strings (as the database's own sample program
and its forks do), this package, and a plain copy of the same output bytes. Before that, choosing ten characters from a
folder; after it, every layout, and the preparation of cells.
"""

import argparse
import resource
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

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

Bytes = npt.NDArray[np.uint8]

CLASSES = 3036
SETS = 4  # in a file of ETL9G
SLOW_RECORDS = 2000  # decoded by the reference
LAYOUT_BYTES = 50_000_000  # of each layout
SMALL = "ぁぃぅぇぉっゃゅょゎゐゑ"  # hiragana that ETL9 does not have
TEN = "あいうえおかきくけこ"


def main() -> None:
    parser = argparse.ArgumentParser(description="Speed of the ETL readers.")
    parser.add_argument("--files", type=int, default=10, help="ETL9G files of 100 MB to write")
    parser.add_argument("--folder", type=Path, default=None, help="where; the system's temporary folder if not given")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        write_etl9g(folder / "ETL9G", options.files)
        choose(folder / "ETL9G", folder / "cache")  # first: it reports the memory it took
        decode(folder / "ETL9G" / "ETL9G_01")
        layouts()
        preparation()


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


def decode(path: Path) -> None:
    """One file to images and labels, three ways."""
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
    print(f"one ETL9G file, {records:,} records, {len(raw) / 1e6:.0f} MB, one core, page cache warm")
    print(f"  bit strings, record by record {bit_rate:12,.0f} records/s")
    print(f"  this reader                   {records / fast:12,.0f} records/s   {records / fast / bit_rate:.0f} x that")
    print(
        f"  plain copy of the output      {records / copy:12,.0f} records/s   takes 1 / {fast / copy:.1f} of the time"
    )


def bit_by_bit(raw: bytes, fmt: RecordFormat) -> list[tuple[str | None, Bytes]]:
    """The reference: a loop over records, fields by `struct`, pixels by Pillow's decoder of bit strings."""
    decoded = []
    for start in range(0, len(raw), fmt.size):
        fields = struct.unpack(">H2s8sI4B4H2B34x8128s7x", raw[start : start + fmt.size])
        label = (b"\x1b$B" + fields[1] + b"\x1b(B").decode("iso2022_jp")
        grey = Image.frombytes("F", (fmt.width, fmt.height), fields[-1], "bit", fmt.bits)
        decoded.append((label, np.asarray(grey.point(lambda level: level * 17).convert("L"))))
    return decoded


def layouts() -> None:
    """Input bytes a second of each layout."""
    print("every layout, to 8-bit images")
    rng = np.random.default_rng(2)
    for name, fmt in FORMATS.items():
        count = LAYOUT_BYTES // fmt.size
        levels = rng.integers(0, fmt.levels, (64, fmt.height, fmt.width), np.uint8)
        records = np.resize(make_records(fmt, levels, {}), (count, fmt.size))
        images = np.empty((count, fmt.height, fmt.width), np.uint8)
        seconds = best(partial(unpack_images, records, fmt, images))
        print(f"  {name:3} {records.size / seconds / 1e6:8,.0f} MB/s  {count / seconds:12,.0f} records/s")


def choose(folder: Path, cache: Path) -> None:
    """Ten hiragana from all files, first without and then with an index."""
    for moment in ("not indexed", "indexed"):
        with timed() as opening:
            etl = open_etl([folder], cache=cache)
        with timed() as reading:
            count = sum(len(batch.images) for batch in etl.read(etl.select(TEN)))
        print(f"ten hiragana, {count} images from {len(etl.files)} files, {moment}: "
              f"opened in {opening():.3f} s, chosen and read in {reading():.3f} s")  # fmt: skip
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    print(f"largest memory of this process so far: {kilobytes / 1024:,.0f} MiB")


def preparation() -> None:
    """As-scanned cells of ETL9G's size to clean characters of 64 pixels, and what a whole ETL9G would take."""
    raw = np.concatenate([penman.scanned_cell(character, range(40), width=128, height=127, levels=16).cells * 17
                          for character in TEN])  # fmt: skip
    rate = len(raw) / best(lambda: prepare(raw, Preparation(), 64))
    print(f"prepared at 64 pixels: {rate:,.0f} cells/s; 46 x 200 in {46 * 200 / rate:.1f} s, "
          f"607,200 in {607_200 / rate / 60:.1f} minutes on this core")  # fmt: skip


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


if __name__ == "__main__":
    main()
