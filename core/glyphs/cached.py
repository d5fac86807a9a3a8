"""What preparing has left in the cache: prepared sets and label indices. Everything in it can be made again."""

import json
import shutil
import time
from pathlib import Path
from typing import NamedTuple

from core.errors import DataError
from core.glyphs.building import FACTS
from core.glyphs.glyphset import cache_folder
from core.rundir import cache_root

ABANDONED = 3600.0  # seconds without a change after which nobody works on an unfinished set any more


class CachedSet(NamedTuple):
    """One prepared set; None where its description is damaged."""

    fingerprint: str
    path: Path
    bytes: int
    changed: float  # Unix seconds
    state: str  # ready, damaged or unfinished
    source: str = ""
    spec: str = ""  # as --data named it
    chars: str = ""
    characters: int | None = None
    images: int | None = None
    size: int | None = None  # pixels


def labels_folder() -> Path:
    """Where the label indices of ETL files are."""
    return cache_root() / "labels"


def cached_sets() -> list[CachedSet]:
    """Every prepared set, the newest first; nothing but its description is read."""
    folders = [path for path in _inside(cache_folder()) if path.is_dir()]
    return sorted((_described(folder) for folder in folders), key=lambda each: -each.changed)


def label_indices() -> tuple[int, int]:
    """(how many label indices there are, their bytes)."""
    files = _inside(labels_folder())
    return len(files), sum(_bytes(path) for path in files)


def clear() -> tuple[int, int]:
    """Delete prepared sets and label indices, but for what is being made; (how many, bytes). DataError: not allowed.

    A run that trains keeps the pages that it has mapped.
    """
    count = freed = 0
    now = time.time()
    for each in cached_sets():
        if each.state != "unfinished" or now - each.changed > ABANDONED:
            _delete(each.path)
            count, freed = count + 1, freed + each.bytes
    for path in _inside(labels_folder()):
        size = _bytes(path)
        _delete(path)
        count, freed = count + 1, freed + size
    return count, freed


def _delete(path: Path) -> None:
    try:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"{path}: cannot be deleted ({error.strerror})") from None


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _described(folder: Path) -> CachedSet:
    files = _inside(folder)
    plain = CachedSet(folder.name, folder, sum(map(_bytes, files)), _changed(folder), "unfinished")
    if folder.name.startswith("."):
        return plain
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        return plain._replace(
            state="ready",
            source=str(facts["source"]),
            spec=str(facts["spec"]),
            chars=str(facts["chars"]),
            characters=len(facts["characters"]),
            images=int(facts["images"]),
            size=int(facts["size"]),
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return plain._replace(state="damaged")


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
