"""What is made of Slurm's words, where there is no Slurm: its programs are scripts that answer from files."""

import os
import subprocess
from pathlib import Path

import pytest

from core import config as configs
from core.errors import ConfigError, RunError
from core.rundir import Home, RunDir, write_json
from core.runs import launcher
from core.runs.find import run_ids
from core.runs.runner import ending
from core.runs.slurm import job as jobs
from core.runs.slurm.programs import TABLE
from core.runs.slurm.usual import usual_resources
from core.runs.state import state_of
from core.settings import RunConfig

CONFIG = configs.override(RunConfig(), {"cluster.partition": "gpu", "cluster.account": "ocr", "cluster.time": 90})
ANSWER = """\
#!/bin/sh
echo "$(basename "$0") $*" >>"{folder}/asked"
cat "{folder}/$(basename "$0").out" 2>/dev/null
[ ! -e "{folder}/$(basename "$0").err" ] || {{ cat "{folder}/$(basename "$0").err" >&2; exit 1; }}
"""


class Programs:
    """sbatch, squeue and the others, as a test wants them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("sbatch", "squeue", "scancel", "scontrol", "sacct"):
            path = folder / "bin" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(ANSWER.format(folder=folder))
            path.chmod(0o755)
        self.answer("sbatch", "17\n")

    def answer(self, name: str, text: str, error: str = "") -> None:
        (self.folder / f"{name}.out").write_text(text)
        (self.folder / f"{name}.err").unlink(missing_ok=True)
        if error:
            (self.folder / f"{name}.err").write_text(error)
        TABLE.forget()

    def queue(self, state: str, reason: str = "None", nodes: str = "") -> None:
        self.answer("squeue", f"17|{state}|{nodes}|{reason}|etlgan-x\n")

    def asked(self) -> str:
        return (self.folder / "asked").read_text()


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    made = Programs(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return made


def crashed(run: RunDir) -> None:
    """The run's job began, and nothing was heard of it again."""
    write_json(run.lock, {"attempt": 1, "host": "node1", "pid": 5, "time": 1.0})
    os.utime(run.lock, (1, 1))
    os.utime(run.events, (1, 1))


def test_what_is_asked_of_sbatch(home: Home, slurm: Programs) -> None:
    slurm.queue("PENDING", "Priority")
    run = launcher.start(home, CONFIG, on="slurm")
    asked = slurm.asked()
    for word in ("--partition=gpu", "--account=ocr", "--time=90", "--gres=gpu:1", "--signal=B:USR1@120", "--requeue"):
        assert f" {word} " in asked
    assert asked.splitlines()[0].endswith(f" {run.job_script}")
    assert subprocess.run(["sh", "-n", run.job_script], check=False).returncode == 0
    assert f"-P -m core.runs.runner {run.path}" in run.job_script.read_text()
    assert state_of(run)[:2] == ("queued", "Slurm 17: Priority")
    with pytest.raises(RunError, match="is queued"):
        launcher.resume(home, run)
    assert "taken out of the queue" in launcher.stop(run)
    assert "scancel --state=PENDING 17" in slurm.asked()
    assert state_of(run).kind == "stopped"
    launcher.resume(home, run, changes={"cluster.time": "120"})
    assert "--time=120" in slurm.asked()


@pytest.mark.parametrize(
    ("word", "kind", "detail"),
    [
        ("NODE_FAIL", "killed", "node failed"),
        ("TIMEOUT", "killed", "time limit"),
        ("OUT_OF_MEMORY", "killed", "out of memory"),
        ("PREEMPTED", "killed", "preempted"),
        ("PENDING", "queued", "Slurm 17: BeginTime"),
        ("RUNNING", "running", "Slurm 17: node1"),
    ],
)
def test_what_became_of_a_run_that_says_nothing(home: Home, slurm: Programs, word: str, kind: str, detail: str) -> None:
    run = launcher.start(home, CONFIG, on="slurm")
    crashed(run)
    slurm.queue(word, "BeginTime", "node1")
    assert state_of(run)[:2] == (kind, detail)
    slurm.answer("squeue", "")
    if kind == "killed":  # Slurm forgets within minutes
        assert state_of(run)[:2] == (kind, detail)
    else:
        slurm.answer("sacct", "CANCELLED by 1000\n")
        assert state_of(run)[:2] == ("killed", "cancelled")


