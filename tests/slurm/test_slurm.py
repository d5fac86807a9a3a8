"""Runs on a real Slurm: submitted, streamed, stopped, out of time, preempted, their node killed, swept by the dozen."""

import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from core import presets
from core.errors import RunError
from core.events import Started
from core.history import Tail
from core.rundir import Home, RunDir
from core.runs import alive, launcher
from core.runs.find import run_ids
from core.runs.slurm import job as jobs
from core.runs.state import state_of
from core.settings import RunConfig
from slurm.conftest import WANTED, Cluster, until, wait_for

if not os.environ.get(WANTED):
    pytest.skip("starts a real Slurm, for minutes: `make test-slurm`", allow_module_level=True)

pytestmark = pytest.mark.timeout(600)

SMALL = {"data.per_char": 12, "data.held_out": 4, "data.chars": "あい", "train.batch_size": 4, "model.noise": 8}


def config(**changes: Any) -> RunConfig:
    """One CPU, no GPU; the fake trainer takes 5 ms a step."""
    asked = {"cluster.gpus": 0, "cluster.cpus": 1, "cluster.memory": 1, "train.threads": 1, "train.precision": "fp32"}
    return presets.resolve("digits", asked | {name.replace("__", "."): value for name, value in changes.items()})


def reports(run: RunDir) -> int:
    return run.events.read_bytes().count(b'"event":"step"')


def attempts(run: RunDir) -> list[Started]:
    return [event for batch in Tail(run.events).read_all() for event in batch if isinstance(event, Started)]


def job_id(run: RunDir) -> str:
    job = jobs.read(run)
    assert job is not None
    return job.id


