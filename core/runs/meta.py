"""What people say about a run: `meta.json`. It is the truth; the index only repeats it."""

import contextlib
import unicodedata
from collections.abc import Callable
from typing import Any, NamedTuple

from core.errors import RunError
from core.rundir import RunDir, read_json, write_json
from core.runs.disk import folder_lock, telling

NAME_LENGTH = 120  # characters
NOTE_LENGTH = 10_000
JOINERS = "\u200c\u200d"  # emoji and some scripts are joined by these invisible characters
UNPRINTABLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # controls, escapes, reversals of direction, halves of a character


class RunMeta(NamedTuple):
    """Every field of meta.json."""

    id: str
    name: str
    created: float  # Unix seconds
    tags: tuple[str, ...] = ()
    note: str = ""
    priority: int = 0  # higher goes first in the queue
    parent: str = ""  # id of the sweep or run that this one belongs to


def read_meta(run: RunDir) -> RunMeta:
    """Whatever meta.json holds, made harmless; a missing or damaged one gives the id as name."""
    tree = read_json(run.meta)
    tags, priority = tree.get("tags"), tree.get("priority")
    return RunMeta(
        id=run.id,
        name=_line(tree.get("name")) or run.id,
        created=_seconds(tree.get("created")) or _made(run),
        tags=tuple(tag for tag in map(_line, tags) if tag) if isinstance(tags, list) else (),
        note=cleaned_note(tree["note"]) if isinstance(tree.get("note"), str) else "",
        priority=int(priority) if isinstance(priority, int) and abs(priority) < 2**31 else 0,
        parent=_line(tree.get("parent")),
    )


def edit_meta(run: RunDir, **changes: Any) -> RunMeta:
    """Change some of name, tags, note, priority, parent; two editors at once do not lose each other's change.

    A field that is none of these, a name that cannot be shown, a folder that cannot be written: RunError.
    """
    if unknown := set(changes) - set(EDITABLE):
        raise RunError(f"{', '.join(sorted(unknown))}: not to be edited; choose from {', '.join(EDITABLE)}")
    checked = {field: EDITABLE[field](value) for field, value in changes.items()}
    with telling(run.path), folder_lock(run.path):
        meta = read_meta(run)._replace(**checked)
        write_meta(run, meta)
    return meta


def write_meta(run: RunDir, meta: RunMeta) -> None:
    """The whole of meta.json, at once."""
    write_json(run.meta, meta._asdict())


def checked_name(name: str) -> str:
    """A name that can be shown on one line and asked for; else RunError."""
    name = name.strip()
    if not name or len(name) > NAME_LENGTH or printable(name) != name:
        raise RunError(
            f"name {printable(name)[:40]!r}: must be 1 .. {NAME_LENGTH} printable characters (no control characters)"
        )
    if name == "last":
        raise RunError("name 'last': means the newest run already; choose another")
    return name


def checked_tags(tags: Any) -> tuple[str, ...]:
    """Tags once each, in the order given; unshowable ones: RunError."""
    return tuple(dict.fromkeys(checked_name(tag) for tag in ([tags] if isinstance(tags, str) else tags)))


def cleaned_note(note: str) -> str:
    """A note may have several lines; what cannot be shown is left out."""
    return printable(note, keep="\n\t")[:NOTE_LENGTH]


def printable(text: str, *, keep: str = "") -> str:
    """Without control characters, escapes, invisible ones and lone surrogates; `keep` lists exceptions."""
    if text.isascii() and text.isprintable():
        return text  # nearly always, and thousands of times a look
    return "".join(c for c in text if c in keep or c in JOINERS or unicodedata.category(c) not in UNPRINTABLE)


EDITABLE: dict[str, Callable[[Any], Any]] = {
    "name": checked_name,
    "tags": checked_tags,
    "note": cleaned_note,
    "priority": int,
    "parent": printable,
}


def _line(value: Any) -> str:
    return printable(value).strip()[:NAME_LENGTH] if isinstance(value, str) else ""


def _seconds(value: Any) -> float:
    """A time between 1970 and far from now; 0 for anything else."""
    return float(value) if isinstance(value, int | float) and 0 <= value < 2**40 else 0.0


def _made(run: RunDir) -> float:
    with contextlib.suppress(OSError):
        return run.config.stat().st_mtime
    return 0.0
