"""Chosen records as PNG files with every metadata field beside them, for those who read images and tables.

OUT/U+3042/ETL9G_01_000015.png     the cell as scanned, 255 = ink (or 0, if asked for)
OUT/images.json                    a list with one object an image; null where the set does not fill a field
OUT/images.csv                     the same as a table
"""

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from core.errors import DataError
from core.glyphs.etl.columns import COLUMN_NAMES
from core.glyphs.etl.reader import EtlCollection
from core.glyphs.etl.selection import Batch, Selection

Progress = Callable[[int, int], None]  # images written, images in all

LIST_NAME, TABLE_NAME = "images.json", "images.csv"
FIRST_KEYS = ("image_name", "character", "width", "height")
KEYS = (*FIRST_KEYS, *(name for name in COLUMN_NAMES if name != "label"))
COMPRESSION = 1  # of PNG: the scans are small, and waiting is not


def extract(
    etl: EtlCollection,
    chosen: Selection,
    out: Path,
    *,
    black_on_white: bool = False,
    progress: Progress | None = None,
) -> int:
    """Write the chosen records under `out`, a folder that is new or empty; returns how many there are."""
    if not len(chosen.places):
        raise DataError("nothing was chosen, so nothing is written; see what there is with `etlgan data show`")
    done = 0
    try:
        check_empty(out)
        out.mkdir(parents=True, exist_ok=True)
        with (
            (out / LIST_NAME).open("w", encoding="utf-8") as list_file,
            (out / TABLE_NAME).open("w", encoding="utf-8", newline="") as table_file,
        ):
            table = csv.DictWriter(table_file, KEYS)
            table.writeheader()
            for batch in etl.read(chosen):
                for record in _written(batch, chosen.characters, out, black_on_white):
                    list_file.write(",\n" if done else "[\n")
                    list_file.write(json.dumps(record, ensure_ascii=False))
                    table.writerow(record)
                    done += 1
                if progress is not None:
                    progress(done, len(chosen.places))
            list_file.write("\n]\n" if done else "[]\n")
    except OSError as error:
        raise DataError(f"{out}: cannot be written ({error.strerror}) after {done:,} images") from None
    return done


def check_empty(out: Path) -> None:
    """DataError unless `out` is new or an empty folder."""
    try:
        if out.exists() and any(out.iterdir()):
            raise DataError(
                f"{out}: is not empty; name a new folder, so that no image of another choice is among these"
            )
    except NotADirectoryError:
        raise DataError(f"{out}: is a file; name a new folder") from None


def folder_name(label: str) -> str:
    """A folder for a label that every file system takes: `U+3042`, or the label itself if it is symbolic."""
    return f"U+{ord(label):04X}" if len(label) == 1 else label.replace(":", "-")


def _written(batch: Batch, characters: tuple[str, ...], out: Path, black_on_white: bool) -> Iterator[dict[str, Any]]:
    """Write the images of a batch, giving each one's record."""
    columns = {name: _plain(batch.column(name)) for name in KEYS if name in COLUMN_NAMES}
    images = 255 - batch.images if black_on_white else batch.images
    for row, (image, label) in enumerate(zip(images, batch.labels.tolist(), strict=True)):
        record = {name: values[row] for name, values in columns.items()}
        name = Path(folder_name(characters[label])) / f"{record['file']}_{record['record']:06}.png"
        _save(image, out / name)
        height, width = image.shape
        yield {"image_name": name.as_posix(), "character": characters[label], "width": width, "height": height} | record


def _plain(values: "np.ma.MaskedArray[Any, Any]") -> list[Any]:
    """Numbers and text as Python has them, None where masked."""
    plain: list[Any] = values.tolist()
    return plain


def _save(image: npt.NDArray[np.uint8], path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(image).save(path, compress_level=COMPRESSION)