def test_a_run_is_submitted_streams_its_events_and_finishes(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_DELAY", "0.05")
    run = launcher.start(home, config(train__steps=60), on="slurm")
    assert state_of(run).kind == "queued"
    assert until(run, "running")[-1].stale is False
    wait_for(lambda: reports(run) > 5)
    assert state_of(run).kind == "running"  # events come while it works
    assert alive.read(run).host in ("n1", "n2")
    assert until(run, "finished")
    assert reports(run) == 60


def test_stop_saves_and_resume_goes_on_in_slurm(home: Home, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_DELAY", "0.1")
    run = launcher.start(home, config(train__steps=150), on="slurm")
    until(run, "running")
    wait_for(lambda: reports(run) > 3)
    assert "stopped" in launcher.stop(run, wait=20)
    assert state_of(run).kind == "stopped"
    saved = max(int(path.stem) for path in run.checkpoints.glob("*.safetensors"))
    launcher.resume(home, run)
    until(run, "finished")
    assert [event.step for event in attempts(run)] == [0, saved]
    wait_for(lambda: not cluster.ask("squeue", "--noheader"))  # the job ends with the run


def test_one_that_waits_says_why_and_leaves_the_queue(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_DELAY", "1")
    full = [launcher.start(home, config(cluster__cpus=2), on="slurm") for _ in range(2)]
    for run in full:
        until(run, "running")
    run = launcher.start(home, config(cluster__cpus=2), on="slurm")
    wait_for(lambda: "Resources" in state_of(run).detail or "Priority" in state_of(run).detail)
    with pytest.raises(RunError, match="is queued"):
        launcher.resume(home, run)
    assert "taken out of the queue" in launcher.stop(run)
    assert state_of(run).kind == "stopped"
    for other in full:
        assert "stopped" in launcher.stop(other, wait=20)
    launcher.resume(home, run)
    until(run, "running")
    launcher.stop(run, kill_after=0)
    assert state_of(run).kind in ("stopped", "killed")


def test_time_limit_requeues_and_comes_to_the_same_result(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The signal comes up to half a minute early: Slurm looks that seldom."""
    monkeypatch.setenv("ETLGAN_TRAINER", "slurm.paced_trainer")
    monkeypatch.setenv("PACE", "0.5")
    small = SMALL | {"train.steps": 90, "train.report_every": 1, "train.sample_every": 45, "train.save_every": 10}
    run = launcher.start(home, config(**small, cluster__time=1, cluster__grace=10), on="slurm")
    seen = until(run, "finished", seconds=400)
    assert len(attempts(run)) >= 2
    assert attempts(run)[1].step > 0
    assert not {state.kind for state in seen} - {"queued", "running", "finished"}
    monkeypatch.setenv("PACE", "0")
    whole = launcher.start(home, config(**small, cluster__time=60), on="slurm")
    until(whole, "finished", seconds=200)
    assert len(attempts(whole)) == 1
    assert tensors(run) == tensors(whole)
    assert (run.path / "grid.png").read_bytes() == (whole.path / "grid.png").read_bytes()


def tensors(run: RunDir) -> bytes:
    return run.checkpoint(90).read_bytes()


def test_a_killed_node_gives_its_run_back(home: Home, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_DELAY", "0.2")
    run = launcher.start(home, config(train__steps=400), on="slurm")
    until(run, "running")
    wait_for(lambda: any(run.checkpoints.iterdir()))
    node = cluster.node_of(job_id(run))
    cluster.do("kill-node", node)
    try:
        wait_for(lambda: len(attempts(run)) == 2, 240)
        assert attempts(run)[1].step > 0
        assert state_of(run).kind == "running"
        assert cluster.node_of(job_id(run)) != node
        launcher.stop(run, wait=20)
    finally:
        cluster.do("start-node", node)
        wait_for(lambda: "idle" in cluster.ask("sinfo", "--noheader", f"--nodes={node}", "--format=%T"), 120)


def test_a_killed_node_whose_job_may_not_come_again(
    home: Home, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_DELAY", "0.2")
    run = launcher.start(home, config(train__steps=100), on="slurm")
    until(run, "running")
    wait_for(lambda: any(run.checkpoints.iterdir()))
    node = cluster.node_of(job_id(run))
    cluster.ask("scontrol", "update", f"jobid={job_id(run)}", "requeue=0")
    cluster.do("kill-node", node)
    try:
        ended = until(run, "killed", seconds=240)[-1]
        assert ended.detail == "node failed"
        launcher.resume(home, run)
        until(run, "finished", seconds=120)
    finally:
        cluster.do("start-node", node)
        wait_for(lambda: "idle" in cluster.ask("sinfo", "--noheader", f"--nodes={node}", "--format=%T"), 120)


def test_preempted_goes_on_by_itself(home: Home, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_DELAY", "0.2")
    run = launcher.start(home, config(train__steps=150, cluster__cpus=2), on="slurm")
    until(run, "running")
    wait_for(lambda: reports(run) > 12)
    node = cluster.node_of(job_id(run))
    urgent = f"--partition=urgent --nodelist={node} --cpus-per-task=2 --output=/dev/null --wrap=sleep\u00a05"
    cluster.ask("sbatch", *(word.replace("\u00a0", " ") for word in urgent.split(" ")))
    other = "n2" if node == "n1" else "n1"
    cluster.ask("scontrol", "update", f"nodename={other}", "state=drain", "reason=test")
    try:
        wait_for(lambda: state_of(run).kind == "queued", 60)
        wait_for(lambda: len(attempts(run)) == 2, 120)
    finally:
        cluster.ask("scontrol", "update", f"nodename={other}", "state=resume")
    until(run, "finished", seconds=120)
    assert attempts(run)[1].step > 0


def test_a_cancelled_job_is_told_from_a_stopped_run(
    home: Home, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_DELAY", "0.2")
    monkeypatch.setenv("FAKE_MODE", "hang")
    run = launcher.start(home, config(train__steps=1000), on="slurm")
    until(run, "running")
    wait_for(lambda: reports(run) > 3)
    cluster.ask("scancel", "--signal=KILL", "--full", job_id(run))
    ended = until(run, "killed", "crashed", "failed", seconds=120)[-1]
    assert ended.kind in ("killed", "failed")
    assert ended.detail


def test_what_slurm_refuses_leaves_no_run(home: Home) -> None:
    with pytest.raises(RunError, match=r"sbatch: .*[Ii]nvalid partition"):
        launcher.start(home, config(cluster__partition="nope"), on="slurm")
    with pytest.raises(RunError, match=r"sbatch: .*generic resource"):
        launcher.start(home, config(cluster__gpus=1), on="slurm")
    assert run_ids(home) == []


def test_a_disk_that_is_gone_for_half_a_minute(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETLGAN_TRAINER", "slurm.paced_trainer")
    monkeypatch.setenv("PACE", "0.2")
    small = SMALL | {"train.steps": 60, "train.report_every": 1, "train.sample_every": 30, "train.save_every": 5}
    run = launcher.start(home, config(**small), on="slurm")
    until(run, "running")
    wait_for(lambda: any(run.checkpoints.glob("*.safetensors")), 120)
    away = home.root.with_name("away")
    home.root.rename(away)
    time.sleep(30)
    away.rename(home.root)
    ended = until(run, "finished", "failed", "crashed", "killed", seconds=120)[-1]
    if ended.kind != "finished":
        assert ended.message
        launcher.resume(home, run)
        until(run, "finished", seconds=200)
    assert run.checkpoint(60).exists()
    assert not [path for path in home.root.iterdir() if path.name not in ("runs", "runs.db", "queue")]


def test_a_sweep_of_twenty_loses_none(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.runs.store import Store
    from core.studies import sweep as sweeps

    monkeypatch.setenv("FAKE_DELAY", "0.01")
    base = {"cluster.gpus": 0, "cluster.cpus": 1, "cluster.memory": 1, "train.steps": 50}
    wanted = sweeps.keep(home, sweeps.plan("digits", base, ["model.codes=0,1,2,3,4,5,6,7,8,9"], seeds=2))
    home.runs.mkdir(parents=True, exist_ok=True)
    with Store.open(home) as store:
        assert sweeps.go_on(home, store, wanted, on="slurm") == (20, 0)
    for run_id in run_ids(home):
        until(home.run(run_id), "finished", seconds=300)
    with Store.open(home) as store:
        assert sweeps.go_on(home, store, wanted, on="slurm") == (0, 0)
    assert len(run_ids(home)) == 20
    assert {reports(home.run(run_id)) for run_id in run_ids(home)} == {50}


def test_an_array_job_prepares_and_exports_by_shards(
    home: Home, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As docs/scale.md has it."""
    monkeypatch.delenv("ETLGAN_TRAINER")
    monkeypatch.setenv("ETLGAN_CACHE", str(tmp_path / "cache"))
    etlgan = f"{Path(sys.executable).with_name('etlgan')}"
    data = "data prepare penman --chars あい --per-char 12 --held-out 4 --shards 4 --shard $SLURM_ARRAY_TASK_ID"
    array(cluster, f"{etlgan} {data}", tmp_path / "prepared")
    assert len(list((tmp_path / "cache" / "glyphs").glob("[!.]*"))) == 1
    run = launcher.start(home, config(**SMALL, train__steps=2))
    until(run, "finished", seconds=120)
    assert "prepared" not in run.console.read_text(), "found in the cache"
    export = f"export {run.id} {tmp_path / 'out'} --home {home.root} --per-char 20 --format webdataset"
    array(cluster, f"{etlgan} {export} --shards 4 --shard $SLURM_ARRAY_TASK_ID", tmp_path / "exported")
    assert (tmp_path / "out" / "card.json").exists()
    assert len(list((tmp_path / "out").glob("*.tar"))) == 4


def array(cluster: Cluster, command: str, said: Path) -> None:
    """Four tasks, to their end."""
    words = ["sbatch", "--wait", "--array=0-3", "--cpus-per-task=1", "--mem=500", f"--output={said}-%a"]
    cluster.ask(*words, f"--wrap={command}")


def test_no_sbatch_is_one_clear_line(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("git", "ps"):
        if found := shutil.which(name):
            (tmp_path / "bin" / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(RunError, match="sbatch: not found"):
        launcher.start(home, config(), on="slurm")
    assert run_ids(home) == []
