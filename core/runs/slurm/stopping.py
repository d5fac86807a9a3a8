"""Taking a run back from Slurm: out of its queue, or with a signal to the runner in its job."""

import contextlib
import time

from core.errors import RunError
from core.rundir import RunDir, write_json
from core.runs import alive
from core.runs.runner import ending
from core.runs.slurm import job as jobs
from core.runs.slurm.job import Job
from core.runs.slurm.programs import TABLE, SlurmError, ask
from core.runs.slurm.verdict import RUNNING, WAITING
from core.runs.state import newest_attempt, state_of

LOOK_SECONDS = 0.5
GONE_SECONDS = 40.0  # for Slurm to kill a job: its KillWait, usually 30


def cancel(run: RunDir) -> bool:
    """Take a waiting run out of Slurm's queue; it is then as it was before, or stopped where it never went.

    False: it does not wait there. Slurm does not answer: SlurmError.
    """
    job = jobs.read(run)
    if job is None or job.asked or alive.held(run):
        return False
    TABLE.forget()
    told = TABLE.find(run, job) if not job.over else None
    if told is None or told.state not in WAITING:
        return False
    jobs.write(run, job._replace(id=told.id, asked=True))
    try:
        ask("scancel", "--state=PENDING", told.id)
    except SlurmError:
        jobs.write(run, job)
        raise
    attempt = newest_attempt(run)
    if attempt == 0:
        write_json(run.exit, ending(0, None, stopped=True))
    jobs.write(run, job._replace(id=told.id, attempt=attempt, asked=True))
    TABLE.forget()
    return True


def in_slurm(run: RunDir) -> bool:
    """Whether the newest attempt is a job's."""
    job = jobs.read(run)
    return job is not None and not job.over and job.attempt >= newest_attempt(run)


def stop(run: RunDir, *, kill_after: float | None, wait: float) -> str:
    """Tell the runner in the job, and nobody else, to stop; says what came of it. Nothing there to stop: RunError."""
    job = jobs.read(run) or Job()
    if not alive.held(run) and state_of(run).kind not in ("running", "queued"):
        raise RunError(f"run {run.id} is not live; nothing to stop")
    jobs.write(run, job._replace(asked=True))
    ask("scancel", "--batch", "--signal=TERM", job.id)
    if _ended(run, wait if kill_after is None else kill_after):
        return f"run {run.id} stopped"
    if kill_after is None:
        return f"run {run.id} was asked to stop ({job.name}); it finishes its step and saves first"
    ask("scancel", job.id)
    _wait_for_slurm(run, job)
    with contextlib.suppress(RunError), alive.locked(run):
        write_json(run.exit, ending(job.attempt, -9, stopped=True))
    return f"run {run.id} did not stop in {kill_after:g} s, and {job.name} was cancelled; its last checkpoint is kept"


def _ended(run: RunDir, seconds: float) -> bool:
    """Whether it said so itself within that time: a heartbeat that stops takes longer to notice."""
    deadline = time.monotonic() + seconds
    while alive.held(run):
        if time.monotonic() >= deadline:
            return False
        time.sleep(LOOK_SECONDS)
    return True


def _wait_for_slurm(run: RunDir, job: Job) -> None:
    deadline = time.monotonic() + GONE_SECONDS
    while time.monotonic() < deadline:
        TABLE.forget()
        told = TABLE.find(run, job)
        if told is None or told.state not in RUNNING | {"COMPLETING"}:
            return
        time.sleep(LOOK_SECONDS)
