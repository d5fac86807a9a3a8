"""Q of a checkpoint, asked about images that nobody drew: which categorical code it takes them to come from."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from core.gan.checkpoint import Checkpoint
from core.gan.infogan import answers
from core.gan.ink import from_ink
from core.gan.networks import build_discriminator, restored
from core.gan.saved import names
from core.settings import RunConfig

CHUNK = 256  # images read at once


class Inference:
    """The categorical part of Q(c|x), on the CPU."""

    def __init__(self, discriminator: nn.Module, classes: int) -> None:
        self._discriminator, self._classes = discriminator.requires_grad_(False).eval(), classes

    @classmethod
    def load(cls, checkpoint: Checkpoint, config: RunConfig) -> "Inference":
        """Damaged, or not of this configuration's shape: RunError."""
        discriminator = restored(checkpoint, config, build_discriminator, "discriminator")
        return cls(discriminator, len(names(checkpoint.facts, "characters")))

    def codes(self, images: NDArray[np.uint8]) -> NDArray[np.int64]:
        """(n, S, S), 255 = ink -> (n,) the most likely codes: where labels were learned, class numbers."""
        found = [self._codes(images[start : start + CHUNK]) for start in range(0, len(images), CHUNK)]
        return np.concatenate([np.empty(0, np.int64), *found])

    @torch.no_grad()
    def _codes(self, images: NDArray[np.uint8]) -> NDArray[np.int64]:
        batch = from_ink(torch.from_numpy(np.ascontiguousarray(images))[:, None])
        batch = batch.contiguous(memory_format=torch.channels_last)
        nobody = torch.zeros(len(batch), dtype=torch.long)  # whose image it is concerns the logit, not Q
        found: NDArray[np.int64] = answers(self._discriminator(batch, nobody).label, self._classes).numpy()
        return found
