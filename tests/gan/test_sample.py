"""Where a sampler draws: what is moved to a GPU, and how much at once. There is none here: `meta` stands for one, a
device whose tensors have no numbers, so that whatever was not moved shows. What is drawn is in test_loop.py."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core import presets
from core.errors import RunError
from core.gan.model import Latent
from core.gan.networks import build_generator
from core.gan.sample import Sampler, device_of
from core.settings import RunConfig

META = torch.device("meta")


@pytest.fixture
def config() -> RunConfig:
    return presets.resolve("", {"data.chars": "あい", "model.noise": 16, "model.codes": 3})


class Recording(nn.Module):
    """In place of a generator elsewhere: notes what it is given, and answers with images that say how many."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[Latent] = []

    def forward(self, latent: Latent) -> Tensor:
        self.given.append(latent)
        return torch.full((len(latent.label), 1, 32, 32), -1.0 + len(self.given) * 2 / 255)


@pytest.mark.parametrize("domains", [("",), ("pen", "etl")])
def test_all_of_a_latent_is_moved_to_the_device(config: RunConfig, domains: tuple[str, ...]) -> None:
    generator = Recording()
    sampler = Sampler(generator, config, ("あ", "い"), 1, domains, META)
    images = sampler.draw(np.zeros(5, np.int64), codes=np.zeros((5, 3)))
    assert images.shape == (5, 32, 32)
    assert images.dtype == np.uint8
    (latent,) = generator.given
    tensors = [tensor for tensor in latent if tensor is not None]
    assert len(tensors) == 2 + len(domains)
    assert {tensor.device for tensor in tensors} == {META}


def test_on_the_cpu_nothing_is_moved_and_batches_are_as_ever(config: RunConfig) -> None:
    generator = Recording()
    Sampler(generator, config, ("あ", "い"), 1).draw(np.zeros(1100, np.int64))
    assert [len(latent.label) for latent in generator.given] == [512, 512, 76]
    assert {tensor.device.type for latent in generator.given for tensor in latent[:3]} == {"cpu"}


def test_a_temperature_is_of_the_noise_alone(config: RunConfig) -> None:
    generator = Recording()
    sampler = Sampler(generator, config, ("あ", "い"), 1)
    for temperature in (1.0, 1.5):
        sampler.draw(np.array([0, 1]), seed=7, temperature=temperature)
    sampler.draw(np.array([0, 1]), noise=np.ones((2, 16)), temperature=0.5)
    usual, hot, given = generator.given
    assert torch.equal(hot.noise, usual.noise * 1.5)
    assert torch.equal(hot.codes, usual.codes)
    assert torch.equal(given.noise, torch.full((2, 16), 0.5))


def test_a_gpu_draws_thousands_at_once_and_fewer_large_ones(config: RunConfig) -> None:
    generator = Recording()
    images = Sampler(generator, config, ("あ", "い"), 1, device=META).draw(np.zeros(5000, np.int64))
    assert [len(latent.label) for latent in generator.given] == [2048, 2048, 904]
    assert [int(images[number, 0, 0]) for number in (0, 2047, 2048, 4999)] == [1, 1, 2, 3]
    large = presets.resolve("", {"data.chars": "あい", "data.size": 64})
    assert Sampler(generator, large, ("あ", "い"), 1, device=META).at_once == 512


@pytest.mark.parametrize("recipe", ["etl", "classic"])
def test_a_generator_makes_no_tensor_on_the_cpu_on_its_way(recipe: str) -> None:
    """Every layer of the real networks computes with latents of the other device."""
    config = presets.resolve("", {"data.chars": "あい", "recipe.name": recipe})
    generator = build_generator(config, 2).to(META).eval()
    sampler = Sampler(generator, config, ("あ", "い"), 1, device=META)
    with pytest.raises(RunError, match="meta cannot draw"):  # only the last step, back to the host, cannot be
        sampler.draw(np.array([0, 1]))
    model = config.model
    latent = Latent(torch.zeros(2, model.noise), torch.zeros(2, dtype=torch.int64), torch.zeros(2, model.codes))
    assert generator(latent.to(META)).device == META


def test_the_same_styles_are_drawn_whatever_the_device(config: RunConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Latent] = []

    def to(self: Latent, _device: torch.device) -> Latent:
        told.append(self)
        return self

    monkeypatch.setattr(Latent, "to", to)
    generator = Recording()
    for device in ("cpu", META):
        Sampler(generator, config, ("あ", "い"), 1, device=device).draw(np.array([0, 1]), seed=7)
    assert len(told) == 1
    for here, there in zip(generator.given[0][:3], told[0][:3], strict=True):
        assert torch.equal(here, there)


def test_auto_is_the_cpu_where_there_is_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    threads = torch.get_num_threads()
    assert device_of() == device_of("cpu") == torch.device("cpu")
    assert torch.get_num_threads() == threads
    with pytest.raises(RunError, match="has 0 CUDA devices"):
        device_of("cuda")


def test_auto_is_what_training_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert device_of() == torch.device("cuda:0")
    assert device_of("cuda:1") == torch.device("cuda:1")
    assert device_of("cpu") == torch.device("cpu")


def test_what_a_gpu_refuses_is_one_line(config: RunConfig) -> None:
    class Full(nn.Module):
        def forward(self, _latent: Any) -> Tensor:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nmore")

    with pytest.raises(RunError, match=r"meta cannot draw: CUDA out of memory. Tried to allocate 2.00 GiB.$"):
        Sampler(Full(), config, ("あ", "い"), 1, device=META).draw(np.array([0]))
    with pytest.raises(torch.OutOfMemoryError):  # on the CPU errors are as they were
        Sampler(Full(), config, ("あ", "い"), 1).draw(np.array([0]))
