"""NumPy archives: images, labels, turns and codes as arrays, a file a shard; the label map in each of them."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from core.export.drawing import Batch
from core.export.formats.base import Task, Whole, shard_name


class NpzFormat:
    """OUT/data-00000-of-00004.npz."""

    def __init__(self, task: Task) -> None:
        self.task = task

    def write(self, shard: int, batches: Iterable[Batch]) -> None:
        first, end = self.task.span(shard)
        count = end - first
        arrays: dict[str, Any] = {
            "images": np.empty((count, self.task.height, self.task.width), np.uint8),
            "labels": np.empty(count, np.int64),
            "turns": np.empty(count, np.int64),
            "codes": np.empty((count, len(self.task.codes)), np.float32),
        }
        if self.task.judged:
            arrays["confidence"] = np.empty(count, np.float32)
        for batch in batches:
            rows = slice(batch.first - first, batch.first - first + len(batch.labels))
            arrays["images"][rows], arrays["labels"][rows] = batch.images, batch.labels
            arrays["turns"][rows], arrays["codes"][rows] = batch.turns, batch.codes
            if batch.confidence is not None:
                arrays["confidence"][rows] = batch.confidence
        names = np.array(self.task.characters)
        with Whole(self.task.out / shard_name(self.task, shard, "npz")) as file:
            np.savez(file, characters=names, code_names=np.array(self.task.codes, np.str_), **arrays)

    def finish(self) -> None:
        """Nothing is left to do."""
