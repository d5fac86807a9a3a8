"""Two processes that share every batch compute what one computes alone."""

import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
import torch

from core.gan import model
from core.gan.device import Resolved
from core.gan.engine import Engine
from core.gan.pool import Pool
from core.gan.world import ALONE, Peers, World
from core.settings import RunConfig

Small = Callable[..., RunConfig]
Work = Callable[[World], Any]
STEPS = 20
CLASSES = 3
CPU = torch.device("cpu")
MIXED = {"recipe__augment": 0.7, "recipe__r2": 0.2, "recipe__transfer": 0.5, "recipe__penalty_every": 3}


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Numbers of 64 bits: what differs then differs for a reason. Convolutions of such are slow: so thin nets."""
    monkeypatch.setattr(model, "SIZES", {"xs": (4, 4, 2, 2)})
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def side_by_side(work: Work, tmp_path: Path, size: int = 2) -> list[Any]:
    """What `work` gives in each of `size` processes that know each other. Forked: torch is loaded already."""
    context = multiprocessing.get_context("fork")
    ends = [context.Pipe(duplex=False) for _ in range(size)]

    def begin(rank: int, answer: Connection) -> None:
        answer.send(work(Peers(rank, size, CPU, tmp_path / "meeting")))

    processes = [context.Process(target=begin, args=(rank, sender)) for rank, (_, sender) in enumerate(ends)]
    for process in processes:
        process.start()
    for _, sender in ends:
        sender.close()
    try:
        assert all(receiver.poll(60) for receiver, _ in ends), "no answer"
        return [receiver.recv() for receiver, _ in ends]
    finally:
        for process in processes:
            process.join(20)
            process.kill()


def engine(config: RunConfig, world: World = ALONE, *, domains: int = 1) -> Engine:
    """On noise images; with two domains, the last class has no image in the second."""
    random = torch.Generator().manual_seed(0)
    images = torch.randint(256, (40, 32, 32), generator=random, dtype=torch.uint8).numpy()
    labels = (torch.arange(40) % CLASSES).numpy()
    domain = (torch.arange(40) // CLASSES % 2).numpy() * (labels < CLASSES - 1) if domains > 1 else None
    anchors = (torch.rand(40, 2, generator=random) * 2 - 1).numpy()
    pool = Pool(images, labels, anchors, CPU, domain=domain, domains=domains)
    return Engine(config, pool, CLASSES, Resolved("cpu", "fp32", 1), world)


def trained(config: RunConfig, world: World, domains: int) -> tuple[list[dict[str, float]], dict[str, float]]:
    """What each of the first updates reports, and the sum of each weight after them."""
    torch.set_num_threads(1)
    made, reports = engine(config, world, domains=domains), []
    for step in range(STEPS):
        made.advance(step)
        reports.append(made.read())
    return reports, {name: tensor.sum().item() for name, tensor in made.discriminator.state_dict().items()}


@pytest.mark.usefixtures("wide")
@pytest.mark.parametrize(
    ("recipe", "domains", "batch"),
    [
        pytest.param({}, 1, 128, id="plain"),
        pytest.param(MIXED, 2, 16, id="augmented"),
        pytest.param(MIXED, 2, 128, id="augmented, large", marks=pytest.mark.slow),
    ],
)
def test_two_processes_compute_what_one_does(
    small: Small, tmp_path: Path, recipe: dict[str, Any], domains: int, batch: int
) -> None:
    """Half of the batch each against all of it: also with weighted means, whose weights lie unevenly over the two."""
    config = small(train__batch_size=batch, train__steps=STEPS, train__lr=1e-4, **recipe)
    alone, weights = trained(config, ALONE, domains)
    first, second = side_by_side(lambda world: trained(config, world, domains), tmp_path)
    assert first == second  # to the last digit: nothing keeps the two alike but that they compute alike
    for one, both in zip(alone, first[0], strict=True):
        assert both == pytest.approx(one, abs=1e-10)
    assert first[1] == pytest.approx(weights, abs=1e-6)
