"""What Slurm's word means for a run that does not say by itself how it is."""

import contextlib
import time
from typing import NamedTuple

from core.errors import RunError
from core.rundir import RunDir
from core.runs import alive
from core.runs.slurm import job as jobs
from core.runs.slurm.job import Job
from core.runs.slurm.programs import TABLE, SlurmError, accounted
from core.runs.spawn import last_line

SUBMIT_SECONDS = 60.0  # between the first note of a job and its number
WAITING = frozenset({"PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "SPECIAL_EXIT"})
RUNNING = frozenset({"RUNNING", "CONFIGURING", "SUSPENDED", "STOPPED", "SIGNALING", "RESIZING", "STAGE_OUT"})
# Slurm's last word: kind and detail of the run, where the run has none of its own.
ENDED = {
    "CANCELLED": ("killed", "cancelled"),
    "TIMEOUT": ("killed", "time limit"),
    "DEADLINE": ("killed", "deadline"),
    "NODE_FAIL": ("killed", "node failed"),
    "PREEMPTED": ("killed", "preempted"),
    "OUT_OF_MEMORY": ("killed", "out of memory"),
    "BOOT_FAIL": ("killed", "node did not boot"),
    "REVOKED": ("killed", "revoked"),
    "FAILED": ("failed", "Slurm: FAILED"),
}
UNKNOWN = "UNKNOWN"  # our word for a job that Slurm knows nothing of


class Verdict(NamedTuple):
    """What to say in place of what the run's own files tell. No kind: nothing."""

    kind: str = ""
    detail: str = ""
    message: str = ""
    stale: bool = False


def verdict(run: RunDir, *, attempt: int, kind: str) -> Verdict:
    """`attempt` and `kind` are what the run's files say of a run that shows no life; Slurm is asked only where they
    leave something open."""
    job = jobs.read(run)
    if job is None or not _open(job, attempt, kind):
        return Verdict()
    waits = job.attempt > attempt
    if job.over:
        return _ended(run, job.over, job, waits)
    try:
        told = TABLE.find(run, job)
    except SlurmError as error:
        return Verdict("queued", _detail(job, "not known"), str(error)) if waits else Verdict()
    state = told.state if told else accounted(job) if job.id else ""
    if state in WAITING:
        reason = told.reason if told and told.reason != "None" else "waiting"
        return Verdict("queued", _detail(job, reason), "" if waits else _again(kind))
    if state in RUNNING or state == "COMPLETING":
        return _between(job, state, told.nodes if told else "", waits=waits, kind=kind)
    if not job.id and not state and time.time() - job.submitted < SUBMIT_SECONDS:
        return Verdict("queued", "being submitted")
    _note(run, job, state or UNKNOWN)
    return _ended(run, state or UNKNOWN, job, waits) if waits or kind == "crashed" else Verdict()


def _open(job: Job, attempt: int, kind: str) -> bool:
    """Whether the job's attempt has not begun, or ended without a word, or may be put back into the queue by Slurm."""
    if job.attempt > attempt or kind == "crashed":
        return True
    return kind in ("stopped", "killed") and not job.asked and not job.over


def _between(job: Job, state: str, nodes: str, *, waits: bool, kind: str) -> Verdict:
    """Slurm has it running, and the run shows no life."""
    if waits:
        return Verdict("queued", _detail(job, f"{'starting' if state in RUNNING else 'clearing up'} on {nodes}"))
    if kind == "crashed":
        silent = f"shows no life, but Slurm has job {job.id} as {state} on {nodes}"
        return Verdict("running", _detail(job, nodes), silent, stale=True)
    return Verdict()


def _ended(run: RunDir, state: str, job: Job, waits: bool) -> Verdict:
    """The job is over, and the run itself has not said how it ended."""
    kind, detail = ENDED.get(state, ("crashed", ""))
    if waits and state == "CANCELLED":
        return Verdict("stopped", "cancelled", f"{job.name} was cancelled before its turn")
    if state == UNKNOWN:
        return Verdict(kind, detail, f"{job.name} is gone, and Slurm says nothing of it; `etlgan resume` goes on")
    why = f": {last_line(run.console)}" if kind == "failed" else ""
    return Verdict(kind, detail, f"{job.name}: {state}{' before it began' if waits else ''}{why}")


def _note(run: RunDir, job: Job, state: str) -> None:
    """Slurm forgets within minutes: its last word is kept. Not where the run lives or was given away meanwhile."""
    with contextlib.suppress(OSError, RunError), alive.locked(run):
        if jobs.read(run) == job:
            jobs.write(run, job._replace(over=state))


def _detail(job: Job, words: str) -> str:
    return f"Slurm {job.id}: {words}" if job.id else f"Slurm: {words}"


def _again(kind: str) -> str:
    return "Slurm put it back into the queue; it goes on from its last checkpoint" if kind else ""
