"""Labelled characters from a finished (or running) run."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from core import config as configs
from core.errors import RunError
from core.gan.anchors import anchored, code_names
from core.gan.checkpoint import find, part, read
from core.gan.grid import generate
from core.gan.model import Latent
from core.gan.networks import build_generator
from core.gan.saved import names
from core.rundir import RunDir
from core.settings import RunConfig


class Sampler:
    """The moving average of a checkpoint's generator, ready to draw."""

    def __init__(
        self,
        generator: nn.Module,
        config: RunConfig,
        characters: tuple[str, ...],
        step: int,
        domains: tuple[str, ...] = ("",),
    ) -> None:
        self.generator, self.config, self.characters, self.step = generator, config, characters, step
        self.domains = domains  # the looks that it can draw in; one: nothing to choose
        self.codes, self.size = config.model.codes, config.data.size
        self.code_names = code_names(config.model.codes, anchored(config))

    @classmethod
    def load(cls, run: RunDir, *, checkpoint: str = "best") -> "Sampler":
        """`checkpoint`: best, last, or a step. None there, damaged, or not of this run's shape: RunError."""
        found = find(run, checkpoint)
        try:
            config = configs.decode(run.config.read_bytes(), where=str(run.config))
        except OSError as error:
            raise RunError(f"cannot read {run.config}: {error.strerror}") from None
        characters, domains = names(found.facts, "characters"), names(found.facts, "domains", ("",))
        generator = build_generator(config, len(characters), len(domains))
        try:
            generator.load_state_dict(part("average", read(found)))
        except RuntimeError:
            raise RunError(
                f"checkpoint {found.path} does not fit the networks of {run.config}; it is refused"
            ) from None
        placed = generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(placed.requires_grad_(False).eval(), config, characters, found.step, domains)

    def labels(self, characters: Sequence[str]) -> NDArray[np.int64]:
        """Characters -> (n,) class numbers. One the run never saw: RunError naming what it knows."""
        numbers = {character: number for number, character in enumerate(self.characters)}
        unknown = [character for character in characters if character not in numbers]
        if unknown:
            known = "".join(self.characters[:60]) + (" ..." if len(self.characters) > 60 else "")
            raise RunError(f"this run never saw {' '.join(dict.fromkeys(unknown))}; it knows {known}")
        return np.array([numbers[character] for character in characters], np.int64)

    def domain(self, name: str | None) -> int:
        """The number of a domain; None: the last, which was added to the others. Unknown: RunError."""
        if name is None:
            return len(self.domains) - 1
        if name in self.domains:
            return self.domains.index(name)
        known = f"it knows {', '.join(self.domains)}" if len(self.domains) > 1 else "it was trained on one source only"
        raise RunError(f"this run has no domain {name!r}; {known}")

    def draw(
        self,
        labels: NDArray[np.int64],
        *,
        codes: NDArray[np.floating[Any]] | None = None,
        noise: NDArray[np.floating[Any]] | None = None,
        seed: int = 0,
        domain: str | NDArray[np.int64] | None = None,
    ) -> NDArray[np.uint8]:
        """(n,) class numbers -> (n, S, S) uint8, 255 = ink. The same call gives the same images.

        codes (n, C) in [-1, 1] and noise (n, Z) standard normal are drawn from `seed` where they are None; rows with
        one style (codes and noise) are characters of one hand. domain: in whose look, a name or (n,) numbers; None:
        the last, which was added to the others.
        """
        count, model = len(labels), self.config.model
        random = torch.Generator().manual_seed(seed)
        drawn = torch.randn(count, model.noise, generator=random)
        styles = torch.rand(count, model.codes, generator=random) * 2 - 1
        if noise is not None:
            drawn = torch.as_tensor(np.asarray(noise), dtype=torch.float32)
        if codes is not None:
            styles = torch.as_tensor(np.asarray(codes), dtype=torch.float32)
        latent = Latent(drawn, torch.from_numpy(np.asarray(labels, np.int64)), styles, self._looks(domain, count))
        return generate(self.generator, latent)

    def _looks(self, domain: str | NDArray[np.int64] | None, count: int) -> torch.Tensor | None:
        if not isinstance(domain, np.ndarray):
            number = self.domain(domain)
            return torch.full((count,), number) if len(self.domains) > 1 else None
        return torch.from_numpy(domain.astype(np.int64)) if len(self.domains) > 1 else None
