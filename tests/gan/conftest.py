"""Training in this process: events in a list, one thread, few images to rank checkpoints by."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from core.events import AnyEvent
from core.gan import loop
from core.gan.device import resolve
from core.glyphs import glyphset
from core.rundir import RunDir
from core.settings import RunConfig


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setattr(loop, "QUALITY_IMAGES", 30)


class Attempt:
    """One attempt and what it said."""

    def __init__(self, config: RunConfig, run: RunDir) -> None:
        self.said: list[AnyEvent] = []
        glyphs = glyphset.load(config.data)
        self.training = loop.Training(config, run, glyphs, resolve(config.train), self.said.append)

    def go(self, until: int | None = None) -> bool:
        """Train to the end, or be stopped at step `until`."""
        return self.training.go_on(lambda: until is not None and self.training.step >= until)

    def weights(self) -> dict[str, torch.Tensor]:
        """A copy of all that a checkpoint holds."""
        return {name: tensor.detach().clone() for name, tensor in self.training.engine.tensors().items()}


@pytest.fixture
def attempt(cache: Path) -> Callable[[RunConfig, RunDir], Attempt]:  # noqa: ARG001  (its environment)
    return Attempt
