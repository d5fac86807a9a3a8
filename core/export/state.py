"""What an output folder knows of the export in it: enough to go on after anything, and to refuse what is not its own.

`.etlgan.json` says which export this is; `.shard-00003.json` that a shard is whole, and what was counted on the way.
Once all shards are there, the card takes their place.
"""

import contextlib
import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.errors import ConfigError
from core.rundir import read_json, write_json

STATE, LOCK, CARD, README = ".etlgan.json", ".etlgan.lock", "card.json", "README.md"
_MARK = ".shard-{shard:05}.json"
_HALF = "..*.tmp"  # what a write of one of these, or of a file of a shard, leaves when it is killed

# Every path below OUT that an export of any format makes.
_OURS = re.compile(
    r"""
    (\.etlgan\.(json|lock) | card\.json | README\.md | \.shard-\d+\.json | \.part-\d+\.\w+ | \.[\w.-]+\.tmp)
    | U\+[0-9A-F]{4,6} (/ (etlgan_)? \d{8,}\.png)? | (labels|images)\.csv | images\.json  # png, json
    | (images-idx3-ubyte | labels-idx1-(ubyte|int) | confidence-idx1-float | characters\.csv)  # idx
    | ETL9G_\d\d+  # etl9g
    | data-\d+-of-\d+\.(npz|parquet|tar)  # npz, parquet, webdataset
    | images (/ \d{5,} (/ \d{8,}\.png)?)? | labels\.txt | lines\.jsonl  # lines
    """,
    re.VERBOSE,
)


class Folder:
    """An output folder of one export, known by its fingerprint."""

    def __init__(self, path: Path, fingerprint: str) -> None:
        self.path, self.fingerprint = path, fingerprint

    def claim(self, *, resume: bool, force: bool) -> None:
        """Make the folder, or go on in it, or replace what an earlier export left. Else: ConfigError."""
        if self.path.exists() and not self.path.is_dir():
            raise ConfigError(f"{self.path}: is a file; OUT is a folder")
        entries = self._entries()
        if entries and force:
            self._clear(entries)
        elif entries and not self._known():
            raise ConfigError(f"{self.path}: holds files but no export of etlgan; name a new folder")
        elif entries and not resume:
            raise ConfigError(f"{self.path}: is not empty; --resume goes on with the same export, --force replaces it")
        elif entries and self._known() != self.fingerprint:
            raise ConfigError(
                f"{self.path}: holds another export (or another checkpoint or seed), so it cannot be resumed; "
                "name a new folder"
            )
        self.path.mkdir(parents=True, exist_ok=True)
        if not self.complete():
            self._note(self.path / STATE, {"fingerprint": self.fingerprint})

    def complete(self) -> bool:
        """Whether everything is written."""
        return read_json(self.path / CARD).get("fingerprint") == self.fingerprint

    def done(self, shard: int) -> bool:
        """Whether a shard is whole."""
        return read_json(self._mark(shard)).get("fingerprint") == self.fingerprint

    def mark(self, shard: int, report: dict[str, Any]) -> None:
        """Say that a shard is whole."""
        self._note(self._mark(shard), {"fingerprint": self.fingerprint, "report": report})

    def reports(self, shards: int) -> list[dict[str, Any]]:
        """What the shards counted."""
        return [read_json(self._mark(shard)).get("report", {}) for shard in range(shards)]

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Only one process at a time puts the last things in place. Without file locks two may: the same things."""
        with (self.path / LOCK).open("wb") as file:
            with contextlib.suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def tidy(self) -> None:
        """Once the card is there: what only resuming needed goes."""
        for pattern in (".shard-*.json", ".part-*", _HALF):
            for path in self.path.glob(pattern):
                path.unlink(missing_ok=True)
        for name in (STATE, LOCK):
            (self.path / name).unlink(missing_ok=True)

    def _note(self, path: Path, tree: dict[str, Any]) -> None:
        """What only resuming needs, unless another process has put the last shard there meanwhile, and tidied."""
        try:
            write_json(path, tree)
        except FileNotFoundError:
            if not self.complete():
                raise

    def _entries(self) -> list[Path]:
        """What is there, but for files that another shard's job is just writing."""
        there = list(self.path.iterdir()) if self.path.is_dir() else []
        return [path for path in there if not path.match(_HALF)]

    def _mark(self, shard: int) -> Path:
        return self.path / _MARK.format(shard=shard)

    def _known(self) -> str:
        """The fingerprint of the export that is there; "" for none."""
        for name in (STATE, CARD):
            found = read_json(self.path / name).get("fingerprint")
            if isinstance(found, str):
                return found
        return ""

    def _foreign(self) -> Path | None:
        """The first thing there, at any depth, that no export makes."""
        for here, folders, files in os.walk(self.path):
            for path in (Path(here, name) for name in sorted(folders + files)):
                if not _OURS.fullmatch(path.relative_to(self.path).as_posix()):
                    return path
        return None

    def _clear(self, entries: list[Path]) -> None:
        """Only what an export made is ever removed: a folder with other things in it is somebody's."""
        if not self._known():
            raise ConfigError(f"{self.path}: holds files but no export of etlgan; --force removes exports only")
        if foreign := self._foreign():
            raise ConfigError(f"{foreign}: is no part of an export, so --force removes nothing; move it elsewhere")
        for entry in entries:
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
