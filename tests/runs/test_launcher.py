"""Real runners and processes: start, stop, kill, resume, and what the state says right afterwards."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core import config as configs
from core.errors import ConfigError, RunError
from core.history import curves
from core.presets import resolve
from core.rundir import Home, RunDir
from core.runs import alive, launcher
from core.runs.find import run_ids
from core.runs.meta import read_meta
from core.runs.state import state_of
from core.settings import RunConfig

from .conftest import ended, wait_for, working

LONG = resolve("digits", {"train.steps": 100_000})
SHORT = resolve("digits", {"train.steps": 5})


def long_run(home: Home) -> tuple[RunDir, alive.Holder]:
    run = launcher.start(home, LONG)
    return run, working(run)


def test_a_run_starts_works_and_finishes(home: Home) -> None:
    run = launcher.start(home, SHORT, tags=["first", "first", "二"], note="two\nlines")
    assert state_of(run).kind == "running"  # at once: there is no moment at which it looks dead
    assert ended(run) == ("finished", "", "fake", False)
    assert json.loads(run.exit.read_text())["attempt"] == 1
    assert configs.decode(run.config.read_bytes()) == SHORT
    meta = read_meta(run)
    assert (meta.id, meta.name, meta.tags, meta.note) == (run.id, "digits-1", ("first", "二"), "two\nlines")
    env = json.loads(run.env.read_text())
    assert env["seed"] == 0
    assert env["versions"]["msgspec"]


def test_names_count_up_even_when_launched_at_once(home: Home) -> None:
    with ThreadPoolExecutor(3) as pool:
        runs = list(pool.map(lambda _: launcher.start(home, SHORT), range(3)))
    assert len({run.id for run in runs}) == 3
    assert {read_meta(run).name for run in runs} == {"digits-1", "digits-2", "digits-3"}
    assert {ended(run).kind for run in runs} == {"finished"}


def test_stop_ends_it_as_stopped_with_a_checkpoint(home: Home) -> None:
    run, _ = long_run(home)
    assert launcher.stop(run, wait=10).endswith("stopped")
    assert state_of(run).kind == "stopped"
    assert list(run.checkpoints.iterdir())
    with pytest.raises(RunError, match="not live"):
        launcher.stop(run)


def test_stop_right_after_the_start_is_heard(home: Home) -> None:
    run = launcher.start(home, LONG)
    launcher.stop(run)
    assert ended(run).kind == "stopped"


def test_stop_before_the_trainer_can_listen_is_stopped(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_MODE", "deaf")
    run = launcher.start(home, LONG)
    wait_for(lambda: alive.read(run).trainer)
    time.sleep(0.3)
    launcher.stop(run)
    assert ended(run).kind == "stopped"
    assert json.loads(run.exit.read_text())["signal"] == "SIGTERM"


def test_stop_that_comes_before_the_runner_is_ready_waits_for_it(home: Home) -> None:
    run = launcher.start(home, SHORT)
    ended(run)
    descriptor = alive.take(run)
    alive.write(descriptor, alive.Holder(attempt=2, host=alive.host()))
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    command = [sys.executable, "-P", "-m", "core.runs.runner", str(run.path)]
    variables = os.environ | {alive.LOCK_FD: str(descriptor)}
    runner = subprocess.Popen(command, env=variables, pass_fds=(descriptor,), start_new_session=True)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    os.close(descriptor)
    runner.send_signal(signal.SIGTERM)  # the interpreter has hardly begun
    assert runner.wait(10) == 0
    assert state_of(run).kind == "stopped"


def test_a_deaf_trainer_is_killed_only_when_asked(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_MODE", "hang")
    run, _ = long_run(home)
    assert "asked to stop" in launcher.stop(run, wait=0.2)
    assert state_of(run).kind == "running"
    assert "killed" in launcher.stop(run, kill_after=0.2)
    assert state_of(run)[:2] == ("killed", "SIGKILL")


def test_a_suspended_run_can_be_stopped(home: Home) -> None:
    run, holder = long_run(home)
    os.killpg(holder.pid, signal.SIGSTOP)
    assert launcher.stop(run, wait=10).endswith("stopped")
    assert state_of(run).kind == "stopped"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_killed_trainer(home: Home, number: signal.Signals) -> None:
    run, holder = long_run(home)
    os.kill(holder.trainer, number)
    assert ended(run)[:2] == ("killed", number.name)


def test_killed_runner_leaves_a_trainer_that_counts_and_can_be_stopped(home: Home) -> None:
    run, holder = long_run(home)
    os.kill(holder.pid, signal.SIGKILL)
    wait_for(lambda: not alive.started_of(holder.pid))
    assert state_of(run).kind == "running"
    with pytest.raises(RunError, match="is live"):
        launcher.resume(home, run)
    assert launcher.stop(run, wait=10).endswith("stopped")
    assert state_of(run).kind == "stopped"  # by the trainer's own last word: there is no exit.json
    assert not run.exit.exists()


def test_killed_runner_and_a_trainer_that_finishes_well(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_DELAY", "0.1")
    run = launcher.start(home, resolve("digits", {"train.steps": 8}))
    os.kill(working(run).pid, signal.SIGKILL)
    assert ended(run).kind == "finished"


def test_killed_runner_and_trainer(home: Home) -> None:
    run, holder = long_run(home)
    os.killpg(holder.pid, signal.SIGKILL)
    assert ended(run)[:2] == ("crashed", "")
    assert launcher.resume(home, run).id == run.id
    launcher.stop(run)
    assert ended(run).kind == "stopped"
    assert alive.read(run).attempt == 2


def test_second_start_of_a_live_run_is_refused(home: Home) -> None:
    run, _ = long_run(home)
    with pytest.raises(RunError, match=f"run {run.id} is live; `etlgan stop {run.id}`"):
        launcher.resume(home, run)
    with pytest.raises(RunError, match="is live"):
        launcher.remove(home, run)
    launcher.stop(run, wait=10)


def test_of_many_resumes_at_once_one_wins(home: Home) -> None:
    run = launcher.start(home, SHORT)
    ended(run)

    def attempt(_: int) -> str:
        try:
            launcher.resume(home, run, steps=100_000)
        except RunError as error:
            return str(error)
        return "won"

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(attempt, range(4)))
    assert answers.count("won") == 1
    assert all("live" in answer for answer in answers if answer != "won")
    launcher.stop(run, wait=10)
    assert alive.read(run).attempt == 2


@pytest.mark.parametrize(
    ("mode", "kind", "detail"),
    [
        ("early", "failed", "rc 1"),
        ("exit 7", "failed", "rc 7"),
        ("fail", "failed", "rc 1"),
        ("torn", "killed", "SIGKILL"),
    ],
)
def test_trainer_that_ends_badly(
    home: Home, monkeypatch: pytest.MonkeyPatch, mode: str, kind: str, detail: str
) -> None:
    monkeypatch.setenv("FAKE_MODE", mode)
    run = launcher.start(home, SHORT)
    assert ended(run)[:2] == (kind, detail)


def test_reasons_of_an_early_crash_are_in_the_console(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_MODE", "early")
    run = launcher.start(home, SHORT)
    ended(run)
    assert "fake trainer: no data" in run.console.read_text()


def test_trainer_that_cannot_be_found(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETLGAN_TRAINER", "no_such_module")
    run = launcher.start(home, SHORT)
    assert ended(run)[:2] == ("failed", "rc 1")
    assert "no_such_module" in run.console.read_text()


def test_runner_that_does_not_come_up(home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("#!/bin/sh\necho no such interpreter >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    with pytest.raises(RunError, match="did not start: no such interpreter"):
        launcher.start(home, SHORT)
    assert run_ids(home) == []


def test_resume_goes_on_from_the_checkpoint_without_a_seam(home: Home) -> None:
    run = launcher.start(home, resolve("digits", {"train.steps": 25}))
    ended(run)
    launcher.resume(home, run, steps=40)
    assert ended(run).kind == "finished"
    assert configs.decode(run.config.read_bytes()).train.steps == 40
    history = curves(run.events)
    assert list(history.step) == list(range(1, 41))
    assert [event.attempt for event in history.started] == [1, 2]
    assert json.loads(run.env.read_text())["resumed"][0]["attempt"] == 2


def test_resume_after_a_torn_line(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_MODE", "torn")
    run = launcher.start(home, SHORT)
    ended(run)
    assert not run.events.read_bytes().endswith(b"\n")
    monkeypatch.delenv("FAKE_MODE")
    launcher.resume(home, run)
    assert ended(run).kind == "finished"
    history = curves(run.events)
    assert list(history.step) == [1, 2, 3, 4, 5]
    assert history.problems == []


def test_resume_refuses_what_cannot_be(home: Home) -> None:
    run = launcher.start(home, SHORT)
    ended(run)
    before = run.config.read_bytes()
    with pytest.raises(RunError, match="has reached step 5 already"):
        launcher.resume(home, run, steps=5)
    with pytest.raises(RunError, match=f"`etlgan resume {run.id} --steps N` with a larger N"):
        launcher.resume(home, run, changes={"train.keep": 7})
    assert run.config.read_bytes() == before
    run.config.write_text('{"train": {"stpes": 3}}')
    with pytest.raises(ConfigError, match="stpes"):
        launcher.resume(home, run)
    run.config.unlink()
    with pytest.raises(RunError, match=r"config\.json: No such file"):
        launcher.resume(home, run)
    assert state_of(run).kind == "finished"


def test_a_pid_that_is_another_process_now_is_never_signalled() -> None:
    with subprocess.Popen(["sleep", "60"]) as innocent:
        holder = alive.Holder(attempt=1, host=alive.host(), pid=innocent.pid, started="some other time")
        assert alive.processes(holder) == []
        assert not alive.signal_group(holder, signal.SIGKILL)
        assert alive.processes(holder._replace(started=alive.started_of(innocent.pid))) == [innocent.pid]
        assert alive.processes(holder._replace(started=alive.started_of(innocent.pid), host="elsewhere")) == []
        innocent.kill()
        innocent.wait()
        assert alive.started_of(innocent.pid) == ""


def test_a_run_of_another_host_is_left_alone(home: Home) -> None:
    run = launcher.start(home, SHORT)
    ended(run)
    descriptor = alive.take(run)
    alive.write(descriptor, alive.read(run)._replace(host="elsewhere"))
    with pytest.raises(RunError, match="lives on elsewhere"):
        launcher.stop(run)
    os.close(descriptor)


def test_works_in_a_folder_with_a_core_of_its_own(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "core.py").write_text("raise SystemExit('the wrong core')")
    monkeypatch.chdir(folder)
    run = launcher.start(home, SHORT)
    assert ended(run).kind == "finished"
    assert "wrong core" not in run.console.read_text()


def test_to_the_trash_and_back(home: Home) -> None:
    run = launcher.start(home, SHORT, name="keeper")
    ended(run)
    before = sorted(path.name for path in run.path.iterdir())
    assert launcher.remove(home, run) == home.trash / run.id
    assert run_ids(home) == []
    with pytest.raises(RunError, match="no run"):
        launcher.resume(home, run)
    with pytest.raises(RunError, match=run.id):
        launcher.restore(home, "../home")
    with pytest.raises(RunError, match=r"nobody.*it holds " + run.id):
        launcher.restore(home, "nobody")
    for text in (run.id[:9], "keeper", run.id):
        assert launcher.restore(home, text) == run
        if text != run.id:
            launcher.remove(home, run)
    assert sorted(path.name for path in run.path.iterdir()) == before
    assert state_of(run).kind == "finished"


def test_full_disk_while_launching_leaves_nothing_behind(home: Home) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))  # no file may grow past 100 bytes
    try:
        with pytest.raises(RunError, match=f"cannot write {home.runs}: .*disk full"):
            launcher.start(home, SHORT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(home.runs.iterdir()) == []


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs Linux")
def test_disk_that_fills_up_while_the_run_works(home: Home) -> None:
    """RLIMIT_FSIZE stands in for the disk, and refuses growth; the lock's block is there already."""
    run, holder = long_run(home)
    room = (alive.BLOCK, resource.RLIM_INFINITY)
    resource.prlimit(holder.pid, resource.RLIMIT_FSIZE, room)
    filler = run.path / f".exit.json.{holder.pid}.tmp"
    filler.mkdir()  # so that exit.json cannot be put together either
    resource.prlimit(holder.trainer, resource.RLIMIT_FSIZE, room)
    assert ended(run)[:2] == ("failed", "rc 1")
    assert not run.exit.exists()
    assert alive.read(run).exit


