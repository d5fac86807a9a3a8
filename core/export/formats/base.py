"""What every format is given, and what it promises.

A shard is written by itself: its files are its own, or its bytes have places of their own in a file that all share.
So shards may be written in any order, twice, or by several processes, and come out the same.
"""

import csv
import io
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from core.export.batch import Batch
from core.export.request import span

PART = ".part-{shard:05}.{what}"  # what a shard leaves for `finish`


class Task(NamedTuple):
    """One export, as a format needs to know it."""

    out: Path
    characters: tuple[str, ...]
    total: int
    shards: int
    height: int
    width: int
    codes: tuple[str, ...]  # names of the continuous codes
    judged: bool  # whether batches carry a confidence

    def span(self, shard: int) -> tuple[int, int]:
        """[first, end) of a shard."""
        return span(self.total, self.shards, shard)


class Format(Protocol):
    """Writes samples under task.out."""

    def write(self, shard: int, batches: Iterable[Batch]) -> None:
        """A whole shard; OSError where the disk refuses."""

    def finish(self) -> None:
        """Once all shards are written: what is made of all of them."""


def shard_name(task: Task, shard: int, ending: str) -> str:
    """`data-00003-of-00016.npz`."""
    return f"data-{shard:05}-of-{task.shards:05}.{ending}"


class Whole:
    """A file that appears only when it is whole: `with Whole(path) as file`.

    Two processes may write the same one at once, the same bytes: the one that is later may find its own tidied away.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._temporary = path, path.with_name(f"..{path.name}.{secrets.token_hex(4)}.tmp")

    def __enter__(self) -> IO[bytes]:
        self._file = self._temporary.open("wb")
        return self._file

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self._file.close()
            if kind is None:
                self._temporary.replace(self.path)
        except FileNotFoundError:
            if not self.path.exists():
                raise
        finally:
            self._temporary.unlink(missing_ok=True)


def put(path: Path, content: bytes) -> None:
    """Write a small file in one call; a new or an old one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        written = os.write(descriptor, content)
        if written < len(content):  # the disk is full: the next byte says so
            os.write(descriptor, content[written:])
    finally:
        os.close(descriptor)


def code_point(character: str) -> str:
    """`U+3042`."""
    return f"U+{ord(character):04X}"


def columns(task: Task) -> list[str]:
    """Names of a sample's facts, in the order of `rows`."""
    judged = ["confidence"] if task.judged else []
    return ["index", "character", "code_point", "label", "turn", *map(column_name, task.codes), *judged]


def column_name(code: str) -> str:
    """`code_slant`, `code_3`: no blanks."""
    return "code_" + code.removeprefix("code ").replace(" ", "_")


def rows(task: Task, batch: Batch) -> Iterator[list[Any]]:
    """The facts of each sample of a batch as plain values."""
    codes, labels, turns = batch.codes.tolist(), batch.labels.tolist(), batch.turns.tolist()
    confidence = None if batch.confidence is None else batch.confidence.tolist()
    for place, label in enumerate(labels):
        character = task.characters[label]
        row = [batch.first + place, character, code_point(character), label, turns[place]]
        row += [round(code, 5) for code in codes[place]]
        yield row if confidence is None else [*row, round(confidence[place], 5)]


def csv_lines(lines: Iterable[Sequence[Any]]) -> bytes:
    """Comma-separated UTF-8."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue().encode()


def join_parts(task: Task, what: str, name: str, *, head: bytes = b"", between: bytes = b"", tail: bytes = b"") -> None:
    """One file of the parts that the shards left; the parts stay, so that doing it again is harmless."""
    with Whole(task.out / name) as file:
        file.write(head)
        for shard in range(task.shards):
            part = task.out / PART.format(shard=shard, what=what)
            with part.open("rb") as source:
                if shard and between and part.stat().st_size:
                    file.write(between)
                while block := source.read(1 << 20):
                    file.write(block)
        file.write(tail)


def part_path(task: Task, shard: int, what: str) -> Path:
    """Where a shard leaves its share of a joint file."""
    return task.out / PART.format(shard=shard, what=what)


def pixels(images: NDArray[np.uint8]) -> bytes:
    """(n, H, W) as they lie."""
    return np.ascontiguousarray(images).tobytes()
