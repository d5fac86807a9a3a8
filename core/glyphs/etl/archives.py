"""Zip archives as the download gives them: their ETL members, without unpacking and without trust."""

import zipfile
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from core.glyphs.etl.datasets import known_file
from core.glyphs.etl.errors import printable
from core.glyphs.etl.files import ZippedFile, told
from core.glyphs.etl.problems import Problem

MAGIC = (b"PK\x03\x04", b"PK\x05\x06")  # of an archive, of an empty one
LARGEST = 256 << 20  # bytes of a member; the largest file of the database has 100 MB
RATIO = 500  # unpacked to packed; scans reach about 10
ENCRYPTED = 0x1  # bit of a member's flags
HTML = (b"<!doctype", b"<html", b"<?xml", b"<head")


class Archive(NamedTuple):
    """What one zip holds: members that may be ETL files, and what was refused."""

    members: list[ZippedFile]
    problems: list[Problem]


def is_zip(head: bytes) -> bool:
    return head.startswith(MAGIC)


def is_web_page(head: bytes) -> bool:
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(HTML)


def read_archive(path: Path) -> Archive:
    """List a zip's members; nothing is unpacked, so a hostile name can't reach the disk."""
    with told(str(path)), zipfile.ZipFile(path) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    members, problems = [], []
    for entry in entries:
        refused = _refusal(entry)
        if refused is None:
            members.append(ZippedFile(path, entry))
        elif known_file(PurePosixPath(entry.filename).name) or ".." in entry.filename:
            problems.append(Problem(printable(f"{path}:{entry.filename}"), None, refused))
    if not entries:
        problems.append(Problem(str(path), None, "the zip is empty; download it again"))
    return Archive(members, problems)


def _refusal(entry: zipfile.ZipInfo) -> str | None:
    parts = PurePosixPath(entry.filename.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts:
        return "left out: its name leads out of the archive, which no AIST zip does; take the zip from AIST"
    if entry.flag_bits & ENCRYPTED:
        return "left out: it is encrypted; AIST's zips are not, unpack it with its password first"
    if entry.file_size > LARGEST:
        return f"left out: it claims {entry.file_size:,} bytes, more than any ETL file has"
    if entry.file_size > RATIO * max(1, entry.compress_size):
        return f"left out: {entry.compress_size:,} bytes claim to unpack to {entry.file_size:,}, which no scan does"
    return None
