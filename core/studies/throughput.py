"""Training speed: every recipe against the public script's arithmetic, in turn, in one process, on this machine."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch

from core import presets
from core.config import DataConfig
from core.gan.device import Resolved, resolve
from core.gan.engine import Engine
from core.gan.pool import Pool
from core.glyphs import glyphset
from core.studies.public_script import BATCH, PublicScript

CASES: Mapping[str, Mapping[str, Any]] = {
    "classic, batch 64": {"recipe.name": "classic", "train.batch_size": 64},
    "etl xs, batch 128": {"model.size": "xs", "train.batch_size": 128},
    "etl s, batch 128": {"model.size": "s", "train.batch_size": 128},
}
SCRIPT = "public script, batch 64"
WARM_UP = 3  # steps left out of every timing: the first ones choose kernels
IMAGES = 512  # a timing, about


class Speed(NamedTuple):
    """Images a second of one case."""

    name: str
    median: float
    lowest: float
    highest: float
    ratio: float  # median over rounds of (this case / the public script) in the same round


def measure(*, rounds: int, progress: Callable[[str, float], None] | None = None) -> tuple[list[Speed], Resolved]:
    """Time the public script and every case in turn, `rounds` times over; the script first in the list."""
    data = DataConfig(per_char=100, held_out=0)
    images, labels = glyphset.load(data).part(held_out=False)
    config = presets.resolve("hiragana-a-ka")
    resolved = resolve(config.train)
    steppers = {SCRIPT: _script(images)} | {
        name: _engine(changes, images, labels, resolved) for name, changes in CASES.items()
    }
    rates: dict[str, list[float]] = {name: [] for name in steppers}
    for number in range(rounds):
        for name, (step, batch) in steppers.items():
            rate = _timed(step, batch, warm_up=WARM_UP if number == 0 else 1)
            rates[name].append(rate)
            if progress:
                progress(name, rate)
    return [_summary(name, values, rates[SCRIPT]) for name, values in rates.items()], resolved


def _script(images: np.ndarray) -> tuple[Callable[[], None], int]:
    return PublicScript(images, classes=10).step, BATCH


def _engine(
    changes: Mapping[str, Any], images: np.ndarray, labels: np.ndarray, resolved: Resolved
) -> tuple[Callable[[], None], int]:
    config = presets.resolve("hiragana-a-ka", changes)
    anchored = config.model.anchored if config.recipe.name == "etl" else 0
    pool = Pool(images, labels, np.zeros((len(images), anchored), np.float32), torch.device(resolved.device))
    engine = Engine(config, pool, 10, resolved)
    steps = iter(range(1_000_000))
    return lambda: engine.advance(next(steps)), config.train.batch_size


def _timed(step: Callable[[], None], batch: int, *, warm_up: int) -> float:
    for _ in range(warm_up):
        step()
    count = max(2, IMAGES // batch)
    start = time.perf_counter()
    for _ in range(count):
        step()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return count * batch / (time.perf_counter() - start)


def _summary(name: str, rates: list[float], script: list[float]) -> Speed:
    ratio = statistics.median(mine / theirs for mine, theirs in zip(rates, script, strict=True))
    return Speed(name, statistics.median(rates), min(rates), max(rates), ratio)
