"""A run in one file, to be sent: a ZIP file with a manifest of SHA-256 hashes. `unbundle` brings it in elsewhere."""

import contextlib
import hashlib
import json
import os
import re
import stat
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

from core import config as configs
from core import history
from core.errors import RunError
from core.events import Sampled
from core.rundir import RunDir
from core.runs.disk import telling
from core.runs.meta import read_meta
from core.runs.state import state_of

FORMAT = 1
MANIFEST = "manifest.json"
BLOCK = 1 << 20

PLAIN = frozenset(
    {"config.json", "meta.json", "env.json", "events.jsonl", "usage.jsonl", "exit.json", "scores.json", "grid.png"}
    | {"traversal.png", "losses.png", "progress.gif"}
)
NUMBERED = re.compile(r"checkpoints/\d{8,12}\.(safetensors|json)|samples/\d{8,12}(-[a-z]{1,20})?\.png")
NEEDED = frozenset({"config.json", "meta.json", "events.jsonl"})
FIXED_TIME = (1980, 1, 1, 0, 0, 0)  # so that the same run packs to the same bytes


class Entry(NamedTuple):
    """One file as the manifest has it."""

    bytes: int
    sha256: str


class Packed(NamedTuple):
    """What was written, or brought in."""

    run: RunDir
    files: int
    bytes: int  # unpacked


def pack(run: RunDir, out: Path, *, replace: bool = False) -> Packed:
    """Configuration, what people say, environment, events, final pictures and the best checkpoint, in one file.

    A live run, a file in the way, a folder that cannot be written: RunError.
    """
    if (state := state_of(run)).kind in ("running", "queued"):
        raise RunError(f"run {run.id} is {state.kind}; `etlgan stop {run.id}` ends it, then it can be packed")
    if out.is_dir() or (out.exists() and not replace):
        raise RunError(f"{out}: is there already; choose another name, or --force to replace the file")
    with contextlib.suppress(OSError):
        configs.decode(run.config.read_bytes(), where=f"run {run.id}: config.json")  # a damaged run is told here
    names = _contents(run)
    if missing := NEEDED - set(names):
        raise RunError(f"run {run.id}: has no {', '.join(sorted(missing))}; there is nothing worth packing")
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    with telling(out.parent):
        try:
            total = _write(run, names, temporary)
            temporary.replace(out)
        finally:
            temporary.unlink(missing_ok=True)
    return Packed(run, len(names), total)


def _contents(run: RunDir) -> list[str]:
    """Names inside the run that go with it, those that are plain files."""
    told = history.curves(run.events)
    names = sorted(PLAIN)
    names += [str(path.relative_to(run.path)) for path in _best_checkpoint(run, told)]
    names += [str(path.relative_to(run.path)) for path in _last_samples(run, told.sampled)]
    return [name for name in names if (run.path / name).is_file() and not (run.path / name).is_symlink()]


def _best_checkpoint(run: RunDir, told: history.History) -> list[Path]:
    """Tensors and facts of the one that was said to be the best last; else of the newest."""
    steps = [event.step for event in reversed(told.saved) if event.best]
    steps += sorted(int(path.stem) for path in run.checkpoint_files() if path.stem.isdecimal())[::-1]
    whole = (run.checkpoint(step) for step in steps if run.checkpoint(step).is_file())
    path = next((path for path in whole if path.with_suffix(".json").is_file()), None)
    return [path, path.with_suffix(".json")] if path else []


def _last_samples(run: RunDir, sampled: list[Sampled]) -> list[Path]:
    newest = {event.kind: run.sample(event.step, event.kind) for event in sampled}
    return list(newest.values())


def _write(run: RunDir, names: list[str], path: Path) -> int:
    """All files, the manifest last: it says what was read, also of a file that grew meanwhile."""
    entries: dict[str, Entry] = {}
    with path.open("xb") as raw:
        with zipfile.ZipFile(raw, "w") as archive:
            for name in names:
                entries[name] = _add(archive, run.path / name, name)
            text = json.dumps(_manifest(run, entries), indent=2, ensure_ascii=False).encode()
            archive.writestr(_header(MANIFEST), text)
        raw.flush()
        os.fsync(raw.fileno())
    return sum(entry.bytes for entry in entries.values())


def _add(archive: zipfile.ZipFile, path: Path, name: str) -> Entry:
    whole, size = hashlib.sha256(), 0
    with path.open("rb") as source, archive.open(_header(name), "w", force_zip64=True) as target:
        while block := source.read(BLOCK):
            whole.update(block)
            size += len(block)
            target.write(block)
    return Entry(size, whole.hexdigest())


def _header(name: str) -> zipfile.ZipInfo:
    """Text is compressed; pictures and tensors would not shrink."""
    info = zipfile.ZipInfo(name, FIXED_TIME)
    info.compress_type = zipfile.ZIP_DEFLATED if name.endswith(("json", "jsonl")) else zipfile.ZIP_STORED
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    return info


def _manifest(run: RunDir, entries: dict[str, Entry]) -> dict[str, Any]:
    about = {"format": FORMAT, "kind": "etlgan run", "id": run.id, "name": read_meta(run).name}
    return about | {"files": {name: entry._asdict() for name, entry in entries.items()}}
