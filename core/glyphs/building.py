"""From a source to the files of a glyph set: choose, prepare, leave out what is blank, write."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError
from core.glyphs import beside
from core.glyphs.beside import Batches
from core.glyphs.choosing import Chosen, choose
from core.glyphs.prepare import Preparation, fitted, preparation
from core.glyphs.sources import Index, PenmanSource, Source
from core.settings import DataConfig

ARRAYS = ("images", "labels", "groups", "held_out")  # one NPY file each
FACTS = "glyphs.json"
COPIED = 4096  # images moved at a time

Progress = Callable[[int, int], None]  # images done, images in all


class Order(NamedTuple):
    """What is to be made."""

    data: DataConfig
    source: Source
    characters: tuple[str, ...]
    options: Preparation
    size: int  # pixels


def preparation_of(data: DataConfig, source: Source) -> Preparation:
    """The steps that images of this source go through."""
    return preparation(data.prepare, raw=source.needs_preparation, margin=data.margin)


class Made(Protocol):
    """Images that were prepared before (Shards)."""

    def batches(self, rows: NDArray[np.int64], size: int) -> Batches:
        """As `sized_batches` gives them."""

    def problems(self) -> list[str]:
        """What was stepped over on the way."""


def chosen(order: Order) -> tuple[Index, Chosen]:
    """What the source has of it, and which of that is taken."""
    data, source, characters = order.data, order.source, order.characters
    index = source.index(characters, per_char=data.per_char, held_out=data.held_out)
    return index, choose(index, characters, data)


def write_set(folder: Path, order: Order, progress: Progress | None, before: Made | None = None) -> dict[str, Any]:
    """Write the arrays of the set, its images prepared now or `before`; returns what is to be known of them, as JSON
    holds it."""
    data, source, characters, options, size = order
    images = folder / "images.npy"
    index, asked = chosen(order)
    batches = before.batches(asked.rows, size) if before else sized_batches(source, asked.rows, size, options)
    has_ink = _write_images(images, batches, len(asked.rows), size, progress)
    made, blank = _without_blank(images, asked, has_ink, index.labels, characters)
    np.save(folder / "labels.npy", index.labels[made.rows])
    np.save(folder / "groups.npy", index.groups[made.rows])
    np.save(folder / "held_out.npy", made.held_out)
    stepped_over = dict.fromkeys((*source.problems, *(before.problems() if before else ())))
    problems = [problem for problem in (*stepped_over, asked.problem, blank) if problem]
    if problems and data.strict:
        raise DataError(f"{problems[0]} (strict)")
    return {
        "source": source.name,
        "spec": data.source,
        "chars": data.chars,
        "size": size,
        "images": len(made.rows),
        "held_out": int(made.held_out.sum()),
        "preparation": asdict(options),
        "problems": problems,
        "characters": characters,
    }


def sized_batches(
    source: Source, rows: NDArray[np.int64], size: int, options: Preparation, *, alone: bool = False
) -> Batches:
    """`source.batches(rows)`, prepared, as (n, size, size). Many of the pen's are drawn by several processes, unless
    this one is `alone`, as one of several already.
    """
    if isinstance(source, PenmanSource) and not alone:
        processes = beside.processes_for(len(rows), source.style)
        if processes > 1:
            yield from beside.sized_beside(source, rows, size, options, processes)
            return
    for places, raw in source.batches(rows):
        yield places, fitted(raw, options, size)


def _write_images(path: Path, batches: Batches, count: int, size: int, progress: Progress | None) -> NDArray[np.bool_]:
    """Write the prepared images as they come, each to its place; (n,) which of them show anything. Where `progress`
    raises, processes that draw end at once.
    """
    has_ink = np.zeros(count, bool)
    done = 0
    with path.open("wb") as file, closing(batches):
        start = header(file, count, size)
        for places, sized in batches:
            for place, image in zip(places.tolist(), sized, strict=True):
                file.seek(start + place * size * size)
                file.write(image.tobytes())
            has_ink[places] = sized.any((1, 2))
            done += len(places)
            if progress:
                progress(done, count)
    return has_ink


def header(file: BinaryIO, count: int, size: int) -> int:
    """Begin an NPY file of (count, size, size) uint8; where its images start. A memory map would hold all of them."""
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (count, size, size)})
    return file.tell()


def _without_blank(
    path: Path, asked: Chosen, has_ink: NDArray[np.bool_], labels: NDArray[np.int64], characters: tuple[str, ...]
) -> tuple[Chosen, str]:
    """Leave out cells in which no character was found, and say so; the file of images is then written anew."""
    if has_ink.all():
        return asked, ""
    kept = np.flatnonzero(has_ink)
    made = Chosen(asked.rows[kept], asked.held_out[kept], asked.problem)
    trained = np.bincount(labels[made.rows[~made.held_out]], minlength=len(characters))
    if not trained.all():
        raise DataError(f"every cell of {characters[int(trained.argmin())]} is blank once prepared; see data.prepare")
    _keep_only(path, kept)
    blank = np.bincount(labels[asked.rows[~has_ink]], minlength=len(characters))
    worst = f"{characters[int(blank.argmax())]} ({blank.max():,})"
    return made, f"{blank.sum():,} cells are blank once prepared, such as of {worst}; left out"


def _keep_only(path: Path, kept: NDArray[np.int64]) -> None:
    images = np.load(path, mmap_mode="r", allow_pickle=False)
    beside = path.with_suffix(".part")
    with beside.open("wb") as file:
        header(file, len(kept), images.shape[1])
        for start in range(0, len(kept), COPIED):
            file.write(images[kept[start : start + COPIED]].tobytes())
    beside.replace(path)
