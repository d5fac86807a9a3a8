"""What Q of a checkpoint says about images that nobody drew."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core import presets
from core.errors import RunError
from core.gan import checkpoint
from core.gan.inference import CHUNK, Inference
from core.gan.networks import build_discriminator
from core.rundir import RunDir
from core.settings import RunConfig

CHARACTERS = ("あ", "い", "う")
KINDS: dict[str, dict[str, Any]] = {
    "etl": {},
    "two answers a class": {"recipe.fake_targets": True},
    "classic": {"recipe.name": "classic"},
    "infogan": {"recipe.name": "infogan"},
}


def settings(**changes: Any) -> RunConfig:
    return presets.resolve("", {"data.chars": "".join(CHARACTERS), **changes})


def saved(run: RunDir, config: RunConfig) -> tuple[torch.nn.Module, checkpoint.Checkpoint]:
    torch.manual_seed(0)
    discriminator = build_discriminator(config, len(CHARACTERS)).eval()
    tensors = checkpoint.prefixed("discriminator", dict(discriminator.state_dict()))
    run.checkpoints.mkdir(parents=True)
    checkpoint.save(run, 3, tensors, {"characters": list(CHARACTERS)}, quality=0.5, keep=1)
    return discriminator, checkpoint.find(run)


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_q_is_asked_as_the_networks_answer(tmp_path: Path, kind: str) -> None:
    config = settings(**KINDS[kind])
    discriminator, found = saved(RunDir(tmp_path / "run"), config)
    images = np.random.default_rng(1).integers(0, 256, (CHUNK + 40, 32, 32), np.uint8)
    told = Inference.load(found, config).codes(images)
    scaled = torch.from_numpy(images)[:, None] / 127.5 - 1
    logits = discriminator(scaled, torch.zeros(len(images), dtype=torch.long)).label
    likely = logits.exp().view(len(images), -1, len(CHARACTERS)).sum(1)  # real or generated: one character
    top = likely.topk(2).values
    clear = ((top[:, 0] - top[:, 1]) / top[:, 0] > 1e-4).numpy()  # not where last digits decide
    assert clear.mean() > 0.9
    np.testing.assert_array_equal(told[clear], likely.argmax(1).numpy()[clear])
    assert Inference.load(found, config).codes(images[:0]).tolist() == []


def test_another_networks_discriminator_is_refused(tmp_path: Path) -> None:
    _, found = saved(RunDir(tmp_path / "run"), settings())
    with pytest.raises(RunError, match="is refused"):
        Inference.load(found, settings(**{"model.size": "s"}))
