"""Run directories -> index: reads what is new in each, and no more. Reading twice is harmless."""

import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from core import config as configs
from core.errors import ConfigError, RunError, StoreError
from core.events import AnyEvent, Finished, Scored, Started, Step
from core.history import MEASURED, Tail
from core.rundir import Home, RunDir
from core.runs.find import run_ids
from core.runs.meta import printable, read_meta
from core.runs.store import Position, Row, Store
from core.settings import RunConfig

BATCH = 50  # runs a transaction
FROM_CONFIG = ("preset", "recipe", "source", "chars", "size", "steps", "config")  # columns
MESSAGE_LENGTH = 500  # characters kept of what a run says
MARK_BYTES = 4096  # before the offset, by which a file is known again

Progress = Callable[[int, int], None]  # runs read, runs to read


class Synced(NamedTuple):
    """What a sync did."""

    read: int = 0  # runs that had something new
    dropped: int = 0  # runs whose directories have gone


def sync(home: Home, store: Store, ids: Iterable[str] | None = None, *, progress: Progress | None = None) -> Synced:
    """Bring the index up to the directories, or only these runs of it.

    A damaged run gets its `error` and does not keep others from being read. Folder or index unusable: RunError,
    StoreError.
    """
    known = store.positions()
    only = None if ids is None else set(ids)
    wanted = [run_id for run_id in run_ids(home) if only is None or run_id in only]
    runs = str(home.runs)  # once: making a path of it for each of 10,000 runs takes a fifth of the time of `ls`
    found = {run_id: signature for run_id in wanted if (signature := _signature(f"{runs}/{run_id}"))}
    changed = [run_id for run_id, signature in found.items() if known.get(run_id, _NOTHING).signature != signature]
    for start in range(0, len(changed), BATCH):
        if progress:
            progress(start, len(changed))
        _read_batch(home, store, {run_id: found[run_id] for run_id in changed[start : start + BATCH]})
    gone = [run_id for run_id in (known if only is None else only & set(known)) if run_id not in found]
    if gone:
        with store.transaction():
            store.drop(gone)
    if progress:
        progress(len(changed), len(changed))
    return Synced(len(changed), len(gone))


def reindex(home: Home, *, progress: Progress | None = None) -> tuple[Synced, str]:
    """Make the whole index anew from the run directories; also the store's notice, if it had one."""
    try:
        store = Store.open(home)
        if not store.sound():
            store.close()
            raise StoreError("SQLite finds it damaged")
    except StoreError as error:
        store = Store.renew(home, str(error))
    with store:
        with store.transaction():
            store.forget_positions()
        return sync(home, store, progress=progress), store.notice


_NOTHING = Position("", 0)


def _signature(folder: str) -> str:
    """Inode, size and time of the three files that the index repeats, events first; "" where this is no run.

    Called for every run on every look, so it is plain strings and three `stat` calls.
    """
    parts = []
    for name in ("events.jsonl", "config.json", "meta.json"):
        try:
            found = os.stat(f"{folder}/{name}")  # noqa: PTH116  (a Path for each would double the time)
            parts.append(f"{found.st_ino}.{found.st_size}.{found.st_mtime_ns}")
        except OSError:
            parts.append("-")
    return "" if parts == ["-", "-", "-"] else " ".join(parts)


def _read_batch(home: Home, store: Store, signatures: dict[str, str]) -> None:
    """Read without a lock, then write what was read and how far in one transaction."""
    before = store.rows(signatures)
    rows = [_read(home.run(run_id), before.get(run_id), signature) for run_id, signature in signatures.items()]
    with store.transaction():
        now = store.rows(signatures)
        store.put(row for row in rows if _position(now.get(row.id)) == _position(before.get(row.id)))


def _position(row: Row | None) -> Position:
    return Position(row.signature, row.offset) if row else _NOTHING


def _read(run: RunDir, before: Row | None, signature: str) -> Row:
    row = _with_events(run, before if before and _goes_on(run, before, signature) else Row(run.id))
    meta, (config, error) = read_meta(run), _config(run)
    about = _about(config) if config else {name: Row._field_defaults[name] for name in FROM_CONFIG} | {"error": error}
    if config and row.bad_lines:
        about["error"] = row.bad_line + (f" (and {row.bad_lines - 1} more)" if row.bad_lines > 1 else "")
    return row._replace(**(meta._asdict() | about | {"signature": signature}))


