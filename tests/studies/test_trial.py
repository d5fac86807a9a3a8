"""Runs without the run manager, side by side: what a bare machine with a GPU is asked to do."""

from pathlib import Path

import pytest

from core import presets
from core.rundir import RunDir
from core.settings import RunConfig
from core.studies import trial

TINY = {
    "data.chars": "あい",
    "data.per_char": 20,
    "data.held_out": 20,
    "train.steps": 3,
    "train.batch_size": 4,
    "train.report_every": 1,
    "train.threads": 1,
    "train.precision": "fp32",
}


def tiny(**changes: object) -> RunConfig:
    return presets.resolve("hiragana-a-ka", {**TINY, **{key.replace("__", "."): v for key, v in changes.items()}})


def test_a_run_is_trained_as_the_manager_would(tmp_path: Path) -> None:
    run = trial.laid_out(tmp_path / "run", tiny())
    assert trial.trained(run) > 0
    assert run.checkpoint(3).exists()
    assert (run.path / "grid.png").exists()


def test_one_that_fails_does_not_cost_the_others(tmp_path: Path) -> None:
    found = trial.side_by_side(tmp_path, {"no data": tiny(data__source=f"folder:{tmp_path / 'nowhere'}")})
    assert found == {"no data": {"failed": 1}}
    assert "nowhere" in (tmp_path / "no-data.log").read_text()


@pytest.mark.slow
def test_each_is_judged_by_the_whole_card(tmp_path: Path) -> None:
    found = trial.side_by_side(tmp_path, {"one": tiny(), "another": tiny(seed=1)})
    for told in found.values():
        assert told["seconds_from_command"] > told["seconds_of_training"] > 0
        assert {"gan_test", "gan_train_gap", "coverage_ratio", "memorised"} <= told["card"]["generated"].keys()
        assert told["card"]["held-out real"]["gan_test"] > 0.9
    assert RunDir(tmp_path / "runs" / "another").scores.exists()
