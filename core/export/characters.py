"""A set of single characters, in one of the formats."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from core.export.batch import Batch, Reports
from core.export.beside import Progress, Report, Write, written_beside
from core.export.card import Made, write_card
from core.export.drawing import Drawer, Reader
from core.export.formats import open_format
from core.export.formats.base import Task
from core.export.request import Request, fingerprint, span
from core.gan.sample import Sampler

VERSION = 1  # of exports: raise it when the same request gives other bytes


class Characters:
    """A job for `core.export.job.carry_out`."""

    def __init__(
        self, out: Path, sampler: Sampler, request: Request, made: Made, *, reader: Reader | None = None
    ) -> None:
        self.out, self.request, self.made = out, request, made
        self.drawer = Drawer(sampler, request, reader=reader)
        self.total, self.shards = request.total, request.shards
        height, width = self.drawer.shape() if request.format != "etl9g" else (127, 128)
        names = tuple(sampler.code_names)
        task = Task(out, request.characters, self.total, self.shards, height, width, names, reader is not None)
        self._task, self.format = task, open_format(request.format, task)
        self.fingerprint = fingerprint({"version": VERSION, "request": request, "checkpoint": made.checkpoint})

    def span(self, shard: int) -> tuple[int, int]:
        return span(self.total, self.shards, shard)

    def written(self, shards: Sequence[int], progress: Progress) -> Reports:
        """On a GPU several at a time, encoded and written by processes of their own; on a CPU drawing takes it all."""
        if self.drawer.sampler.on_cpu or len(shards) < 2:
            return ((shard, self._write(shard, self.format.write, progress)) for shard in shards)
        return written_beside(self.request.format, self._task, shards, self._write, progress)

    def _write(self, shard: int, to: Write, progress: Progress) -> Report:
        report = self.drawer.nothing_filtered()
        with closing(self.drawer.batches(*self.span(shard), report)) as batches:
            to(shard, _counted(batches, progress))
        return {} if self.drawer.reader is None else {key: column.tolist() for key, column in report._asdict().items()}

    def finish(self, reports: list[dict[str, Any]]) -> None:
        self.format.finish()
        judged = [report for report in reports if report]
        filtered = None
        if judged:
            drawn, below = (np.sum([report[key] for report in judged], 0).tolist() for key in ("drawn", "kept_below"))
            filtered = {
                character: {"samples": count, "drawn": drawn[place], "kept_below": below[place]}
                for place, (character, count) in enumerate(self.request.counts)
            }
        write_card(self.out, self.made, self._facts(), filtered=filtered, identity=self.fingerprint)

    def _facts(self) -> dict[str, Any]:
        request = self.request._asdict()
        counts = dict(self.request.counts)
        return {"kind": "characters", "samples": self.total, **request, "counts": counts}


def _counted(batches: Iterator[Batch], progress: Progress) -> Iterator[Batch]:
    for batch in batches:
        yield batch
        progress(len(batch.labels))


def reader_of(judge: Any) -> Reader:
    """A judge of core.judge as the filter wants it."""
    return partial(_read, judge)


def _read(judge: Any, images: Any) -> Any:
    reading = judge.read(images)
    return reading.label, reading.confidence
