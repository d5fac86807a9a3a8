"""`job.json`: which Slurm job a run was given to, and what has become of that. Standard library only (the runner)."""

import os
from typing import NamedTuple

from core.rundir import RunDir, read_known, write_json

JOB_ID = "SLURM_JOB_ID"  # environment of whatever runs in a job


class Job(NamedTuple):
    """The newest job of a run."""

    id: str = ""  # as Slurm numbers it; "" while it is being submitted
    attempt: int = 0  # of the run, that it is to be or is
    submitted: float = 0.0  # Unix seconds
    grace: int = 120  # seconds before its time limit at which it is told
    asked: bool = False  # to stop: it must not be put back into the queue
    over: str = ""  # Slurm's last word on it, such as NODE_FAIL, once that is known

    @property
    def name(self) -> str:
        """How it is called in messages."""
        return f"Slurm job {self.id}" if self.id else "a Slurm job"


def read(run: RunDir) -> Job | None:
    """The job of a run; None for one that was never given to Slurm. A damaged file counts as a job without a number."""
    if not os.path.exists(run.job):  # noqa: PTH110  (asked for every run of a list)
        return None
    job = Job(**read_known(run.job, Job()._asdict()))
    return job if not job.id or job.id.isdecimal() else job._replace(id="")  # it becomes a word of a command


def write(run: RunDir, job: Job) -> None:
    """OSError where the disk refuses."""
    write_json(run.job, job._asdict())


def job_name(run: RunDir) -> str:
    """By which a job is found in Slurm's tables when its number was lost."""
    return f"etlgan-{run.id}"