def test_home_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file where the folder should be")
    with pytest.raises(RunError, match=f"cannot write {tmp_path / 'runs'}: File exists"):
        launcher.start(Home(tmp_path), RunConfig())


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that refuses even root")
def test_read_only_home() -> None:
    with pytest.raises(RunError, match="cannot write /proc/runs"):
        launcher.start(Home(Path("/proc")), RunConfig())


@pytest.mark.parametrize("name", ["evil\x1b[31m", "two\nlines", "\u202egnp.exe", "last", "x" * 121, "\ud800"])
def test_names_that_cannot_be_shown_are_refused(home: Home, name: str) -> None:
    with pytest.raises(RunError, match=r"^name "):
        launcher.start(home, SHORT, name=name)
    assert run_ids(home) == []


def test_two_editors_do_not_lose_each_others_change(home: Home) -> None:
    run = home.run("261123-000000-abc")
    run.path.mkdir(parents=True)
    fields = ["name", "note", "parent"] * 8
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: launcher.edit_meta(run, **{fields[n]: f"v{n}"}), range(len(fields))))
    meta = read_meta(run)
    assert all(value.startswith("v") for value in (meta.name, meta.note, meta.parent))
    with pytest.raises(RunError, match="created: not to be edited; choose from name, tags"):
        launcher.edit_meta(run, created=1)


def test_without_flock_pid_and_heartbeat_stand_in(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alive, "try_lock", lambda *_: True)  # a disk that grants every lock to everybody
    run, holder = long_run(home)
    assert not holder.flock
    assert "file locks tell nothing on this disk" in run.console.read_text()
    assert state_of(run).kind == "running"
    with pytest.raises(RunError, match="is live"):
        launcher.resume(home, run)
    monkeypatch.setattr(alive, "host", lambda: "another")
    assert state_of(run).kind == "running"  # its heart beats
    monkeypatch.setattr(alive, "BEAT_PATIENCE", -1.0)
    assert state_of(run).kind == "crashed"
    monkeypatch.undo()
    os.killpg(holder.pid, signal.SIGKILL)
    monkeypatch.setattr(alive, "try_lock", lambda *_: True)
    assert ended(run).kind == "crashed"
