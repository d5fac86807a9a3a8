"""To the trash and back: a run is moved whole, and its folder is the truth there too."""

import shutil
from pathlib import Path

from core.errors import RunError
from core.rundir import Home, RunDir
from core.runs import alive, tickets
from core.runs.disk import telling
from core.runs.find import is_id
from core.runs.meta import printable, read_meta
from core.runs.stop import cancel

SHOWN = 5  # entries that a message names


def remove(home: Home, run: RunDir) -> Path:
    """Move a run to the trash and say where it is now; a queued one leaves the queue. A live run: RunError."""
    cancel(run)
    with telling(home.trash), alive.locked(run):
        home.trash.mkdir(parents=True, exist_ok=True)
        target, n = home.trash / run.id, 1
        while target.exists():
            n += 1
            target = home.trash / f"{run.id}.{n}"
        shutil.move(run.path, target)
        tickets.unlinked(run.place)
    return target


def restore(home: Home, text: str) -> RunDir:
    """Bring a run back from the trash: by its id, the only beginning of one, or its name (of equal ones the newest).

    Not there, or in the way of one that is: RunError.
    """
    entry = _found(home, text)
    run = home.run(entry.name)
    if run.path.exists():
        raise RunError(f"run {run.id} exists in {home.runs} already; remove that one first")
    with telling(home.runs):
        home.runs.mkdir(parents=True, exist_ok=True)
        shutil.move(entry, run.path)
    return run


def _found(home: Home, text: str) -> Path:
    """The text is only ever compared with what is there: it never becomes a path."""
    entries = {entry.name: entry for entry in home.trash.iterdir() if is_id(entry.name)} if home.trash.is_dir() else {}
    begins = [name for name in entries if text and name.startswith(text)]
    named = [name for name, entry in entries.items() if text and read_meta(RunDir(entry)).name == text]
    for found in ([text] if text in entries else [], begins if len(begins) == 1 else [], sorted(named)[-1:]):
        if found:
            return entries[found[0]]
    there = ", ".join(sorted(entries)[:SHOWN]) or "nothing"
    raise RunError(f"no run {printable(text)!r} in {home.trash}; it holds {there}")
