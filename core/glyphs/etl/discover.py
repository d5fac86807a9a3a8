"""Find ETL files in whatever the user points at: zips, folders (doubled too), single files, several at once.

A file is recognised by its name, as distributed or as users rename it; else by its exact size, which no two data
sets share; else by the folder's name, if its size and its first labels fit.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from core.glyphs.etl.archives import is_web_page, is_zip, read_archive
from core.glyphs.etl.charsets import CO59_NAMES, Co59, parse_co59
from core.glyphs.etl.datasets import (
    DATA_SETS,
    DataSet,
    KnownFile,
    data_set_of,
    files_of_size,
    folder_data_set,
    known_file,
)
from core.glyphs.etl.errors import EtlFormatError
from core.glyphs.etl.files import MappedFile, RecordFile
from core.glyphs.etl.groups import file_number
from core.glyphs.etl.labels import label_keys, labels_of
from core.glyphs.etl.problems import Problem

DEEPEST = 5  # folders below the one given
MOST_FILES = 20_000  # looked at in one folder tree
FIRST = 16  # records whose labels must make sense when only the folder's name speaks for a file
COMPRESSED = (".z", ".gz")


@dataclass(frozen=True)
class EtlFile:
    """One recognised file."""

    source: RecordFile
    data_set: DataSet
    known: KnownFile | None
    has_dummy: bool
    recognised_by: str  # "name", "size" or "folder"

    @property
    def records(self) -> int:
        """Whole records, dummy and models included."""
        return self.source.size // self.data_set.format.size

    @property
    def number(self) -> int:
        return file_number(self.known.number if self.known else None, self.source.name)

    @property
    def models_from(self) -> int | None:
        """Record number of the first model pattern, None if the file has none."""
        first = self.known.models_from if self.known else None
        return None if first is None else first - (self.data_set.dummy and not self.has_dummy)


@dataclass
class Found:
    """Everything that was found, and what was wrong with it."""

    files: list[EtlFile] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    co59: Co59 | None = None


def discover(paths: Iterable[Path]) -> Found:
    """Recognise the ETL files under `paths`, in the order of the data sets; a file that is there twice counts once."""
    found = Found()
    asked = list(paths)
    for path in asked:
        for source, folders in _candidates(path, found):
            _recognise(source, folders, found)
    found.files = _once(found)
    if not found.files:
        seen = f"; {found.problems[0]}" if found.problems else ""
        names = ", ".join(str(path) for path in asked)
        raise EtlFormatError(f"{names}: no ETL file found (a zip from AIST, its folder, or files like ETL9G_01){seen}")
    return found


def _candidates(path: Path, found: Found) -> Iterator[tuple[RecordFile, list[str]]]:
    """Every file that might be one of ETL's, with the names of its folders, nearest first."""
    if path.is_dir():
        for file in _walk(path, found):
            yield from _plain_or_zip(file, found)
    else:
        yield from _plain_or_zip(path, found)


def _walk(folder: Path, found: Found) -> Iterator[Path]:
    def refused(error: OSError) -> None:
        found.problems.append(Problem(str(error.filename), None, f"cannot be looked into ({error.strerror})"))

    looked = 0
    for here, folders, names in os.walk(folder, onerror=refused):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if len(Path(here).relative_to(folder).parts) >= DEEPEST:
            folders.clear()
        for name in sorted(names):
            looked += 1
            if looked > MOST_FILES:
                message = f"holds more than {MOST_FILES:,} files, the rest was not looked at; point at the ETL folder"
                found.problems.append(Problem(str(folder), None, message))
                return
            yield Path(here, name)


def _plain_or_zip(path: Path, found: Found) -> Iterator[tuple[RecordFile, list[str]]]:
    try:
        source = MappedFile(path)
        named_zip = path.suffix.lower() == ".zip"
        if not (named_zip or _worth_opening(path, source.size, found)):
            return
        head = source.head(512)
        if path.name.lower() in CO59_NAMES:
            found.co59 = parse_co59(b"".join(source.stream(1 << 21)), path.name)
        elif is_zip(head) and (named_zip or known_file(path.name) is None):
            archive = read_archive(path)
            found.problems += archive.problems
            for member in archive.members:
                if member.name.lower() in CO59_NAMES:
                    found.co59 = parse_co59(b"".join(member.stream(1 << 21)), member.name)
                inside = PurePosixPath(member.member.filename).parent
                yield member, [*reversed(inside.parts), path.stem, path.parent.name]
        elif is_web_page(head):
            message = "is a web page, not data: the download failed; download it again from AIST"
            found.problems.append(Problem(str(path), None, message))
        elif named_zip:
            found.problems.append(Problem(str(path), None, "is not a zip, or a damaged one; download it again"))
        else:
            yield source, [path.parent.name, path.parent.parent.name]
    except EtlFormatError as error:
        found.problems.append(_problem(error, path))


