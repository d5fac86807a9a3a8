"""One run on two processes as a user has it: launched, told to stop, short of memory, a process killed."""

import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from core import config as configs
from core import events
from core.events import Finished, Started, Step
from core.gan import heap
from core.rundir import Home, RunDir
from core.runs import alive, launcher
from core.runs.state import State, state_of
from core.settings import RunConfig

Small = Callable[..., RunConfig]


@pytest.fixture
def home(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:  # noqa: ARG001
    """An empty home; what still lives at the end is killed. The port that torchrun is told to take is in use."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("ETLGAN_DB", raising=False)
    made = Home(tmp_path / "home")
    with socket.create_server(("", 0)) as taken:
        monkeypatch.setenv("MASTER_PORT", str(taken.getsockname()[1]))
        yield made
    for run in made.runs.iterdir():
        for pid in alive.processes(alive.read(RunDir(run))):
            os.kill(pid, signal.SIGKILL)


def said(run: RunDir, kind: type[Any]) -> list[Any]:
    return [event for event in events.decode_lines(run.events.read_bytes()) if isinstance(event, kind)]


def wait_for(run: RunDir, condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, run.console.read_text()
        time.sleep(0.05)


def ended(run: RunDir) -> State:
    wait_for(run, lambda: not state_of(run).live)
    return state_of(run)


def ranks(run: RunDir) -> list[psutil.Process]:
    """The processes of the run that compute, in their order."""
    started = psutil.Process(alive.read(run).trainer).children()
    return sorted(started, key=lambda each: int(each.environ()["RANK"]))


def test_two_processes_stop_and_one_goes_on_as_one_would_have(home: Home, small: Small) -> None:
    config = small(train__steps=60, train__devices=2, train__lr=1e-5)
    run = launcher.start(home, config)
    wait_for(run, lambda: len(said(run, Step)) >= 3)
    processes = ranks(run)
    assert len(processes) == 2
    open_to = {each.laddr.ip for process in [psutil.Process(alive.read(run).trainer), *processes] for each in
               process.net_connections("inet") if each.status == psutil.CONN_LISTEN}  # fmt: skip
    assert open_to <= {"127.0.0.1", "::1"}, "nobody else on the network can meet them"
    assert launcher.stop(run, wait=60) == f"run {run.id} stopped"
    assert state_of(run).kind == "stopped"
    assert not any(each.is_running() for each in processes)
    reached = said(run, Finished)[-1].step
    launcher.resume(home, run, changes={"train.devices": "1"})
    alone = launcher.start(home, configs.override(config, {"train.devices": 1}))
    assert ended(run).kind == "finished"
    assert ended(alone).kind == "finished"
    assert [event.step for event in said(run, Started)] == [0, reached]
    losses = [[(event.step, event.d, event.g, event.info_cat) for event in said(each, Step)] for each in (run, alone)]
    assert len(losses[0]) == 60
    for together, single in zip(losses[0][:20], losses[1], strict=False):
        assert together == pytest.approx(single, abs=0.01)  # rounding grows from step to step
    console = run.console.read_text()
    assert "[rank 1] training on cpu" in console
    assert "Traceback" not in console


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits another process's memory")
def test_a_process_short_of_memory_ends_the_run_with_its_word(
    home: Home, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in heap.VARIABLES:  # each update asks the system for its memory
        monkeypatch.setenv(name, "65536")
    run = launcher.start(home, small(train__steps=10_000, train__devices=2, train__save_every=2))
    wait_for(run, lambda: len(said(run, Step)) >= 3)
    processes = ranks(run)
    resource.prlimit(processes[1].pid, resource.RLIMIT_AS, (1, 1))
    state = ended(run)
    assert (state.kind, state.message) == (
        "failed",
        "rank 1: out of memory; set train.batch_size or model.size lower",
    )
    assert not any(each.is_running() for each in processes)
    launcher.resume(home, run, steps=said(run, Finished)[-1].step + 2, changes={"train.devices": 1})
    assert ended(run).kind == "finished"


@pytest.mark.slow
def test_a_killed_process_costs_a_restart_and_then_the_run(home: Home, small: Small) -> None:
    run = launcher.start(home, small(train__steps=10_000, train__devices=2, train__save_every=2, train__max_restarts=1))
    for start in (1, 2):
        wait_for(run, lambda: len(said(run, Started)) == start and len(said(run, Step)) >= 4 * start)  # noqa: B023
        ranks(run)[1].kill()
    state = ended(run)
    assert state.kind == "failed"
    assert state.message.startswith("rank 1 was ended by SIGKILL (out of memory?); its last lines: ")
    assert said(run, Started)[1].step > 0
    assert "all processes start again from the last checkpoint" in run.console.read_text()


def test_more_devices_than_there_are(home: Home, small: Small) -> None:
    run = launcher.start(home, small(train__devices=64, train__batch_size=64))
    state = ended(run)
    assert state.kind == "failed"
    assert "train.devices=64: this machine has " in state.message
