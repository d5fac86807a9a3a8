"""What a run is doing, derived anew on every look: from the lock, the newest attempt's last word and exit.json."""

import os
import statistics
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple

from core import events
from core.errors import RunError
from core.events import AnyEvent, Finished, Started, Step
from core.rundir import RunDir, read_json
from core.runs import alive
from core.runs.alive import Holder
from core.runs.meta import printable
from core.runs.slurm.programs import TABLE
from core.runs.slurm.verdict import verdict

Kind = Literal["queued", "running", "finished", "stopped", "failed", "killed", "crashed"]

STOPPING = "stopping"  # live, and asked to stop
SILENCE_SECONDS = 300.0  # a live run that said nothing for so long, and for
SILENCE_STEPS = 20  # so many of its usual reports, is stale
LOOK_BACK = (1 << 12, 1 << 16, 1 << 20)  # bytes from the end of events.jsonl, until a first or last word is found


class State(NamedTuple):
    """One run, now."""

    kind: Kind
    detail: str = ""  # "rc 1", "SIGKILL", "stopping" of a live one, "" where there is nothing to add
    message: str = ""  # the trainer's last word, for people
    stale: bool = False  # live, but silent for suspiciously long: a warning, no verdict

    @property
    def live(self) -> bool:
        return self.kind == "running"


def state_of(run: RunDir) -> State:
    """Lock held: running. Else a ticket: queued. Else the newest attempt's Finished event or exit.json decides;
    none of these: crashed."""
    holder = alive.read(run)
    if alive.held(run, holder):
        return State("running", STOPPING if holder.stopping else "", stale=_silent(run, holder))
    return State("queued") if run.ticket.exists() else _of_slurm(run, _ended(run, holder))


def at_rest(run: RunDir) -> State:
    """For who holds the run's lock: what it is doing elsewhere, or how it ended. Slurm is asked anew."""
    TABLE.forget()
    return _of_slurm(run, _ended(run, alive.read(run)))


def _of_slurm(run: RunDir, ended: State) -> State:
    """What Slurm says where a run that was given to it leaves something open; else what its own files say."""
    if not os.path.exists(run.job):  # noqa: PTH110  (asked for every run of a list)
        return ended
    said = verdict(run, attempt=newest_attempt(run), kind=ended.kind)
    return State(said.kind, said.detail, said.message, said.stale) if said.kind else ended  # type: ignore[arg-type]


def newest_attempt(run: RunDir) -> int:
    """Number of the latest attempt by any witness; 0: never started."""
    holder = alive.read(run)
    return _newest(holder, _exit(run, holder), last_word(run))


def reached(run: RunDir) -> int:
    """The step of the newest event, 0 where there is none."""
    return next((event.step for event in _backwards(run)), 0)


def last_word(run: RunDir) -> Started | Finished | None:
    """The newest event that opens or closes an attempt."""
    lines = _backwards(run, containing=(b'"started"', b'"finished"'))
    return next((event for event in lines if isinstance(event, Started | Finished)), None)


def _ended(run: RunDir, holder: Holder) -> State:
    word, ending = last_word(run), _exit(run, holder)
    attempt = _newest(holder, ending, word)
    ours = ending if ending.get("attempt") == attempt else {}
    if isinstance(word, Finished) and word.attempt == attempt:
        return State(word.state, _detail(ours) if word.state == "failed" else "", printable(word.message))
    if not ours:
        return State("crashed", "" if attempt else "never started")
    return _by_exit(run, ours)


def _by_exit(run: RunDir, ending: dict[str, Any]) -> State:
    """The trainer left without a last word, or was never started."""
    if not ending["attempt"]:
        return State("stopped", "", "taken out of the queue before its turn")
    if ending.get("message"):
        return State("killed" if ending.get("signal") else "failed", _detail(ending), printable(str(ending["message"])))
    if ending.get("stopped") and (ending.get("returncode") in (None, 0) or ending.get("signal") == "SIGTERM"):
        return State("stopped", "", "stopped without a last word")
    if ending.get("signal"):
        return State("killed", _detail(ending))
    if ending.get("returncode") == 0:
        return State("finished")
    return State("failed", _detail(ending), _complaint(run))


def _complaint(run: RunDir) -> str:
    """The trainer's last word where it could not become an event, for its disk was full or gone; "" for none."""
    lines, _ = _last_lines(run.console, LOOK_BACK[0])
    told = (line.removeprefix(b"etlgan: ") for line in lines if line.startswith(b"etlgan: "))
    return printable(next(told, b"").decode(errors="replace"))


def _detail(ending: dict[str, Any]) -> str:
    return printable(str(ending.get("signal") or "")) or f"rc {ending.get('returncode')}"


def _newest(holder: Holder, ending: dict[str, Any], word: Started | Finished | None) -> int:
    return max(holder.attempt, int(ending.get("attempt", 0)), word.attempt if word else 0)


def _exit(run: RunDir, holder: Holder) -> dict[str, Any]:
    """exit.json, or what the lock says in its place after a full disk; {} unless its numbers are numbers."""
    tree, noted = read_json(run.exit), holder.exit
    if noted and _sane(noted) and noted["attempt"] >= (tree["attempt"] if _sane(tree) else 0):
        return noted
    return tree if _sane(tree) else {}


def _sane(tree: dict[str, Any]) -> bool:
    code = tree.get("returncode")
    return isinstance(tree.get("attempt"), int) and (code is None or isinstance(code, int))


def _backwards(run: RunDir, *, containing: tuple[bytes, ...] = (b"",)) -> Iterator[AnyEvent]:
    """Events from the newest on, over at most the last LOOK_BACK[-1] bytes; only lines with one of these words."""
    seen = 0
    for span in LOOK_BACK:
        lines, whole = _last_lines(run.events, span)
        yield from _decoded([line for line in lines[seen:] if any(word in line for word in containing)])
        seen = len(lines)
        if whole:
            return


def _last_lines(path: Path, span: int) -> tuple[list[bytes], bool]:
    """Whole lines within `span` bytes of the end, newest first, and whether these are all."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - span))
            lines = file.read(span).split(b"\n")
    except OSError:
        return [], True
    whole = size <= span
    return lines[-2 : None if whole else 0 : -1], whole


def _silent(run: RunDir, holder: Holder) -> bool:
    try:
        last = max(run.events.stat().st_mtime, holder.time)
    except OSError:
        last = holder.time
    silence = time.time() - last
    return silence > SILENCE_SECONDS and silence > SILENCE_STEPS * _usual_pause(run)


def _usual_pause(run: RunDir) -> float:
    """Median seconds between two reports of the last few; 0 where there are none."""
    lines, _ = _last_lines(run.events, 1 << 16)
    times = [event.time for event in _decoded(lines[:200]) if isinstance(event, Step)]
    return statistics.median(later - sooner for later, sooner in pairwise(times)) if times[1:] else 0.0


def _decoded(lines: list[bytes]) -> Iterator[AnyEvent]:
    """Damaged lines are passed over here; whoever reads the whole file tells of them."""
    for line in lines:
        try:
            yield events.decode(line)
        except RunError:
            continue
