"""Labelled characters from a finished (or running) run, drawn on a GPU where there is one.

Random numbers are drawn on the CPU, so that a seed means the same styles everywhere; the images of another device may
differ by a grey level.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from core import config as configs
from core.errors import RunError
from core.gan.anchors import anchored, code_names
from core.gan.checkpoint import find
from core.gan.device import resolve
from core.gan.grid import CHUNK, generate
from core.gan.model import Latent
from core.gan.networks import build_generator, restored
from core.gan.saved import names
from core.glyphs import repertoire
from core.rundir import RunDir
from core.settings import RunConfig, TrainConfig

PIXELS = 2 << 20  # drawn at once on a GPU: 2,048 images of 32 px, so that launches are little of the time


class Sampler:
    """The moving average of a checkpoint's generator, ready to draw. Threads may share one."""

    def __init__(
        self,
        generator: nn.Module,
        config: RunConfig,
        characters: tuple[str, ...],
        step: int,
        domains: tuple[str, ...] = ("",),
        device: torch.device | str = "cpu",
    ) -> None:
        """`device`: where the generator is."""
        self.generator, self.config, self.characters, self.step = generator, config, characters, step
        self.domains = domains  # the looks that it can draw in; one: nothing to choose
        self.codes, self.size = config.model.codes, config.data.size
        self.code_names = code_names(config.model.codes, anchored(config))
        self.device = torch.device(device)
        self.on_cpu = self.device.type == "cpu"
        self.at_once = CHUNK if self.on_cpu else max(1, PIXELS // self.size**2)  # images that one call of G draws
        self._one_by_one = threading.Lock()  # on a GPU: the memory of one call, and flags of cudnn that all share

    @classmethod
    def load(cls, run: RunDir, *, checkpoint: str = "best", device: str = "auto") -> "Sampler":
        """`checkpoint`: best, last, or a step. `device`: as train.device, so that auto is a GPU where there is one.

        No such checkpoint or device, damaged, or not of this run's shape: RunError.
        """
        place = device_of(device)
        found = find(run, checkpoint)
        try:
            config = configs.decode(run.config.read_bytes(), where=str(run.config))
        except OSError as error:
            raise RunError(f"cannot read {run.config}: {error.strerror}") from None
        characters, domains = names(found.facts, "characters"), names(found.facts, "domains", ("",))
        generator = restored(found, config, build_generator, "average")
        with _refusals_told(place):
            placed = generator.to(place, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(placed.requires_grad_(False).eval(), config, characters, found.step, domains, place)

    def labels(self, characters: Sequence[str]) -> NDArray[np.int64]:
        """Characters -> (n,) class numbers. One the run never saw: RunError naming what it knows."""
        numbers = {character: number for number, character in enumerate(self.characters)}
        unknown = [character for character in characters if character not in numbers]
        if unknown:
            known = "".join(self.characters[:60]) + (" ..." if len(self.characters) > 60 else "")
            named = " ".join(map(repertoire.shown, dict.fromkeys(unknown)))
            raise RunError(f"this run never saw {named}; it knows {known}")
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
        temperature: float = 1.0,
    ) -> NDArray[np.uint8]:
        """(n,) class numbers -> (n, S, S) uint8, 255 = ink. The same call gives the same images on the same device.

        codes (n, C) in [-1, 1] and noise (n, Z) standard normal are drawn from `seed` where they are None; rows with
        one style (codes and noise) are characters of one hand. domain: in whose look, a name or (n,) numbers; None:
        the last, which was added to the others. temperature: what the noise is multiplied by; above 1 rare hands are
        drawn more often, below 1 less.
        """
        count, model = len(labels), self.config.model
        random = torch.Generator().manual_seed(seed)
        drawn = torch.randn(count, model.noise, generator=random)
        styles = torch.rand(count, model.codes, generator=random) * 2 - 1
        if noise is not None:
            drawn = torch.as_tensor(np.asarray(noise), dtype=torch.float32)
        if codes is not None:
            styles = torch.as_tensor(np.asarray(codes), dtype=torch.float32)
        latent = Latent(
            drawn * temperature, torch.from_numpy(np.asarray(labels, np.int64)), styles, self._looks(domain, count)
        )
        if self.on_cpu:
            return generate(self.generator, latent, at_once=self.at_once)
        with self._one_by_one, _refusals_told(self.device), _repeatable(self.device):
            return generate(self.generator, latent.to(self.device), at_once=self.at_once)

    def _looks(self, domain: str | NDArray[np.int64] | None, count: int) -> torch.Tensor | None:
        if not isinstance(domain, np.ndarray):
            number = self.domain(domain)
            return torch.full((count,), number) if len(self.domains) > 1 else None
        return torch.from_numpy(domain.astype(np.int64)) if len(self.domains) > 1 else None


def device_of(wanted: str = "auto") -> torch.device:
    """The device that training would take for this `train.device`; torch's threads stay as they are. RunError."""
    there = torch.cuda.is_available() or torch.backends.mps.is_available()
    if wanted == "cpu" or (wanted == "auto" and not there):
        return torch.device("cpu")
    config = TrainConfig(device=wanted, precision="fp32", threads=torch.get_num_threads(), batch_size=1)
    return torch.device(resolve(config).device)


@contextmanager
def _refusals_told(device: torch.device) -> Iterator[None]:
    """What a GPU refuses, being full or another program's alone, is a RunError that says how to do without it."""
    try:
        yield
    except RuntimeError as error:
        if device.type == "cpu":
            raise
        told = str(error).partition("\n")[0]
        without = "; CUDA_VISIBLE_DEVICES= before the command draws on the CPU" if device.type == "cuda" else ""
        raise RunError(f"{device} cannot draw: {told}{without}") from error


@contextmanager
def _repeatable(device: torch.device) -> Iterator[None]:
    """Where cudnn would be free to add up in any order, it is not."""
    if device.type != "cuda":
        yield
        return
    cudnn = torch.backends.cudnn
    before = cudnn.deterministic, cudnn.benchmark
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        yield
    finally:
        cudnn.deterministic, cudnn.benchmark = before
