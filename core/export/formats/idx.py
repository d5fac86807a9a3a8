"""MNIST's IDX files: images, labels, a map from labels to characters, and what a judge was asked, its confidence.

Every sample has its place, so shards write into the same two files. Labels are bytes up to 256 characters, as in
MNIST; above that they are 32-bit numbers (type 0x0C of the format).
"""

import contextlib
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
CONFIDENCE = "confidence-idx1-float"
MOST = 2**32 - 1  # samples that a header can tell
_BYTES, _INTS, _FLOATS = 0x08, 0x0C, 0x0D


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
        self._confidence_head = struct.pack(">BBBBI", 0, 0, _FLOATS, 1, task.total)
        self._label_head = struct.pack(">BBBBI", 0, 0, _INTS if wide else _BYTES, 1, task.total)

    def write(self, _shard: int, batches: Iterable[Batch]) -> None:
        heads = {self.task.out / IMAGES: self._image_head, self.labels: self._label_head}
        if self.task.judged:
            heads[self.task.out / CONFIDENCE] = self._confidence_head
        with contextlib.ExitStack() as stack:
            places = [(_open(path, stack), head) for path, head in heads.items()]
            for file, head in places:
                _put_at(file, head, 0)
            for batch in batches:
                columns = [pixels(batch.images), batch.labels.astype(self._label_type).tobytes()]
                if batch.confidence is not None:
                    columns.append(batch.confidence.astype(">f4").tobytes())
                for (file, head), content in zip(places, columns, strict=True):
                    _put_at(file, content, len(head) + batch.first * (len(content) // len(batch.labels)))

    def finish(self) -> None:
        table = [[label, character, code_point(character)] for label, character in enumerate(self.task.characters)]
        write_atomic(self.task.out / MAP, csv_lines([["label", "character", "code_point"], *table]))


def _open(path: Path, stack: contextlib.ExitStack) -> int:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
    stack.callback(os.close, descriptor)
    return descriptor


def _put_at(descriptor: int, content: bytes, offset: int) -> None:
    written = 0
    while written < len(content):  # a nearly full disk takes a part; the next call says that it is full
        written += os.pwrite(descriptor, content[written:], offset + written)
