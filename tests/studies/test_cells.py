"""Cells are ordinary runs: found again, resumed, never made twice."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from core.rundir import Home
from core.runs import launcher
from core.runs.find import run_ids
from core.runs.state import reached, state_of
from core.settings import RunConfig
from core.studies import cells
from core.studies.cells import Cell

Small = Callable[..., RunConfig]


@pytest.fixture
def home(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Home:  # noqa: ARG001  (its environment)
    monkeypatch.setattr(cells, "POLL_SECONDS", 0.05)
    monkeypatch.setenv("ETLGAN_TRAINER", "fake_trainer")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    return Home(tmp_path)


def pair(small: Small) -> list[Cell]:
    return [Cell("row", "etl", small(seed=seed)) for seed in (0, 1)]


def test_what_a_run_makes_is_its_identity_not_how_fast(small: Small) -> None:
    base = cells.identity(small())
    assert cells.identity(small(train__threads=2)) == base
    assert cells.identity(small(preset="x")) == base
    assert cells.identity(small(seed=1)) != base
    assert cells.identity(small(train__steps=7)) != base


def test_a_study_makes_its_runs_once(home: Home, small: Small) -> None:
    said: list[str] = []
    wanted = pair(small)
    first = dict(cells.trained(home, wanted, study="test", jobs=2, tell=said.append))
    assert set(first) == set(wanted)
    assert all(state_of(run).kind == "finished" for run in first.values())
    assert len(run_ids(home)) == 2
    again = dict(cells.trained(home, wanted, study="test", jobs=1, tell=said.append))
    assert again == first
    assert len(run_ids(home)) == 2
    assert sum("more to come" in line for line in said) == 2


@pytest.mark.parametrize(("jobs", "started"), [(1, 1), (2, 2)])
def test_with_one_job_a_run_is_judged_before_the_next_one_starts(
    home: Home, small: Small, jobs: int, started: int
) -> None:
    """Both would want all cores; with several jobs each has a thread, and so has the judge."""
    going = cells.trained(home, pair(small), study="test", jobs=jobs, tell=lambda _: None)
    next(going)
    assert len(run_ids(home)) == started
    assert len(list(going)) == 1


def test_a_live_run_that_ends_before_its_turn_is_not_made_again(home: Home, small: Small) -> None:
    first, second = pair(small)
    going = launcher.start(home, second.config)
    found = dict(cells.trained(home, [first, second], study="test", jobs=1, tell=lambda _: None))
    assert found[second] == going
    assert len(run_ids(home)) == 2


def test_a_stopped_cell_goes_on_and_a_failed_one_is_told(
    home: Home, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_DELAY", "0.02")
    said: list[str] = []
    cell, broken = (Cell("row", f"etl {seed}", small(seed=seed, train__steps=200)) for seed in (0, 1))
    run = launcher.start(home, cell.config)
    while not reached(run):
        time.sleep(0.02)
    launcher.stop(run, wait=30)
    assert state_of(run).kind == "stopped"

    def hear(line: str) -> None:
        said.append(line)
        monkeypatch.setenv("FAKE_MODE", "fail")  # whatever starts after the first one

    found = dict(cells.trained(home, [cell, broken], study="test", jobs=1, tell=hear))
    assert found == {cell: run}
    assert state_of(run).kind == "finished"
    assert any(line.startswith(broken.title) and "left out" in line and "fake" in line for line in said)


def test_an_interrupt_stops_what_is_live(home: Home, small: Small) -> None:
    class Enough(Exception):  # noqa: N818
        pass

    def waiting() -> None:
        if any(any(home.run(run_id).checkpoint_files()) for run_id in run_ids(home)):
            raise Enough

    long = Cell("row", "etl", small(train__steps=100_000, train__save_every=1, train__keep=1))
    with pytest.raises(Enough):
        list(cells.trained(home, [long], study="test", jobs=1, tell=lambda _: None, waiting=waiting))
    (run_id,) = run_ids(home)
    deadline = time.monotonic() + 30
    while state_of(home.run(run_id)).live and time.monotonic() < deadline:
        time.sleep(0.05)
    assert state_of(home.run(run_id)).kind == "stopped"