def test_a_run_that_ended_is_not_asked_for(home: Home, slurm: Programs) -> None:
    run = launcher.start(home, CONFIG, on="slurm")
    write_json(run.exit, ending(1, 0, stopped=False))
    slurm.answer("squeue", "", error="slurm_load_jobs error: Unable to contact slurm controller")
    assert state_of(run).kind == "finished"


def test_a_controller_that_does_not_answer_is_said(home: Home, slurm: Programs) -> None:
    run = launcher.start(home, CONFIG, on="slurm")
    slurm.answer("squeue", "", error="slurm_load_jobs error: Unable to contact slurm controller")
    state = state_of(run)
    assert (state.kind, state.detail) == ("queued", "Slurm 17: not known")
    assert "Unable to contact slurm controller" in state.message


def test_refused_or_not_there_leaves_no_run(home: Home, slurm: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    slurm.answer("sbatch", "", error="sbatch: error: Batch job submission failed: Invalid partition name specified\n")
    with pytest.raises(RunError, match=r"^sbatch: Batch job submission failed: Invalid partition name specified$"):
        launcher.start(home, CONFIG, on="slurm")
    slurm.answer("sbatch", "Welcome!\n")
    with pytest.raises(RunError, match="said 'Welcome!' instead of the number of a job"):
        launcher.start(home, CONFIG, on="slurm")
    (slurm.folder / "bin" / "sbatch").unlink()
    monkeypatch.setenv("PATH", str(slurm.folder / "bin"))
    with pytest.raises(RunError, match=r"^sbatch: not found; --on slurm needs a machine"):
        launcher.start(home, CONFIG, on="slurm")
    assert run_ids(home) == []


def test_refused_leaves_a_resumed_run_as_it_was(home: Home, slurm: Programs) -> None:
    run = launcher.start(home, CONFIG, on="slurm")
    slurm.queue("PENDING")
    launcher.cancel(run)
    slurm.answer("squeue", "")
    before = run.config.read_bytes()
    slurm.answer("sbatch", "", error="sbatch: error: Batch job submission failed: Node down\n")
    with pytest.raises(RunError, match="Node down"):
        launcher.resume(home, run, changes={"cluster.time": 10})
    assert run.config.read_bytes() == before


def test_what_a_disk_that_was_gone_kept_from_being_said_stands_in_the_console(home: Home) -> None:
    run = launcher.start(home, CONFIG, on="here")
    launcher.stop(run, kill_after=5)
    run.events.write_bytes(b"")
    write_json(run.exit, ending(1, 1, stopped=False))
    with run.console.open("a") as console:
        console.write("etlgan: /shared/x: No such file or directory; check the folder\nrunner: cannot write\n")
    state = state_of(run)
    assert state[:3] == ("failed", "rc 1", "/shared/x: No such file or directory; check the folder")


def test_usual_resources_are_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETLGAN_CONFIG", str(tmp_path))
    assert usual_resources() == {}
    (tmp_path / "etlgan.toml").write_text('[cluster]\npartition = "gpu"\ntime = 60\n')
    assert usual_resources() == {"cluster.partition": "gpu", "cluster.time": 60}
    (tmp_path / "etlgan.toml").write_text("cluster = 3\n")
    with pytest.raises(ConfigError, match="cluster must be a table"):
        usual_resources()


def test_resume_changes_where_it_runs_and_nothing_that_is_computed(home: Home, slurm: Programs) -> None:
    run = launcher.start(home, CONFIG, on="slurm")
    write_json(run.exit, ending(1, 0, stopped=True))
    before = run.config.read_bytes()
    with pytest.raises(ConfigError, match=r"train\.lr: decides what is computed"):
        launcher.resume(home, run, changes={"train.lr": "1"})
    with pytest.raises(ConfigError, match=r"does not divide by train\.devices=7"):
        launcher.resume(home, run, changes={"train.devices": "7"})
    assert run.config.read_bytes() == before
    with pytest.raises(ConfigError, match=r"train\.devices=2 and cluster\.gpus=1: .* cluster\.gpus=2"):
        launcher.resume(home, run, changes={"train.devices": "2"})
    launcher.resume(home, run, changes={"cluster.partition": "big", "train.devices": "2", "cluster.gpus": "2"})
    assert "--partition=big" in slurm.asked()
    assert configs.decode(run.config.read_bytes()).train.devices == 2
    assert (job := jobs.read(run))
    assert job.attempt == 2
