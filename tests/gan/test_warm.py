"""Warm start: whose weights a run begins with, found by character and by domain."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from core.errors import RunError
from core.gan import saved
from core.rundir import RunDir
from core.settings import RunConfig

Small = Callable[..., RunConfig]
NewRun = Callable[..., RunDir]
Attempt = Callable[[RunConfig, RunDir], Any]


@pytest.fixture
def before(small: Small, new_run: NewRun, attempt: Attempt) -> Any:
    """A finished run on あいう."""
    config = small(train__steps=4)
    made = attempt(config, new_run(config, "before"))
    made.go()
    return made


def started(made: Any, config: RunConfig, new_run: NewRun, attempt: Attempt) -> Any:
    del made
    return attempt(config, new_run(config, "after"))


def test_rows_are_found_by_character(before: Any, small: Small, new_run: NewRun, attempt: Attempt) -> None:
    config = small(data__chars="うえあ", train__init_from="before")
    after = started(before, config, new_run, attempt).weights()
    old = before.weights()
    for name in ("generator.embedding.weight", "discriminator.embedding.weight", "discriminator.q_label.weight"):
        assert torch.equal(after[name][0], old[name][2])
        assert torch.equal(after[name][2], old[name][0])
        assert not any(torch.equal(after[name][1], row) for row in old[name])
    others = [name for name in old if name.startswith(("generator.blocks", "discriminator.blocks", "average.blocks"))]
    assert others
    assert all(torch.equal(after[name], old[name]) for name in others)


def test_several_domains_begin_with_the_one_look(before: Any, small: Small, new_run: NewRun, attempt: Attempt) -> None:
    config = small(data__source="penman+b=penman:scanned", train__init_from="before")
    after = started(before, config, new_run, attempt)
    assert torch.equal(after.weights()["generator.domain.weight"], torch.zeros(2, 64))
    after.go()
    alone = small(train__init_from=str(saved.find(after.training.run).path))
    folded = attempt(alone, new_run(alone, "folded")).weights()["generator.embedding.weight"]
    mixed = after.weights()
    wanted = mixed["generator.embedding.weight"] + mixed["generator.domain.weight"].mean(0)
    assert torch.allclose(folded, wanted)


def test_resuming_does_not_begin_again(before: Any, small: Small, new_run: NewRun, attempt: Attempt) -> None:
    config = small(train__init_from="before", train__save_every=2, train__steps=6)
    run = new_run(config, "after")
    first = attempt(config, run)
    first.go(until=4)
    for path in before.training.run.checkpoints.iterdir():
        path.unlink()  # no longer needed
    again = attempt(config, run)
    assert again.training.step == 4
    assert again.go() is False


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model__codes": 3}, "was trained with model.codes=4, this run has model.codes=3"),
        ({"data__size": 64}, "was trained with data.size=32, this run has data.size=64"),
        ({"recipe__name": "classic"}, "was trained with"),
        ({"train__init_from": "nobody"}, "is no run in"),
        ({"train__init_from": "/nowhere.safetensors"}, "there is no such file"),
    ],
)
def test_what_does_not_fit_is_refused(before: Any, small: Small, changes: dict[str, Any], message: str) -> None:
    config = small(**{"train__init_from": "before", **changes})
    with pytest.raises(RunError, match=message):
        saved.initial(config, before.training.run.path.parent)


def test_tensors_from_elsewhere_are_refused(before: Any, small: Small, tmp_path: Path) -> None:
    stray = tmp_path / "stray.safetensors"
    stray.write_bytes(saved.find(before.training.run).path.read_bytes())
    with pytest.raises(RunError, match=r"no etlgan checkpoint: stray\.json beside it must say so"):
        saved.initial(small(train__init_from=str(stray)), tmp_path)
