"""Kills at random moments: nothing flushed is lost, no state is wrong, everything resumes."""

import time

import pytest
from safetensors.numpy import load

from core.rundir import Home, read_json

from .ledger import Ledger
from .storm import PATIENCE, Storm

SHORT = ("train.steps=120", "train.device=cpu")


def checked(storm: Storm) -> None:
    """Everything that must hold once the storm has passed."""
    storm.settle()
    storm.check_events()
    storm.check_index()
    for run in storm.runs():
        for path in run.checkpoints.glob("*.safetensors"):
            if path.with_suffix(".json").exists():
                shape = read_json(path.with_suffix(".json"))["shapes"]["weights"]
                assert list(load(path.read_bytes())["weights"].shape) == shape
    storm.finish_all()
    storm.check_index()
    assert storm.verdict() == ([], [])


def test_a_short_storm(home: Home, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every default test run: another seed each day would make it a lottery, so it is always the same."""
    monkeypatch.setenv("FAKE_DELAY", "0.004")
    storm = Storm(home, ledger, seed=7, settings=SHORT, with_dashboard=False)
    assert storm.run(12, most_seconds=60, pause=0.2) == 12
    checked(storm)


@pytest.mark.torture
@pytest.mark.timeout(900 * PATIENCE)
@pytest.mark.parametrize("seed", range(3))
def test_a_long_storm(home: Home, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setenv("FAKE_DELAY", "0.01")
    storm = Storm(home, ledger, seed=seed, settings=SHORT, with_dashboard=True)
    assert storm.run(90, most_seconds=300, pause=0.4) == 90
    checked(storm)


@pytest.mark.torture
@pytest.mark.timeout(900 * PATIENCE)
def test_a_storm_over_real_training(home: Home, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """And at the end every run, whatever it went through, has the very weights of one that was left alone."""
    import torch

    from core import presets
    from core.config import parse_assignments
    from core.gan import checkpoint
    from core.runs import launcher
    from core.runs.state import state_of

    monkeypatch.delenv("ETLGAN_TRAINER")
    settings = (
        "data.chars=あいう", "data.per_char=20", "data.held_out=5", "model.noise=16", "train.steps=150",
        "train.batch_size=8", "train.device=cpu", "train.precision=fp32", "train.threads=1", "train.report_every=7",
        "train.sample_every=50", "train.save_every=5",
    )  # fmt: skip
    storm = Storm(home, ledger, seed=5, settings=settings, with_dashboard=False, most_runs=5)
    alone = launcher.start(home, presets.resolve("", parse_assignments(settings)), name="left alone")
    while state_of(alone).live:
        time.sleep(0.2)
    assert state_of(alone).kind == "finished", alone.console.read_text()
    assert storm.run(30, most_seconds=400, pause=2.5) == 30
    storm.settle(240)
    storm.check_events()
    storm.check_index()
    for run in storm.runs():
        for each in checkpoint.everything(run):
            checkpoint.read(each)
    storm.finish_all(400)
    wanted = checkpoint.read(checkpoint.find(alone, "last"))
    for run in storm.runs():
        found = checkpoint.read(checkpoint.find(run, "last"))
        assert all(torch.equal(found[name], wanted[name]) for name in wanted), run.id
    assert storm.verdict() == ([], [])
