"""train.score_every: the judge looks at a run while it trains, and the best checkpoint is the one it likes best."""

from collections.abc import Callable

import pytest
import torch

from core import trainer
from core.gan.checkpoint import everything, find
from core.history import curves
from core.judge import classifier, judges, scorer
from core.rundir import RunDir
from core.settings import RunConfig

Small = Callable[..., RunConfig]
NewRun = Callable[..., RunDir]


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch, cache: object) -> None:  # noqa: ARG001  (its environment)
    torch.set_num_threads(1)
    monkeypatch.setattr(classifier, "BATCH", 16)
    monkeypatch.setattr(judges, "JUDGE_IMAGES", 10)
    monkeypatch.setattr(judges, "JUDGE_STEPS", (5, 0))
    monkeypatch.setattr(scorer, "MOST_IMAGES", 20)
    monkeypatch.setattr(scorer, "FEWEST", 6)


def test_checkpoints_between_two_looks_are_not_the_best(small: Small, new_run: NewRun) -> None:
    config = small(train__steps=5, train__save_every=1, train__score_every=2, train__keep=9, data__held_out=8)
    run = new_run(config)
    assert trainer.main(run.path) == 0
    scored = {event.step: event.scores["score"] for event in curves(run.events).scored}
    assert list(scored) == [2, 4, 5], "and at the end"
    assert {c.step: c.quality for c in everything(run)} == {1: 0, 2: scored[2], 3: 0, 4: scored[4], 5: scored[5]}
    assert find(run, "best").step in scored


def test_a_look_makes_a_checkpoint_of_its_own(small: Small, new_run: NewRun) -> None:
    run = new_run(small(train__steps=4, train__save_every=100, train__score_every=3, data__held_out=8))
    assert trainer.main(run.path) == 0
    assert [event.step for event in curves(run.events).saved] == [3, 4]


def test_nothing_held_out_is_told_before_the_first_step(small: Small, new_run: NewRun) -> None:
    run = new_run(small(train__steps=4, train__score_every=2, data__held_out=0))
    assert trainer.main(run.path) == 1
    history = curves(run.events)
    assert "data.held_out=0" in history.finished[-1].message
    assert not history.step