def _worth_opening(path: Path, size: int, found: Found) -> bool:
    """Only files that can be ETL's are opened: a folder may hold anything."""
    if path.suffix.lower() in COMPRESSED and known_file(path.stem):
        found.problems.append(Problem(str(path), None, "is compressed; unpack it first (gunzip reads .Z and .gz)"))
        return False
    hinted = any(folder_data_set(name) for name in (path.parent.name, path.parent.parent.name))
    named = data_set_of(path.name) is not None or path.name.lower() in CO59_NAMES
    return named or size in files_of_size() or (hinted and path.suffix.lower() in ("", ".bin", ".dat"))


def _recognise(source: RecordFile, folders: list[str], found: Found) -> None:
    try:
        file = _by_name(source, found) or _by_size(source) or _by_folder(source, folders)
        if file is not None:
            found.files.append(_checked_dummy(file, found))
    except EtlFormatError as error:
        found.problems.append(_problem(error, Path(source.label)))


def _by_name(source: RecordFile, found: Found) -> EtlFile | None:
    name = data_set_of(source.name)
    if name is None:
        return None
    data_set, known, record = DATA_SETS[name], known_file(source.name), DATA_SETS[name].format.size
    twins = files_of_size().get(source.size)
    if twins and twins[0].data_set is not data_set:
        other = twins[0].data_set.name
        message = f"named like {name}, but its size is that of an {other} file; read as {other}, rename it"
        found.problems.append(Problem(source.label, None, message))
        return None
    whole, rest = divmod(source.size, record)
    if not whole:
        raise EtlFormatError(f"{source.label}: {source.size} bytes are not one {record}-byte record of {name}")
    if rest:
        message = f"{source.size:,} bytes are {whole:,} whole {record}-byte records and {rest} bytes more"
        found.problems.append(Problem(source.label, whole, f"{message}: cut off, or not {name}? run verify"))
    elif known and known.records not in (None, whole):
        message = f"holds {whole:,} records, as published {known.records:,}; what is there is used"
        found.problems.append(Problem(source.label, None, message))
    return EtlFile(source, data_set, known, data_set.dummy, "name")


def _by_size(source: RecordFile) -> EtlFile | None:
    twins = files_of_size().get(source.size)
    if not twins:
        return None
    known = twins[0] if len(twins) == 1 else None
    return EtlFile(source, twins[0].data_set, known, twins[0].data_set.dummy, "size")


def _by_folder(source: RecordFile, folders: list[str]) -> EtlFile | None:
    name = next((hint for folder in folders if (hint := folder_data_set(folder))), None)
    if name is None or PurePosixPath(source.name).suffix.lower() not in ("", ".bin", ".dat"):
        return None
    data_set = DATA_SETS[name]
    file = EtlFile(source, data_set, None, data_set.dummy, "folder")
    if source.size % data_set.format.size or file.records <= data_set.dummy:
        return None
    places = np.arange(data_set.dummy, min(file.records, FIRST), dtype=np.int64)
    keys = label_keys(data_set, source.read(places, data_set.format.size, data_set.format.header_bytes))
    return file if all(labels_of(data_set, keys, None).values()) else None


def _checked_dummy(file: EtlFile, found: Found) -> EtlFile:
    """Notice a missing dummy record: its place then holds a character, which is read as one."""
    if not file.data_set.dummy or not any(file.source.head(file.data_set.format.size)):
        return file
    message = "the zero-filled dummy record is missing; the first record is read as a character"
    found.problems.append(Problem(file.source.label, 0, message))
    return EtlFile(file.source, file.data_set, file.known, False, file.recognised_by)


def _once(found: Found) -> list[EtlFile]:
    """The same file in a zip and unpacked, or in a doubled folder, is read once; plain files first."""
    files: dict[tuple[str, str], EtlFile] = {}
    for file in sorted(found.files, key=lambda file: isinstance(file.source, MappedFile), reverse=True):
        key = (file.data_set.name, file.known.name if file.known else file.source.label)
        first = files.setdefault(key, file)
        if first is not file:
            message = f"the same file as {first.source.label}, which is used"
            found.problems.append(Problem(file.source.label, None, message, harmless=True))
    order = list(DATA_SETS)
    return sorted(files.values(), key=lambda file: (order.index(file.data_set.name), file.number, file.source.label))


def _problem(error: EtlFormatError, path: Path) -> Problem:
    text = str(error)
    for prefix in (f"{path}: ", f"{path.name}: "):
        text = text.removeprefix(prefix)
    return Problem(str(path), None, text)
