"""A bundle brought in as a run. Nothing in one is trusted: only known names come out of it, each a plain file of the
size and hash that the manifest says, into a folder of its own that appears whole or not at all. Nothing is unpickled.
"""

import hashlib
import json
import os
import re
import shutil
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from core import config as configs
from core.errors import ConfigError, RunError
from core.rundir import Home, RunDir, read_json, sync_folder, write_json
from core.runs.bundle import BLOCK, FORMAT, MANIFEST, NEEDED, NUMBERED, PLAIN, Entry, Packed
from core.runs.disk import folder_lock, telling
from core.runs.find import new_id
from core.runs.meta import printable

LARGEST_MANIFEST = 4 << 20  # bytes
LARGEST = 16 << 30  # bytes of a whole bundle, unpacked: far beyond any run
MOST_FILES = 10_000
RUN_ID = re.compile(r"\d{6}-\d{6}-[0-9a-z]{3}")
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)


def bring_in(home: Home, path: Path, *, as_new: bool = False) -> Packed:
    """Unpack a bundle as a run of this home, once every file has proved to be the one that the manifest names.

    `as_new`: under an id made now, beside a run of its own id that may be here. No bundle, a damaged or hostile one,
    a run of that id here already, a full disk: RunError, and nothing is left.
    """
    try:
        with path.open("rb") as raw, zipfile.ZipFile(raw) as archive:
            run_id, entries = _checked(path, archive)
            with telling(home.runs):
                home.runs.mkdir(parents=True, exist_ok=True)
                _room(home, path, sum(entry.bytes for entry in entries.values()))
                return _unpacked(home, path, archive, "" if as_new else run_id, entries)
    except FileNotFoundError:
        raise RunError(f"{path}: no such file") from None
    except UNREADABLE as error:
        raise _refused(path, f"cannot be read as a ZIP file ({printable(str(error))[:200]})") from None


def _unpacked(home: Home, path: Path, archive: zipfile.ZipFile, run_id: str, entries: dict[str, Entry]) -> Packed:
    """A run of this id; "": of one made now. Others are held up only while it is given its name."""
    _free(home, path, run_id)
    draft = home.draft(f"{run_id}.{os.getpid()}")
    shutil.rmtree(draft.path, ignore_errors=True)  # of an import that was killed
    try:
        for folder in (draft.path, draft.checkpoints, draft.samples):
            folder.mkdir()
        for name, entry in entries.items():
            _extract(path, archive, name, entry, draft.path / name)
        _check_content(path, draft)
        with folder_lock(home.runs):
            run = home.run(run_id or _unused_id(home))
            _free(home, path, run.id)
            if not run_id:
                write_json(draft.meta, read_json(draft.meta) | {"id": run.id})
            sync_folder(draft.path)
            draft.path.rename(run.path)
            sync_folder(home.runs)
    except BaseException:
        shutil.rmtree(draft.path, ignore_errors=True)
        raise
    return Packed(run, len(entries), sum(entry.bytes for entry in entries.values()))


def _free(home: Home, path: Path, run_id: str) -> None:
    for place in (home.runs, home.trash):
        if run_id and (place / run_id).exists():
            raise RunError(
                f"{path}: run {run_id} is in {place} already; it is not replaced (--as-new brings it in under a new id)"
            )


def _unused_id(home: Home) -> str:
    while (home.runs / (made := new_id())).exists() or (home.trash / made).exists():
        continue
    return made


def _checked(path: Path, archive: zipfile.ZipFile) -> tuple[str, dict[str, Entry]]:
    """The run's id and its files, once names, kinds and sizes are what a bundle may hold."""
    infos = archive.infolist()
    if len(infos) > MOST_FILES:
        raise _refused(path, f"it holds {len(infos):,} files, more than {MOST_FILES:,}")
    names = [info.filename for info in infos]
    name, count = Counter(names).most_common(1)[0] if names else ("", 0)
    if count > 1:
        raise _refused(path, f"it holds {_shown(name)} twice")
    for info in infos:
        _check_entry(path, info)
    if MANIFEST not in names:
        raise _refused(path, f"it has no {MANIFEST}: it is no bundle of etlgan")
    run_id, entries = _read_manifest(path, archive)
    if missing := NEEDED - set(entries):
        raise _refused(path, f"it has no {', '.join(sorted(missing))}")
    if odd := next(iter({*entries} ^ {*names} - {MANIFEST}), None):
        raise _refused(path, f"{_shown(odd)} is only in one of manifest and archive")
    for info in infos:
        if info.filename != MANIFEST and info.file_size != entries[info.filename].bytes:
            raise _refused(path, f"{_shown(info.filename)} is not as long as the manifest says")
    return run_id, entries


