"""Folders of images: one folder a character, or images with a JSON list that names them."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError
from core.glyphs.etl.formats import FORMATS
from core.glyphs.sets.naming import folder_character, read_mapping
from core.glyphs.sets.pictures import SUFFIXES, PictureError, read_picture
from core.glyphs.sources import Index

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]
Listing = dict[str, list[Path]]

MOST_FILES = 2_000_000
LARGEST_LIST = 512 << 20  # bytes of a JSON list; 607,200 records of ETL9G take about 200 MB
IMAGE_KEYS = ("image_name", "file", "file_name", "filename", "path", "image")
LABEL_KEYS = ("character", "char", "label")


# Heights and widths that only raw cells of ETL have, as its extractors write them; a square may be anything.
RAW_CELLS = frozenset((fmt.height, fmt.width) for fmt in FORMATS.values() if fmt.height != fmt.width)
LOOKED_AT = 20  # pictures at the start of a folder that may be broken before its cells are called unknown


class FolderSource:
    """Image files on disk; a broken one is told and left out, or stops everything where that is asked for."""

    def __init__(self, folder: Path, files: Listing, *, strict: bool = False) -> None:
        self.folder, self.files, self.strict = folder, files, strict
        self.problems: list[str] = []
        self._paths: list[Path] = []

    @property
    def name(self) -> str:
        count = sum(map(len, self.files.values()))
        return f"{self.folder.name} ({count:,} image files, {len(self.files)} characters)"

    @cached_property
    def needs_preparation(self) -> bool:
        """Raw cells of ETL, by their size; other pictures are taken as they are, for strokes may run to their edges."""
        first = [path for paths in self.files.values() for path in paths[:1]][:LOOKED_AT]
        for path in first:
            try:
                return read_picture(path).shape in RAW_CELLS
            except PictureError:
                continue
        return False

    def fingerprint(self) -> str:
        """Changes with names, sizes and times of the files."""
        digest = hashlib.sha256(str(self.folder).encode())
        for character, paths in self.files.items():
            for path in paths:
                status = path.stat() if path.exists() else None
                facts = (character, str(path), status and (status.st_size, status.st_mtime_ns))
                digest.update(repr(facts).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def counts(self) -> Mapping[str, int]:
        return {character: len(paths) for character, paths in self.files.items()}

    def index(self, characters: Sequence[str], *, per_char: int, held_out: int) -> Index:
        """Readable images of these characters, as many as are wanted; each is its own group."""
        missing = [character for character in characters if not self.files.get(character)]
        if missing:
            there = " ".join(list(self.files)[:20])
            raise DataError(f"{self.folder}: holds no folder of {' '.join(missing[:10])}; it has {there} ...")
        self._paths, labels = [], []
        for label, character in enumerate(characters):
            readable = self._readable(self.files[character], per_char + held_out)
            self._paths += readable
            labels += [label] * len(readable)
        return Index(np.array(labels, np.int64), np.arange(len(labels)), None)

    def batches(self, rows: Integers) -> Iterator[tuple[Integers, Bytes]]:
        """(positions in `rows`, their images), pictures of one size together, a thousand at a time."""
        for start in range(0, len(rows), 1000):
            pictures = [self._read(self._paths[row]) for row in rows[start : start + 1000]]
            shapes = [picture.shape for picture in pictures]
            for shape in dict.fromkeys(shapes):
                here = [place for place, other in enumerate(shapes) if other == shape]
                yield np.array(here, np.int64) + start, np.stack([pictures[place] for place in here])

    def _readable(self, paths: Sequence[Path], wanted: int) -> list[Path]:
        good: list[Path] = []
        for path in paths:
            if len(good) == wanted:
                break
            try:
                read_picture(path)
            except PictureError as error:
                problem = f"{path}: {error}"
                if self.strict:
                    raise DataError(f"{problem} (strict)") from None
                self.problems.append(f"{problem}; left out")
            else:
                good.append(path)
        return good

    def _read(self, path: Path) -> Bytes:
        try:
            return read_picture(path)
        except PictureError as error:
            raise DataError(f"{path}: {error}; it could be read a moment ago, start again") from None


def open_folder(folder: Path, *, strict: bool = False) -> FolderSource:
    """A folder of images, recognised by what is in it; DataError if it holds no labelled images."""
    files = _listed(folder) or _by_folder(folder)
    if not files:
        raise DataError(
            f"{folder}: no labelled images found; expected a folder for each character (named あ, 0x3042, U+3042, or a "
            "number with mapping.json beside), or images with a JSON list of their characters"
        )
    return FolderSource(folder, dict(sorted(files.items())), strict=strict)


def _by_folder(folder: Path) -> Listing:
    """Folders named by character, at any depth; `train` and `test` may stand in between."""
    mapping = read_mapping(folder)
    files: Listing = {}
    looked = 0
    for here, folders, names in os.walk(folder):
        folders.sort()
        looked += len(names)
        if looked > MOST_FILES:
            raise DataError(f"{folder}: more than {MOST_FILES:,} files; point at the folder of the images")
        pictures = sorted(name for name in names if os.path.splitext(name)[1].lower() in SUFFIXES)  # noqa: PTH122
        character = folder_character(Path(here), mapping) if pictures and Path(here) != folder else None
        if character is not None:
            files.setdefault(character, []).extend(Path(here, name) for name in pictures)
    return files


def _listed(folder: Path) -> Listing:
    """Images named in a JSON list of records, as extractors of ETL write it; names may not lead out of the folder."""
    for path in sorted(folder.glob("*.json")):
        try:
            if path.stat().st_size > LARGEST_LIST:
                raise DataError(f"{path}: {path.stat().st_size:,} bytes are too long for a list of images")
            records = json.loads(path.read_text(encoding="utf-8-sig"))
        except (ValueError, RecursionError):
            continue
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror})") from None
        files = _files_of(records, path.parent) if isinstance(records, list) else {}
        if files:
            return files
    return {}


def _files_of(records: Sequence[object], folder: Path) -> Listing:
    root = folder.resolve()
    files: Listing = {}
    for number, record in enumerate(records):
        if not isinstance(record, dict):
            continue
        name = next((record[key] for key in IMAGE_KEYS if isinstance(record.get(key), str)), None)
        character = next((record[key] for key in LABEL_KEYS if isinstance(record.get(key), str)), None)
        if name is None or character is None or len(character) != 1:
            continue
        if not _inside(root, name):
            raise DataError(f"{folder}: record {number} of its JSON list names a file outside of the folder")
        files.setdefault(character, []).append(folder / name)
    return files


def _inside(root: Path, name: str) -> bool:
    try:
        return (root / name).resolve().is_relative_to(root)
    except ValueError:  # a NUL, half a surrogate pair
        return False
