"""What the runner does in a Slurm job that its launcher does elsewhere: lock the run, begin the attempt, go on later.

Two hosts may take each other's lock for free (that depends on the disk): where another host's attempt has not said
that it ended, its heartbeat is waited for until it is silent.
"""

import contextlib
import os
import sys
import time
from pathlib import Path

from core.errors import EtlganError, RunError
from core.events import Finished
from core.rundir import RunDir, write_json
from core.runs import alive, launcher
from core.runs.slurm import job as jobs
from core.runs.slurm import submission
from core.runs.slurm.job import JOB_ID, Job
from core.runs.slurm.programs import SlurmError, ask
from core.runs.state import last_word, newest_attempt

TAKE_SECONDS = 4 * alive.BEAT_PATIENCE  # for the run's last host to fall silent
LOOK_SECONDS = 2.0
NOT_STARTED = 2  # exit code


def begin(run: RunDir) -> int:
    """The descriptor of the run's lock, its next attempt noted. A run that is another's, live, or that cannot go: ends
    the process with a line in the console, and with exit.json where the run is ours."""
    number = os.environ.get(JOB_ID, "")
    job = _ours(run, number)
    descriptor = _locked(run)
    attempt = newest_attempt(run) + 1
    try:
        jobs.write(run, job._replace(id=number, attempt=attempt, over=""))
        config = launcher.configuration(run)
        os.chdir(launcher.ready(run, descriptor, config, attempt=attempt))
    except (EtlganError, OSError) as error:
        _say(str(error))
        with contextlib.suppress(OSError):
            message = {"message": str(error)}
            write_json(run.exit, {"attempt": attempt, "returncode": NOT_STARTED, "time": time.time()} | message)
        sys.exit(NOT_STARTED)
    _say(f"Slurm job {number} on {alive.host()}, attempt {attempt}; other hosts go by its heartbeat")
    return descriptor


def stop_asked(run: RunDir) -> bool:
    """Whether somebody asked the run to stop, so that nothing more is to be started."""
    job = jobs.read(run)
    return bool(job and job.asked)


def saved_step(run: RunDir) -> int:
    """Of the newest checkpoint; -1 without one."""
    return max((int(path.stem) for path in run.checkpoint_files() if path.stem.isdecimal()), default=-1)


def goes_on(run: RunDir, attempt: int, *, since: int) -> bool:
    """After the time-limit signal: note that the job comes again, where there is more to do and this attempt got on.

    `since`: what was saved when it began; an attempt that got no further would only be repeated for ever.
    """
    job, word = jobs.read(run), last_word(run)
    if job is None or job.asked or not isinstance(word, Finished) or word.state != "stopped":
        return False
    if saved_step(run) <= since:
        _say("time is up, and there is no new checkpoint: cluster.time or cluster.grace is too short; not queued again")
        return False
    jobs.write(run, job._replace(attempt=attempt + 1))
    return True


def go_on_later(run: RunDir) -> None:
    """Put this job back into the queue; where that is refused, give the run a new one. Both refused: it stays stopped.

    Slurm ends this process on the way.
    """
    job = jobs.read(run) or Job()
    _say("time is up: saved, and back into the queue")
    try:
        ask("scontrol", "requeue", job.id)
    except SlurmError as error:
        _say(f"{error}; submitting it anew")
        try:
            config = launcher.configuration(run)
            submission.submit(run, config, attempt=job.attempt, cwd=Path.cwd())
        except EtlganError as refused:
            jobs.write(run, job._replace(attempt=job.attempt - 1, asked=True))
            _say(f"{refused}; `etlgan resume {run.id}` goes on")


def _ours(run: RunDir, number: str) -> Job:
    """The run's job, if that is this one."""
    job = jobs.read(run)
    if not number or job is None or (job.id and job.id != number):
        belongs = f"belongs to {job.name}" if job and job.id else "was given to no Slurm job"
        _say(f"run {run.id} {belongs}, not to job {number or '(none)'}: nothing is started")
        sys.exit(NOT_STARTED)
    return job


def _locked(run: RunDir) -> int:
    """The lock, once the run's last host shows no more life."""
    deadline, told = time.monotonic() + TAKE_SECONDS, False
    while True:
        try:
            descriptor = alive.take(run)
            if not alive.lives_without_lock(run, alive.read(run)):
                return descriptor
            os.close(descriptor)
            problem = f"{alive.read(run).host} may still have it; waiting for its heartbeat to stop"
        except RunError as error:
            problem = str(error)
        if time.monotonic() > deadline:
            _say(f"run {run.id}: {problem}; nothing is started")
            sys.exit(NOT_STARTED)
        if not told:
            _say(f"run {run.id}: {problem}")
            told = True
        time.sleep(LOOK_SECONDS)


def _say(text: str) -> None:
    print(f"etlgan: {text}", flush=True)
