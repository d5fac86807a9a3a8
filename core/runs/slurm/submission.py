"""Giving a run to Slurm: what is asked for, the script, and sbatch."""

import os
import shlex
import sys
import time
from pathlib import Path

from core.errors import ConfigError
from core.rundir import RunDir, cache_root, write_atomic
from core.runs import alive
from core.runs.slurm import job as jobs
from core.runs.slurm.job import Job
from core.runs.slurm.programs import TABLE, SlurmError, ask
from core.settings import ClusterConfig, RunConfig

SCRIPT = """\
#!/bin/sh
# Made by etlgan. Slurm runs this on a node; sbatch was called as:
# {command}
{exports}
exec {python} -P -m core.runs.runner {run}
"""
KEPT = ("SLURM_CONF", "SLURM_JWT", "SLURM_CLUSTERS")  # of SLURM_*: the rest is about the job that we may be in


def submit(run: RunDir, config: RunConfig, *, attempt: int, cwd: Path) -> Job:
    """Hand the run's next attempt to sbatch. It refuses: SlurmError with its own words, and the run is as it was."""
    cluster = config.cluster
    before, job = jobs.read(run), Job("", attempt, time.time(), cluster.grace)
    words = command(run, cluster, cwd=cwd)
    write_atomic(run.job_script, script(run, words).encode())
    jobs.write(run, job)
    try:
        job = job._replace(id=_number(ask(*words, environment=_environment())))
    except SlurmError:
        jobs.write(run, before) if before else run.job.unlink()
        raise
    if (now := jobs.read(run)) and not now.id:  # else it runs already, and has noted itself
        jobs.write(run, job)
    TABLE.forget()
    return job


def check(config: RunConfig) -> None:
    """Whether a job can hold all devices of the run. ConfigError."""
    devices, cluster = config.train.devices, config.cluster
    name, there = ("gpus", cluster.gpus) if cluster.gpus else ("cpus", cluster.cpus)
    if devices > there:
        raise ConfigError(
            f"train.devices={devices} and cluster.{name}={there}: a job of this run needs cluster.{name}={devices}"
        )


def _number(told: str) -> str:
    """`12`, or `12;cluster`."""
    number = told.strip().partition(";")[0]
    if not number.isdecimal():
        raise SlurmError(f"sbatch: said {told.strip()[:80]!r} instead of the number of a job")
    return number


def _environment() -> dict[str, str]:
    """What the job inherits."""
    return {
        name: value
        for name, value in os.environ.items()
        if name != alive.LOCK_FD and (name in KEPT or not name.startswith("SLURM_"))
    }


def command(run: RunDir, cluster: ClusterConfig, *, cwd: Path) -> list[str]:
    """The whole sbatch command."""
    asked = {
        "job-name": jobs.job_name(run),
        "output": _pattern(run.console),
        "open-mode": "append",
        "chdir": str(cwd),
        "signal": f"B:USR1@{cluster.grace}",  # B: the runner alone; it tells the trainer
        "nodes": 1,
        "ntasks": 1,
        "cpus-per-task": cluster.cpus,
        "mem": f"{cluster.memory}G" if cluster.memory else "",
        "gres": f"gpu:{cluster.gpus}" if cluster.gpus and "--gres" not in cluster.options else "",
        "time": cluster.time or "",
        "partition": cluster.partition,
        "account": cluster.account,
    }
    words = [f"--{name}={value}" for name, value in asked.items() if value != ""]
    return ["sbatch", "--parsable", "--requeue", *words, *cluster.options.split(), str(run.job_script)]


def script(run: RunDir, words: list[str]) -> str:
    """What runs on the node: nothing but the runner, by this Python, with this cache."""
    ours = {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1", "ETLGAN_CACHE": str(cache_root())}
    return SCRIPT.format(
        command=shlex.join(words).replace("\n", " "),
        exports="\n".join(f"export {name}={shlex.quote(value)}" for name, value in ours.items()),
        python=shlex.quote(sys.executable),
        run=shlex.quote(str(run.path)),
    )


def _pattern(path: Path) -> str:
    """sbatch fills in what follows a % (and a backslash would switch that off altogether)."""
    return str(path).replace("%", "%%")
