"""Why a run has no checkpoint, in words: they are still to come, nobody knows what they are, or it ended without."""

import json
from pathlib import Path

import pytest

from core.errors import RunError
from core.gan.saved import find
from core.rundir import RunDir


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    made = RunDir(tmp_path / "run")
    made.checkpoints.mkdir(parents=True)
    return made


def why(run: RunDir) -> str:
    with pytest.raises(RunError) as told:
        find(run)
    return str(told.value)


def lock(run: RunDir, attempt: int) -> None:
    run.lock.write_text(json.dumps({"attempt": attempt}).ljust(1023) + "\n")


def ended(run: RunDir, attempt: int) -> None:
    run.exit.write_text(json.dumps({"attempt": attempt, "returncode": 0}))


def test_a_run_that_goes_on_will_have_one(run: RunDir) -> None:
    assert "no checkpoint yet; it writes one every train.save_every steps" in why(run)
    lock(run, 1)
    assert "no checkpoint yet" in why(run)
    ended(run, 1)
    lock(run, 2)  # resumed
    assert "no checkpoint yet" in why(run)


@pytest.mark.parametrize("locked", [True, False])  # False: it came from elsewhere
def test_a_run_that_ended_will_have_none(run: RunDir, locked: bool) -> None:
    if locked:
        lock(run, 2)
    ended(run, 2)
    assert why(run) == "run run has no checkpoint, and it has ended: none was written, or they were removed"


@pytest.mark.parametrize("damage", [None, "{", '{"format": 9}'])
def test_weights_that_nobody_says_anything_about(run: RunDir, damage: str | None) -> None:
    for step in (3, 1, 2, 4):
        run.checkpoint(step).write_bytes(b"weights")
        if damage is not None:
            run.checkpoint(step).with_suffix(".json").write_text(damage)
    told = why(run)
    assert "its checkpoints have no JSON beside them that says what they are" in told
    assert "damaged): 00000001.safetensors, 00000002.safetensors, 00000003.safetensors ..." in told
    assert "yet" not in told
