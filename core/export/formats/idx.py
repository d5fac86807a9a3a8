"""MNIST's IDX files: images, labels, and a map from labels to characters.

Every sample has its place, so shards write into the same two files. Labels are bytes up to 256 characters, as in
MNIST; above that they are 32-bit numbers (type 0x0C of the format).
"""

import os
import struct
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from core.errors import ConfigError
from core.export.batch import Batch
from core.export.formats.base import Task, code_point, csv_lines, pixels
from core.rundir import write_atomic

IMAGES, LABELS, MAP = "images-idx3-ubyte", "labels-idx1-ubyte", "characters.csv"
WIDE_LABELS = "labels-idx1-int"
MOST = 2**32 - 1  # samples that a header can tell
_BYTES, _INTS = 0x08, 0x0C


class IdxFormat:
    """OUT/images-idx3-ubyte, labels-idx1-ubyte, characters.csv."""

    def __init__(self, task: Task) -> None:
        self.task = task
        if task.total > MOST:
            raise ConfigError(f"--format idx: numbers {MOST:,} samples, not {task.total:,}; choose another format")
        wide = len(task.characters) > 256
        self.labels = task.out / (WIDE_LABELS if wide else LABELS)
        self._label_type = np.dtype(">i4") if wide else np.dtype("u1")
        self._image_head = struct.pack(">BBBBIII", 0, 0, _BYTES, 3, task.total, task.height, task.width)
        self._label_head = struct.pack(">BBBBI", 0, 0, _INTS if wide else _BYTES, 1, task.total)

    def write(self, _shard: int, batches: Iterable[Batch]) -> None:
        images, labels = _open(self.task.out / IMAGES), _open(self.labels)
        try:
            _put_at(images, self._image_head, 0)
            _put_at(labels, self._label_head, 0)
            for batch in batches:
                one = self.task.height * self.task.width
                _put_at(images, pixels(batch.images), len(self._image_head) + batch.first * one)
                width = self._label_type.itemsize
                _put_at(
                    labels, batch.labels.astype(self._label_type).tobytes(), len(self._label_head) + batch.first * width
                )
        finally:
            os.close(images)
            os.close(labels)

    def finish(self) -> None:
        table = [[label, character, code_point(character)] for label, character in enumerate(self.task.characters)]
        write_atomic(self.task.out / MAP, csv_lines([["label", "character", "code_point"], *table]))


def _open(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)


def _put_at(descriptor: int, content: bytes, offset: int) -> None:
    written = 0
    while written < len(content):  # a nearly full disk takes a part; the next call says that it is full
        written += os.pwrite(descriptor, content[written:], offset + written)
