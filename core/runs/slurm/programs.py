"""Slurm's own programs: asked, and what they answer. Standard library only."""

import getpass
import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from core.errors import RunError
from core.rundir import RunDir
from core.runs.meta import printable
from core.runs.slurm.job import Job, job_name

ANSWER_SECONDS = 20.0  # a busy controller takes its time
LOOK_SECONDS = 10.0  # for a look at the queue; then what is known must do
FRESH_SECONDS = 4.0  # a look at the queue is good for so long; a controller has many users
PATIENCE_SECONDS = 20.0  # after a look that failed


class Told(NamedTuple):
    """One job, as Slurm's table has it."""

    id: str
    state: str  # PENDING, RUNNING, NODE_FAIL ...
    nodes: str
    reason: str  # why it waits: Priority, Resources, ...


class SlurmError(RunError):
    """Slurm is not here, does not answer, or refuses."""


def ask(*words: str, seconds: float = ANSWER_SECONDS, environment: Mapping[str, str] | None = None) -> str:
    """What a program says. Not there, no answer, an exit code: SlurmError with its own words."""
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
            env=environment,
        )
    except FileNotFoundError:
        raise SlurmError(
            f"{words[0]}: not found; --on slurm needs a machine where Slurm's own commands work (a login node)"
        ) from None
    except OSError as error:
        raise SlurmError(f"{words[0]}: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise SlurmError(f"{words[0]}: Slurm does not answer within {seconds:g} s; is slurmctld up?") from None
    if done.returncode:
        raise SlurmError(f"{words[0]}: {_reason(done.stderr or done.stdout, done.returncode)}")
    return done.stdout


def _reason(text: str, code: int) -> str:
    """The most telling line: "sbatch: error: Batch job submission failed: Invalid partition name specified"."""
    lines = [line.partition("error: ")[2] or line for line in text.strip().splitlines() if line.strip()]
    return printable("; ".join(dict.fromkeys(lines)))[:300] or f"exit code {code}"


class Table:
    """The user's jobs, looked up at most every few seconds by this process, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, Told] = {}
        self._names: dict[str, Told] = {}
        self._until, self._problem = 0.0, ""

    def find(self, run: RunDir, job: Job) -> Told | None:
        """The job as Slurm knows it now; None where it knows it no more. Slurm does not answer: SlurmError."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._look()
            if self._problem:
                raise SlurmError(self._problem)
            return self._jobs.get(job.id) if job.id else self._names.get(job_name(run))

    def forget(self) -> None:
        """Something was changed: the next question looks anew."""
        self._until = 0.0

    def _look(self) -> None:
        self._problem, fresh = "", FRESH_SECONDS
        try:
            lines = ask(
                "squeue", "--noheader", "--states=all", f"--user={user()}", "--format=%i|%T|%N|%r|%j",
                seconds=LOOK_SECONDS,
            ).splitlines()  # fmt: skip
            self._jobs, self._names = _parsed(lines)
        except SlurmError as error:
            self._problem, fresh = str(error), PATIENCE_SECONDS
        self._until = time.monotonic() + fresh


TABLE = Table()


def _parsed(lines: Sequence[str]) -> tuple[dict[str, Told], dict[str, Told]]:
    """By number and by name; of several jobs of a name the newest. A line of another shape is passed over."""
    jobs, names = dict[str, Told](), dict[str, Told]()
    for line in lines:
        cells = line.strip().split("|", 4)
        if len(cells) != 5 or not cells[0].isdecimal():
            continue
        told = Told(cells[0], *map(printable, cells[1:4]))
        jobs[told.id] = told
        if cells[4] not in names or int(names[cells[4]].id) < int(told.id):
            names[cells[4]] = told
    return jobs, names


def accounted(job: Job) -> str:
    """What the accounting remembers of a job that the queue has forgotten: its state, "" where nothing is kept."""
    try:
        lines = ask("sacct", "--allocations", "--noheader", "--parsable2", "--format=State", f"--jobs={job.id}")
    except SlurmError:
        return ""
    words = lines.strip().splitlines()[-1:] or [""]
    return printable(words[0].split(" ")[0])  # "CANCELLED by 1000"


def user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())
