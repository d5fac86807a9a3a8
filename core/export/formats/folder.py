"""PNG files in a folder for each character, with a table of labels, or with the list that ETL extractors write."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

from core.export.batch import Batch
from core.export.formats.base import Task, Whole, columns, csv_lines, join_parts, part_path, put, rows
from core.export.png import encode
from core.glyphs.etl.charsets import jis_x_0208_code
from core.glyphs.etl.extract import KEYS, LIST_NAME, TABLE_NAME, folder_name

LABELS = "labels.csv"


def _folders(task: Task) -> list[str]:
    names = [folder_name(character) for character in task.characters]
    for name in names:
        (task.out / name).mkdir(exist_ok=True)
    return names


class FolderFormat:
    """OUT/U+3042/00000017.png and labels.csv."""

    def __init__(self, task: Task) -> None:
        self.task = task

    def write(self, shard: int, batches: Iterable[Batch]) -> None:
        folders = _folders(self.task)
        with Whole(part_path(self.task, shard, "csv")) as table:
            for batch in batches:
                table.write(csv_lines(self._written(batch, folders)))

    def _written(self, batch: Batch, folders: list[str]) -> Iterator[list[Any]]:
        for image, row in zip(batch.images, rows(self.task, batch), strict=True):
            name = f"{folders[row[3]]}/{row[0]:08}.png"
            put(self.task.out / name, encode(image))
            yield [name, *row]

    def finish(self) -> None:
        join_parts(self.task, "csv", LABELS, head=csv_lines([["file", *columns(self.task)]]))


class ListFormat:
    """OUT/U+3042/etlgan_00000017.png, images.json and images.csv with the keys of `etlgan data export`."""

    def __init__(self, task: Task) -> None:
        self.task = task
        extra = [name for name in columns(task) if name.startswith("code_") and name != "code_point"]
        self.keys = [*KEYS, *extra, *(["confidence"] if task.judged else [])]

    def write(self, shard: int, batches: Iterable[Batch]) -> None:
        folders = _folders(self.task)
        with (
            Whole(part_path(self.task, shard, "json")) as listing,
            Whole(part_path(self.task, shard, "csv")) as table,
        ):
            first = True
            for batch in batches:
                records = list(self._written(batch, folders, shard))
                text = ",\n".join(json.dumps(record, ensure_ascii=False) for record in records)
                listing.write(("" if first else ",\n").encode() + text.encode())
                table.write(_table(records, self.keys))
                first = False

    def _written(self, batch: Batch, folders: list[str], shard: int) -> Iterator[dict[str, Any]]:
        names = columns(self.task)
        for image, row in zip(batch.images, rows(self.task, batch), strict=True):
            facts = dict(zip(names, row, strict=True))
            name = PurePosixPath(folders[row[3]]) / f"etlgan_{row[0]:08}.png"
            put(self.task.out / name, encode(image))
            record = dict.fromkeys(self.keys)
            record |= {"image_name": name.as_posix(), "character": row[1]}
            record |= {"width": self.task.width, "height": self.task.height, "set": "etlgan", "file": f"shard-{shard}"}
            record |= {"record": row[0], "sheet": row[4] + 1, "code": jis_x_0208_code(row[1]), "model": 0}
            yield record | {key: facts[key] for key in self.keys if key in facts}

    def finish(self) -> None:
        join_parts(self.task, "json", LIST_NAME, head=b"[\n", between=b",\n", tail=b"\n]\n")
        join_parts(self.task, "csv", TABLE_NAME, head=csv_lines([self.keys]))


def _table(records: list[dict[str, Any]], keys: list[str]) -> bytes:
    text = io.StringIO(newline="")
    csv.DictWriter(text, keys, lineterminator="\n").writerows(records)
    return text.getvalue().encode()
