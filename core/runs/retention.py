"""What a home keeps that nobody needs any more: old checkpoints, caches, the trash, drafts of dead processes.

Looking and deleting are two steps, so that a person can be asked in between; nothing of a live run is ever deleted.
"""

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from core.errors import RunError
from core.rundir import Home, RunDir, cache_root
from core.runs import alive
from core.runs.find import run_ids

Kind = Literal["checkpoints", "trash", "caches", "drafts"]
KINDS: tuple[Kind, ...] = get_args(Kind)
DAY = 86_400.0
DRAFT_SECONDS = 3600.0  # making a run takes a second; after so long nobody is at it
CACHES = ("glyphs", "labels", "judges", "controls")  # below the cache folder; all can be made again

Keeps = Callable[[RunDir], set[Path]]  # checkpoint files of a run that stay whatever happens: best and last


class Item(NamedTuple):
    """One thing that can go."""

    kind: Kind
    path: Path  # for a checkpoint its .safetensors; the .json beside it goes with it
    bytes: int
    run: str = ""  # id of the run that it belongs to


def look(home: Home, *, keeps: Keeps, days: float, kinds: Iterable[Kind] = KINDS) -> list[Item]:
    """Everything that was not touched for `days` and may go. Changes nothing."""
    before, wanted = time.time() - days * DAY, set(kinds)
    finders: dict[Kind, Callable[[], Iterator[Item]]] = {
        "checkpoints": lambda: _checkpoints(home, keeps, before),
        "trash": lambda: _entries("trash", home.trash, before),
        "caches": lambda: _caches(home, before),
        "drafts": lambda: _drafts(home),
    }
    return [item for kind in KINDS if kind in wanted for item in finders[kind]()]


def delete(home: Home, items: Iterable[Item]) -> tuple[int, list[str]]:
    """Bytes that were freed, and what could not be deleted. What has come to life since is left alone."""
    freed, problems = 0, []
    for item in items:
        try:
            if item.kind == "checkpoints":
                _delete_checkpoint(home.run(item.run), item.path)
            elif item.path.is_dir() and not item.path.is_symlink():
                shutil.rmtree(item.path)
            else:
                item.path.unlink(missing_ok=True)
            freed += item.bytes
        except RunError as error:
            problems.append(str(error))
        except OSError as error:
            problems.append(f"{item.path}: {error.strerror or error}")
    return freed, problems


def _delete_checkpoint(run: RunDir, path: Path) -> None:
    with alive.locked(run):
        path.with_suffix(".json").unlink(missing_ok=True)  # first: a checkpoint with a JSON is whole
        path.unlink(missing_ok=True)


def _checkpoints(home: Home, keeps: Keeps, before: float) -> Iterator[Item]:
    for run_id in run_ids(home):
        run = home.run(run_id)
        if alive.held(run):
            continue
        files = run.checkpoint_files()
        kept = keeps(run) if files[1:] else set()
        if not kept:
            continue  # nothing that could go, or nothing that this version understands
        kept |= {files[-1]}
        for path in files:
            if path not in kept and _touched(path) <= before:
                yield Item("checkpoints", path, _size(path) + _size(path.with_suffix(".json")), run_id)


def _entries(kind: Kind, folder: Path, before: float) -> Iterator[Item]:
    with contextlib.suppress(OSError):
        for path in sorted(folder.iterdir()):
            if _touched(path) <= before:
                yield Item(kind, path, _size(path))


def _caches(home: Home, before: float) -> Iterator[Item]:
    """None while a run lives here: it may be reading them."""
    if any(alive.held(home.run(run_id)) for run_id in run_ids(home)):
        return
    for name in CACHES:
        yield from _entries("caches", cache_root() / name, before)


def _drafts(home: Home) -> Iterator[Item]:
    """Half-made runs, and files that were being written, of processes that died."""
    for folder, pattern in ((home.runs, ".new-*"), (home.runs, "*/.*.tmp"), (home.tickets, ".*.tmp")):
        for path in sorted(folder.glob(pattern)):
            run = RunDir(path if pattern == ".new-*" else path.parent)
            if time.time() - _touched(path) > DRAFT_SECONDS and not (run.lock.exists() and alive.held(run)):
                yield Item("drafts", path, _size(path))
    for path in sorted(home.tickets.glob("[!.]*.json")):
        if not home.run(path.stem).path.is_dir() and time.time() - _touched(path) > DRAFT_SECONDS:
            yield Item("drafts", path, _size(path))


def _touched(path: Path) -> float:
    """When it was last written, moved or (a cache) read; now for what has just gone."""
    try:
        found = path.lstat()
    except OSError:
        return time.time()
    return max(found.st_mtime, found.st_ctime, found.st_atime if path.is_file() else 0.0)


def _size(path: Path) -> int:
    """Bytes on disk, links not followed."""
    if path.is_symlink() or not path.is_dir():
        with contextlib.suppress(OSError):
            return path.lstat().st_size
        return 0
    return sum(_size(Path(folder) / name) for folder, _, names in os.walk(path) for name in names)
