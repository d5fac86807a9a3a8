"""Which run is meant: exact id, unique start of an id, name, or `last`. Looks at the directories, not at the index."""

import difflib
import os
import secrets
import time

from core.errors import RunError
from core.rundir import Home, RunDir
from core.runs.meta import printable, read_meta

SHOWN = 5  # candidates named in a message
SECOND = len("261123-221045")
LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
LOOKED_AT = 1000  # newest runs whose names are compared for "did you mean"


def run_ids(home: Home) -> list[str]:
    """Every run directory, newest first (ids begin with the date). RunError where the folder cannot be read."""
    try:
        with os.scandir(home.runs) as entries:
            found = [entry.name for entry in entries if is_id(entry.name) and entry.is_dir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunError(f"cannot read {home.runs}: {error.strerror}") from None
    return sorted(found, key=lambda name: (name[:1].isdigit(), name), reverse=True)


def new_id() -> str:
    """An id for a run that is made now: date, time, two letters for the 1,024th of the second, so that ids sort as runs
    were made, and one drawn. Two may be alike, so whoever makes it looks first.
    """
    now = time.time()
    tens, ones = divmod(int(now % 1 * len(LETTERS) ** 2), len(LETTERS))
    return (
        time.strftime("%y%m%d-%H%M%S-", time.localtime(now)) + LETTERS[tens] + LETTERS[ones] + secrets.choice(LETTERS)
    )


def is_id(name: str) -> bool:
    """Whether a folder of that name can be a run: no drafts and hidden folders, nothing that cannot be shown."""
    return not name.startswith(".") and printable(name) == name


def find(home: Home, text: str) -> RunDir:
    """The run meant by `text`. Of equal names the newest; unknown or ambiguous: RunError that lists candidates.

    The text is only ever compared with what is there: it never becomes a path.
    """
    ids = run_ids(home)
    if text == "last" and ids:
        return _newest(home, ids)
    if text in ids:
        return home.run(text)
    starts = [run_id for run_id in ids if text and run_id.startswith(text)]
    if len(starts) == 1:
        return home.run(starts[0])
    for run_id in ids:
        if read_meta(home.run(run_id)).name == text:
            return home.run(run_id)
    raise RunError(_unknown(home, text, ids, starts))


def namesakes(home: Home, run: RunDir) -> list[str]:
    """Ids of the other runs of its name, newest first."""
    name = read_meta(run).name
    return [other for other in run_ids(home) if other != run.id and read_meta(home.run(other)).name == name]


def _newest(home: Home, ids: list[str]) -> RunDir:
    """Ids tell seconds; of runs made within one, meta.json tells which came last."""
    same_second = [home.run(run_id) for run_id in ids if run_id[:SECOND] == ids[0][:SECOND]]
    return max(same_second, key=lambda run: read_meta(run).created)


def _unknown(home: Home, text: str, ids: list[str], starts: list[str]) -> str:
    shown = printable(text)
    if not ids:
        return f"no run {shown!r}: there is no run in {home.runs} yet; `etlgan run` starts one"
    if starts:
        more = f" and {len(starts) - SHOWN} more" if len(starts) > SHOWN else ""
        return f"{shown!r} begins {len(starts)} ids: {', '.join(starts[:SHOWN])}{more}; give more of it"
    names = [read_meta(home.run(run_id)).name for run_id in ids[:LOOKED_AT]]
    close = difflib.get_close_matches(shown, [*dict.fromkeys(names), *ids[:LOOKED_AT]], n=SHOWN, cutoff=0.5)
    hint = f"did you mean {' or '.join(map(repr, close))}?" if close else "`etlgan ls` lists them"
    return f"no run {shown!r} in {home.runs}; {hint}"
