"""WebDataset: tar files that are read in order; 00000017.png, .cls (the label) and .json (all facts) are a sample."""

import io
import json
import tarfile
from collections.abc import Iterable

from core.export.batch import Batch
from core.export.formats.base import Task, Whole, columns, rows, shard_name
from core.export.png import encode


class WebDatasetFormat:
    """OUT/data-00000-of-00004.tar."""

    def __init__(self, task: Task) -> None:
        self.task = task

    def write(self, shard: int, batches: Iterable[Batch]) -> None:
        names = columns(self.task)
        with (
            Whole(self.task.out / shard_name(self.task, shard, "tar")) as file,
            tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive,
        ):
            for batch in batches:
                for image, row in zip(batch.images, rows(self.task, batch), strict=True):
                    facts = json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False)
                    members = {"png": encode(image), "cls": str(row[3]).encode(), "json": facts.encode()}
                    for ending, content in members.items():
                        member = tarfile.TarInfo(f"{row[0]:08}.{ending}")
                        member.size = len(content)
                        archive.addfile(member, io.BytesIO(content))

    def finish(self) -> None:
        """Nothing is left to do."""
