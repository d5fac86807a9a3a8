"""Homes in temporary folders, real runners, and the trainer that needs no torch."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.rundir import Home, RunDir
from core.runs import alive
from core.runs.find import run_ids
from core.runs.state import State, state_of

TESTS = Path(__file__).parents[1]

Waiter = Callable[[Callable[[], object]], None]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """An empty home whose runs use the fake trainer; whatever still lives at the end is killed."""
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    monkeypatch.setenv("ETLGAN_TRAINER", "fake_trainer")
    monkeypatch.delenv("ETLGAN_DB", raising=False)
    made = Home(tmp_path / "home")
    yield made
    for run_id in run_ids(made):
        for pid in alive.processes(alive.read(made.run(run_id))):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def wait_for(condition: Callable[[], object], seconds: float = 15.0) -> None:
    """Until the condition holds; never: the test fails."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def ended(run: RunDir) -> State:
    """The state once the run is no longer live."""
    wait_for(lambda: not state_of(run).live)
    return state_of(run)


def working(run: RunDir) -> alive.Holder:
    """Who holds the run, once its trainer has reported."""
    wait_for(lambda: run.events.stat().st_size > 400)
    wait_for(lambda: alive.read(run).trainer)
    return alive.read(run)
