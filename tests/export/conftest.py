"""An untrained run that can be exported: what an export must keep to does not depend on what it looks like."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core import config as configs
from core import presets
from core.export.card import made_from
from core.export.characters import Characters
from core.export.drawing import Reader
from core.export.job import Outcome, carry_out
from core.export.request import Request
from core.gan import checkpoint
from core.gan.networks import build_generator
from core.gan.sample import Sampler
from core.rundir import RunDir

CHARACTERS = ("あ", "い", "亜")
Bytes = dict[str, bytes]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def make_run(path: Path, characters: tuple[str, ...] = CHARACTERS, **facts: Any) -> RunDir:
    """A run directory with one checkpoint, step 6."""
    changes = {"data.chars": "".join(characters), "model.noise": 16, "train.steps": 6}
    config, run = presets.resolve("", changes), RunDir(path)
    for folder in (run.path, run.checkpoints, run.samples):
        folder.mkdir(parents=True)
    run.config.write_bytes(configs.encode(config))
    torch.manual_seed(0)
    weights = build_generator(config, len(characters)).state_dict()
    for name, tensor in weights.items():
        if name == "embedding.weight" or "style" in name:
            tensor.mul_(3)  # so that labels and codes are seen in the pictures of an untrained network
    told = {"characters": list(characters), **facts}
    checkpoint.save(run, 6, checkpoint.prefixed("average", weights), told, quality=0.5, keep=2)
    return run


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    return make_run(tmp_path_factory.mktemp("home") / "runs" / "241124-000000-abc")


@pytest.fixture(scope="session")
def sampler(run: RunDir) -> Sampler:
    return Sampler.load(run)


@pytest.fixture
def job(run: RunDir, sampler: Sampler) -> Callable[..., Characters]:
    """`job(out, "png", counts={"あ": 3}, seed=1)`."""

    def made(out: Path, kind: str = "png", /, *, reader: Reader | None = None, **more: Any) -> Characters:
        counts = tuple(more.pop("counts", dict.fromkeys(CHARACTERS, 50)).items())
        request = Request(kind, counts, **more)
        return Characters(out, sampler, request, made_from(run, sampler.config, sampler.step), reader=reader)

    return made


@pytest.fixture
def written(job: Callable[..., Characters]) -> Callable[..., Outcome]:
    """Export at once."""

    def done(out: Path, kind: str = "png", /, **more: Any) -> Outcome:
        return carry_out(job(out, kind, **more))

    return done


def tree(folder: Path) -> Bytes:
    """Every file below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def drawn(job: Characters) -> tuple[np.ndarray[Any, Any], list[str]]:
    """All images of a job and their characters, straight from the drawer."""
    batches = list(job.drawer.batches(0, job.total, job.drawer.nothing_filtered()))
    characters = [job.request.characters[label] for batch in batches for label in batch.labels]
    return np.concatenate([batch.images for batch in batches]), characters
