"""Parquet with PNG files inside, as image data sets are shared: column `image` has `bytes` and `path`."""

import importlib
from collections.abc import Iterable
from typing import Any

from core.errors import ConfigError
from core.export.batch import Batch
from core.export.formats.base import Task, Whole, columns, rows, shard_name
from core.export.png import encode

GROUP = 4096  # rows of a row group: what a reader has to hold


class ParquetFormat:
    """OUT/data-00000-of-00004.parquet."""

    def __init__(self, task: Task) -> None:
        self.task = task
        try:
            self._arrow, self._parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
        except ImportError:
            raise ConfigError("--format parquet: needs pyarrow; pip install 'etlgan[parquet]'") from None
        self._schema = self._columns()

    def write(self, shard: int, batches: Iterable[Batch]) -> None:
        path = self.task.out / shard_name(self.task, shard, "parquet")
        with Whole(path) as file, self._parquet.ParquetWriter(file, self._schema, compression="none") as writer:
            waiting: list[dict[str, Any]] = []
            for batch in batches:
                waiting += self._records(batch)
                while len(waiting) >= GROUP:
                    self._write(writer, waiting[:GROUP])
                    del waiting[:GROUP]
            if waiting:
                self._write(writer, waiting)

    def finish(self) -> None:
        """Nothing is left to do."""

    def _records(self, batch: Batch) -> list[dict[str, Any]]:
        names = columns(self.task)
        return [
            {"image": {"bytes": encode(image), "path": f"{row[0]:08}.png"}, **dict(zip(names, row, strict=True))}
            for image, row in zip(batch.images, rows(self.task, batch), strict=True)
        ]

    def _write(self, writer: Any, records: list[dict[str, Any]]) -> None:
        writer.write_table(self._arrow.Table.from_pylist(records, schema=self._schema), row_group_size=GROUP)

    def _columns(self) -> Any:
        arrow = self._arrow
        kinds = {"index": arrow.int64(), "label": arrow.int32(), "turn": arrow.int64()}
        texts = dict.fromkeys(("character", "code_point"), arrow.string())
        image = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
        named = [(name, (kinds | texts).get(name, arrow.float32())) for name in columns(self.task)]
        return arrow.schema([("image", image), *named])
