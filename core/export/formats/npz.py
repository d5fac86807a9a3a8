"""NumPy archives: images, labels, turns and codes as arrays, a file a shard; the label map in each of them.

The same bytes as `numpy.savez` of whole arrays, but never more than a batch in memory: images go straight into the
archive, and the other columns, which come with them and lie behind them, wait in unnamed files on the same disk.
"""

import contextlib
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from shutil import copyfileobj
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from core.export.batch import Batch
from core.export.formats.base import Task, Whole, pixels, shard_name

BLOCK = 1 << 20  # bytes copied at a time


class Column(NamedTuple):
    """An array of a shard, a row a sample."""

    dtype: np.dtype[Any]
    row: tuple[int, ...]  # shape of a sample's part


class NpzFormat:
    """OUT/data-00000-of-00004.npz."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self._images = Column(np.dtype(np.uint8), (task.height, task.width))
        self._others = {
            "labels": Column(np.dtype(np.int64), ()),
            "turns": Column(np.dtype(np.int64), ()),
            "codes": Column(np.dtype(np.float32), (len(task.codes),)),
        }
        if task.judged:
            self._others["confidence"] = Column(np.dtype(np.float32), ())

    def write(self, shard: int, batches: Iterable[Batch]) -> None:
        first, end = self.task.span(shard)
        with (
            Whole(self.task.out / shard_name(self.task, shard, "npz")) as file,
            _unnamed(self.task.out, self._others) as waiting,
            zipfile.ZipFile(file, "w") as archive,
        ):
            for name, texts in (("characters", self.task.characters), ("code_names", self.task.codes)):
                with _member(archive, name) as member:
                    npy.write_array(member, np.array(texts, np.str_), allow_pickle=False)
            with _member(archive, "images") as member:
                _head(member, self._images, end - first)
                for batch in batches:
                    member.write(pixels(batch.images))
                    for name, column in self._others.items():
                        waiting[name].write(_rows(batch, name).astype(column.dtype).tobytes())
            for name, column in self._others.items():
                waiting[name].seek(0)
                with _member(archive, name) as member:
                    _head(member, column, end - first)
                    copyfileobj(waiting[name], member, BLOCK)

    def finish(self) -> None:
        """Nothing is left to do."""


@contextlib.contextmanager
def _unnamed(folder: Path, names: Iterable[str]) -> Iterator[dict[str, IO[bytes]]]:
    """A file for each name that nobody sees, gone when this ends, even by a kill."""
    with contextlib.ExitStack() as stack:
        yield {
            name: stack.enter_context(tempfile.TemporaryFile(dir=folder, prefix="..", suffix=".tmp")) for name in names
        }


def _member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    """An array's place in the archive: dated 1980, as all are, and of any length."""
    return archive.open(f"{name}.npy", "w", force_zip64=True)


def _head(member: IO[bytes], column: Column, count: int) -> None:
    """What stands before the numbers of `count` samples."""
    shape = (count, *column.row)
    npy.write_array_header_1_0(
        member, {"descr": npy.dtype_to_descr(column.dtype), "fortran_order": False, "shape": shape}
    )


def _rows(batch: Batch, name: str) -> NDArray[Any]:
    column: NDArray[Any] = getattr(batch, name)
    return column