def _goes_on(run: RunDir, before: Row, now: str) -> bool:
    """Whether the events are those that were read before, untouched or longer. Else they were rewritten: a file that
    took another's place may well have its inode number, or be written into it, and be the longer one."""
    old, new = before.signature.split(" ")[0].split("."), now.split(" ")[0].split(".")
    if old == new:
        return True
    grew = len(old) == len(new) == 3 and old[0] == new[0] and int(new[1]) > int(old[1])
    return grew and _mark(run.events, before.offset) == before.mark


def _mark(path: Path, offset: int) -> str:
    """A checksum of the last bytes before the offset, "" where they cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, offset - MARK_BYTES))
            return f"{zlib.crc32(file.read(min(offset, MARK_BYTES))):08x}"
    except OSError:
        return ""


def _config(run: RunDir) -> tuple[RunConfig | None, str]:
    try:
        return configs.decode(run.config.read_bytes()), ""
    except ConfigError as error:
        return None, _told(str(error))
    except OSError as error:
        return None, f"{run.config.name}: {error.strerror}"


def _about(config: RunConfig) -> dict[str, Any]:
    return {
        "preset": _told(config.preset),
        "recipe": config.recipe.name,
        "source": _told(config.data.source),
        "chars": _told(config.data.chars),
        "size": config.data.size,
        "steps": config.train.steps,
        "config": msgspec.json.encode(config).decode(),
        "error": "",
    }


def _with_events(run: RunDir, row: Row) -> Row:
    """The row with everything that is new in the event file folded in."""
    tail = Tail(run.events, row.offset)
    try:
        for restarts, batch in _batches(tail):
            row = fold(Row(row.id) if restarts else row, batch)
    except RunError as error:
        return row._replace(bad_lines=1, bad_line=_told(str(error)))
    if tail.problems:
        first = row.bad_line or _told(tail.problems[0])
        row = row._replace(bad_lines=row.bad_lines + len(tail.problems), bad_line=first)
    return row._replace(offset=tail.offset, mark=_mark(run.events, tail.offset))


def _batches(tail: Tail) -> Iterator[tuple[bool, list[AnyEvent]]]:
    """Batches, each with whether the file was found replaced, so that what came before is void."""
    restarts = 0
    for batch in tail.read_all():
        yield tail.restarts > restarts, batch
        restarts = tail.restarts


def fold(row: Row, batch: list[AnyEvent]) -> Row:
    """Last values after a batch; how the events are cut into batches makes no difference."""
    for kind, group in groupby(batch, type):
        for event in [list(group)[-1]] if kind is Step else group:
            row = row._replace(**_changes(row, event), step=event.step, updated=event.time)
    return row


def _changes(row: Row, event: AnyEvent) -> dict[str, Any]:
    match event:
        case Started():
            return _resumed(row, event)
        case Step():
            measured = {name: getattr(event, name) for name in MEASURED}
            return measured | {"seconds": row.seconds_before + event.seconds}
        case Scored():
            scores = {_told(name): value for name, value in event.scores.items()}
            score = next(iter(scores.values()), None)
            told = {"score": score, "scores": msgspec.json.encode(scores).decode(), "score_step": event.step}
            return told | _reached(row, event)
        case Finished():
            return {"finished": event.state, "message": _told(event.message)}
    return {}


def _reached(row: Row, event: Scored) -> dict[str, Any]:
    """The first time counts: later scores may fall below the target again."""
    if not event.passed or event.seconds is None or row.seconds_to_target is not None:
        return {}
    return {"seconds_to_target": row.seconds_before + event.seconds, "target_step": event.step}


def _resumed(row: Row, event: Started) -> dict[str, Any]:
    """A new attempt voids what was measured past the step that it goes on from."""
    changes: dict[str, Any] = {
        "attempt": event.attempt,
        "device": _told(event.device),
        "classes": event.classes,
        "seconds_before": row.seconds,
        "finished": "",
        "message": "",
    }
    if row.step > event.step:
        changes |= dict.fromkeys(MEASURED)
    if row.score_step > event.step:
        changes |= {"score": None, "scores": "", "score_step": 0}
    if row.target_step > event.step:
        changes |= {"seconds_to_target": None, "target_step": 0}
    return changes


def _told(text: str) -> str:
    return printable(text)[:MESSAGE_LENGTH]