def _check_entry(path: Path, info: zipfile.ZipInfo) -> None:
    name, kind = info.filename, stat.S_IFMT(info.external_attr >> 16)
    if name != MANIFEST and name not in PLAIN and not NUMBERED.fullmatch(name):
        raise _refused(path, f"{_shown(name)} is no file of a run")
    if kind not in (0, stat.S_IFREG):
        raise _refused(path, f"{_shown(name)} is a link or a device, not a plain file")
    if info.flag_bits & 0x1:
        raise _refused(path, f"{_shown(name)} is encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _refused(path, f"{_shown(name)} is packed in a way that bundles do not use")
    if info.file_size > (LARGEST_MANIFEST if name == MANIFEST else LARGEST):
        raise _refused(path, f"{_shown(name)} would be {info.file_size:,} bytes")


def _read_manifest(path: Path, archive: zipfile.ZipFile) -> tuple[str, dict[str, Entry]]:
    with archive.open(MANIFEST) as file:
        text = file.read(LARGEST_MANIFEST + 1)
    try:
        tree = json.loads(text)
        files = tree["files"]
        entries = {str(name): Entry(_whole(each["bytes"]), _digest(each["sha256"])) for name, each in files.items()}
        run_id, version = tree["id"], tree["format"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _refused(path, f"its {MANIFEST} is damaged") from None
    if version != FORMAT:
        raise _refused(path, f"it is of format {_shown(str(version))}, this etlgan knows {FORMAT}; update etlgan")
    if not isinstance(run_id, str) or not RUN_ID.fullmatch(run_id):
        raise _refused(path, f"{_shown(str(run_id))} is no id of a run")
    if sum(entry.bytes for entry in entries.values()) > LARGEST:
        raise _refused(path, f"it would unpack to more than {LARGEST >> 30} GiB")
    return run_id, entries


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError
    return value


def _digest(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9a-f]{64}", value):
        raise ValueError
    return value


def _extract(path: Path, archive: zipfile.ZipFile, name: str, entry: Entry, target: Path) -> None:
    """One file, never a byte more than promised: headers may lie about sizes."""
    whole, size = hashlib.sha256(), 0
    with target.open("xb") as file:
        for block in _blocks(path, archive, name):
            size += len(block)
            if size > entry.bytes:
                raise _refused(path, f"{_shown(name)} is longer than the manifest says")
            whole.update(block)
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    if size != entry.bytes or whole.hexdigest() != entry.sha256:
        raise _refused(path, f"{_shown(name)} is not what was packed (its SHA-256 differs)")


def _blocks(path: Path, archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """What the archive says is in a file; what it cannot unpack is its fault, not the disk's."""
    try:
        with archive.open(name) as source:
            while block := source.read(BLOCK):
                yield block
    except UNREADABLE as error:
        raise _refused(path, f"{_shown(name)} is damaged ({printable(str(error))[:200]})") from None


def _check_content(path: Path, draft: RunDir) -> None:
    try:
        configs.decode(draft.config.read_bytes(), where="config.json")
    except ConfigError as error:
        raise _refused(path, str(error)) from None


def _room(home: Home, path: Path, needed: int) -> None:
    free = shutil.disk_usage(home.runs).free
    if needed > free:
        raise RunError(f"{path}: needs {needed:,} bytes in {home.runs}, where {free:,} are free")


def _refused(path: Path, why: str) -> RunError:
    return RunError(f"{path}: refused: {why}; nothing was brought in")


def _shown(name: str) -> str:
    return repr(printable(name)[:80])
