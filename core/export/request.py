"""What was asked for, as one frozen value: two exports of equal requests are the same bytes."""

import csv
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from core.errors import ConfigError, DataError
from core.glyphs.repertoire import composed

Look = Literal["clean", "scanned"]
Precision = Literal["fp32", "bf16"]
MOST = 100_000_000_000  # samples of one export
LARGEST_TABLE = 16 << 20  # bytes of a frequency table


class Request(NamedTuple):
    """Everything that decides the bytes, but for the checkpoint."""

    format: str
    counts: tuple[tuple[str, int], ...]  # character, samples
    seed: int = 0
    writers: bool = False  # turn t of every character is written by writer t
    look: Look = "clean"
    confidence: float = 0.0  # of the judge; 0: nobody is asked
    domain: str | None = None
    temperature: float = 1.0  # of the noise; see Sampler.draw
    black_on_white: bool = False
    precision: Precision = "fp32"
    shards: int = 1

    @property
    def characters(self) -> tuple[str, ...]:
        return tuple(character for character, _ in self.counts)

    @property
    def total(self) -> int:
        return sum(count for _, count in self.counts)


def fingerprint(facts: dict[str, Any]) -> str:
    """A short hash of a JSON tree."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:20]


def span(total: int, shards: int, shard: int) -> tuple[int, int]:
    """[first, end) of a shard: nearly equal parts in order."""
    return total * shard // shards, total * (shard + 1) // shards


def read_frequencies(path: Path) -> dict[str, int]:
    """A table `character,count`, one a line, a heading allowed. Anything else: DataError that names the line."""
    try:
        if path.stat().st_size > LARGEST_TABLE:
            raise DataError(f"{path}: is too large for a table of characters and counts")
        lines = composed(path.read_text(encoding="utf-8-sig")).splitlines()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: is not UTF-8 text; expected lines such as あ,1200") from None
    counts: dict[str, int] = {}
    for number, row in enumerate(_rows(path, lines), 1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or (number == 1 and cells[1:2] == ["count"]):
            continue
        if len(cells) != 2 or len(cells[0]) != 1 or not cells[1].isdecimal() or len(cells[1]) > len(str(MOST)):
            raise DataError(f"{path}, line {number}: expected a character, a comma and a number, such as あ,1200")
        if cells[0] in counts:
            raise DataError(f"{path}, line {number}: {cells[0]} is there twice")
        counts[cells[0]] = int(cells[1])
    if not any(counts.values()):
        raise DataError(f"{path}: holds no count above 0; expected lines such as あ,1200")
    return counts


def _rows(path: Path, lines: list[str]) -> Iterator[list[str]]:
    reader = csv.reader(lines)
    try:
        yield from reader
    except csv.Error as error:  # a cell of more than 131,072 characters
        raise DataError(f"{path}, line {reader.line_num}: cannot be read ({error})") from None


def checked(counts: dict[str, int]) -> tuple[tuple[str, int], ...]:
    """Counts above 0, in their order. Nothing to write, or absurdly much: ConfigError."""
    wanted = tuple((character, count) for character, count in counts.items() if count > 0)
    total = sum(count for _, count in wanted)
    if not wanted:
        raise ConfigError("nothing is left to write: no character has a count above 0")
    if total > MOST:
        raise ConfigError(f"{total:,} samples are more than an export can number ({MOST:,})")
    return wanted
