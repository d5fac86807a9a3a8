"""Several sources as domains: what G and D take of them, and what a run with one source is spared."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.errors import ConfigError, RunError
from core.gan.chance import Chance
from core.gan.networks import Build, build_discriminator, build_generator
from core.gan.pool import Pool
from core.gan.sample import Sampler
from core.rundir import RunDir
from core.settings import RunConfig

Small = Callable[..., RunConfig]
NewRun = Callable[..., RunDir]
Attempt = Callable[[RunConfig, RunDir], Any]

TWO = "penman+scan=penman:scanned"


def test_one_domain_costs_no_parameter(small: Small) -> None:
    for build in (build_generator, build_discriminator):
        one, two = build(small(), 3), build(small(), 3, 2)
        assert set(two.state_dict()) - set(one.state_dict()) == {"domain.weight"}


@pytest.mark.parametrize("recipe", ["classic", "infogan"])
@pytest.mark.parametrize("build", [build_generator, build_discriminator])
def test_recipes_without_labels_refuse_domains(small: Small, build: Build, recipe: str) -> None:
    with pytest.raises(ConfigError, match=f"recipe.name={recipe}: knows no domains"):
        build(small(recipe__name=recipe), 3, 2)


def test_batches_are_uniform_over_classes_and_then_over_their_domains() -> None:
    label = np.repeat([0, 0, 1], [90, 10, 50])
    domain = np.repeat([0, 1, 0], [90, 10, 50])
    images = np.zeros((150, 8, 8), np.uint8) + (label * 2 + domain).astype(np.uint8)[:, None, None]
    pool = Pool(images, label, np.zeros((150, 0), np.float32), torch.device("cpu"), domain=domain, domains=2)
    chance = Chance(0, torch.tensor(1), torch.arange(4000))
    batch = pool.draw(chance)
    assert batch.domain is not None
    cell = batch.label * 2 + batch.domain
    assert torch.equal(((batch.images[:, 0, 0, 0] + 1) * 127.5).round().long(), cell)
    shares = torch.bincount(cell, minlength=4) / 4000
    assert torch.allclose(shares, torch.tensor([0.25, 0.25, 0.5, 0.0]), atol=0.03)
    assert pool.unseen.number.tolist() == [0, 1]


def test_a_run_on_two_domains_draws_in_both_looks(small: Small, new_run: NewRun, attempt: Attempt) -> None:
    config = small(data__source=TWO, train__steps=4)
    made = attempt(config, new_run(config))
    assert made.go() is False
    sampler = Sampler.load(made.training.run)
    assert sampler.domains == ("penman", "scan")
    labels = np.arange(3)
    last, first = sampler.draw(labels), sampler.draw(labels, domain="penman")
    assert np.array_equal(last, sampler.draw(labels, domain="scan"))
    assert np.array_equal(first, sampler.draw(labels, domain=np.zeros(3, np.int64)))
    assert not np.array_equal(first, last)
    with pytest.raises(RunError, match="no domain 'etl'; it knows penman, scan"):
        sampler.draw(labels, domain="etl")


def test_unseen_pairs_teach_the_generator_but_not_the_discriminator(
    small: Small, new_run: NewRun, attempt: Attempt, tmp_path: Path
) -> None:
    folder = tmp_path / "forms" / "U+3042"
    folder.mkdir(parents=True)
    from PIL import Image

    for number in range(4):
        paper = np.full((32, 32), 255, np.uint8)
        paper[8 + number : 12 + number, 6:26] = 0
        Image.fromarray(paper).save(folder / f"{number}.png")
    config = small(data__source=f"penman+forms={folder.parent}", recipe__transfer=1.0)
    engine = attempt(config, new_run(config)).training.engine
    chance = Chance(0, torch.tensor(0), torch.arange(64))
    batch = engine.pool.draw(chance)
    latent, weight = engine._transferred(batch, engine._latent(batch, chance), chance)
    here = batch.label == 0  # あ is in both domains, う and い in one
    assert torch.equal(latent.domain[here], batch.domain[here])
    assert bool((latent.domain[~here] == 1).all())
    assert torch.equal(weight, here.float())
    engine.advance(0)
    assert engine.finite()
