"""Training speed: every recipe and size against the public script's arithmetic, in turn, in one process."""

import itertools
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from core import presets
from core.gan.anchors import anchored
from core.gan.device import Resolved, resolve
from core.gan.engine import Engine
from core.gan.pool import Pool
from core.gan.world import ALONE, World
from core.glyphs import glyphset
from core.settings import DataConfig
from core.studies import ceilings
from core.studies.ceilings import Ceilings
from core.studies.public_script import BATCH, PublicScript

CASES: Mapping[str, Mapping[str, Any]] = {
    "classic, batch 64": {"recipe.name": "classic", "train.batch_size": 64},
    "etl xs, batch 64": {"model.size": "xs", "train.batch_size": 64},
    "etl xs, batch 128": {"model.size": "xs", "train.batch_size": 128},
    "etl s, batch 128": {"model.size": "s", "train.batch_size": 128},
    "etl m, batch 64": {"model.size": "m", "train.batch_size": 64},
    "etl l, 64 px, batch 64": {"model.size": "l", "data.size": 64, "train.batch_size": 64},
    "etl xl, 64 px, batch 64": {"model.size": "xl", "data.size": 64, "train.batch_size": 64},
}
LARGE_CASES: Mapping[str, Mapping[str, Any]] = {  # on a GPU too
    "classic, batch 1024": {"recipe.name": "classic", "train.batch_size": 1024},
    "classic, batch 1024, not captured": {
        "recipe.name": "classic",
        "train.batch_size": 1024,
        "train.graphs": False,
    },
    "etl s, batch 1024": {"model.size": "s", "train.batch_size": 1024, "train.compile": "on"},
    "etl s, batch 1024, not compiled": {"model.size": "s", "train.batch_size": 1024, "train.compile": "off"},
    "etl m, batch 1024": {"model.size": "m", "train.batch_size": 1024, "train.compile": "on"},
    "etl l, 64 px, batch 512": {
        "model.size": "l",
        "data.size": 64,
        "train.batch_size": 512,
        "train.compile": "on",
    },
    "etl xl, 64 px, batch 512": {
        "model.size": "xl",
        "data.size": 64,
        "train.batch_size": 512,
        "train.compile": "on",
    },
}
SCRIPT = "public script, batch 64"
LARGE_SCRIPT = "public script, batch 1024"
WARM_UP = 3  # steps left out of every timing: the first ones choose kernels
IMAGES = 512  # a timing, about, on a CPU, of a network of up to 1 GFLOP an image; fewer of a larger one
GPU_STEPS = 128  # a timing on a GPU
PENALTY_CYCLE = 8  # updates over which operations are counted: penalties come once in so many


class Speed(NamedTuple):
    """Images a second of one case."""

    name: str
    median: float
    lowest: float
    highest: float
    ratio: float  # median over rounds of (this case / the public script) in the same round
    gflop: float | None  # counted operations an image (10^9), forward and backward; None for the script
    megabytes: float | None  # an image: what all operations together read and write, as if there were no cache
    of_products: float | None  # share of the machine's measured matrix products that this is
    of_memory: float | None  # megabytes, as a share of its measured copies; above 1 where caches help


class Measured(NamedTuple):
    """A table of speeds and what it was measured on."""

    speeds: list[Speed]
    resolved: Resolved
    ceilings: Ceilings


def measure(*, rounds: int, progress: Callable[[str, float], None] | None = None) -> Measured:
    """Time the public script and every case in turn, `rounds` times over; the script first in the list."""
    resolved = resolve(presets.resolve("hiragana-a-ka").train)
    gpu = resolved.device.startswith("cuda")
    images, labels = glyphset.load(DataConfig(per_char=100, held_out=0)).part(held_out=False)
    cases = {**CASES, **(LARGE_CASES if gpu else {})}
    work: dict[str, Work | None] = {}
    for name, changes in cases.items():  # what is compiled could not be counted
        work[name] = counted(engine({**changes, "train.compile": "off"}, images, labels, 10, resolved))
    engines = {name: engine(changes, images, labels, 10, resolved) for name, changes in cases.items()}
    steppers: dict[str, tuple[Callable[[int], None], int]] = {}
    for name, batch in {SCRIPT: BATCH, **({LARGE_SCRIPT: 1024} if gpu else {})}.items():
        script = PublicScript(images.repeat(-(-batch // len(images)), 0), 10, device=resolved.device, batch=batch)
        steppers[name], work[name] = (_repeated(script.step), batch), None
    steppers |= {name: (_advancing(each), each.config.train.batch_size) for name, each in engines.items()}
    rates: dict[str, list[float]] = {name: [] for name in steppers}
    for number in range(rounds):
        for name, (step, batch) in steppers.items():
            steps = GPU_STEPS if gpu and name in engines else _few(batch, work[name])
            rate = _timed(step, batch, steps, warm_up=4 * WARM_UP if number == 0 else 1)
            rates[name].append(rate)
            if progress:
                progress(name, rate)
    top = ceilings.measure(resolved.device, resolved.precision)
    speeds = [_summary(name, values, rates[SCRIPT], work[name], top) for name, values in rates.items()]
    return Measured(speeds, resolved, top)


def engine(
    changes: Mapping[str, Any],
    images: np.ndarray,
    labels: np.ndarray,
    classes: int,
    resolved: Resolved,
    world: World = ALONE,
) -> Engine:
    """A fresh engine of the default experiment with `changes`; images are enlarged where the case is larger."""
    config = presets.resolve("hiragana-a-ka", changes)
    times = config.data.size // images.shape[-1]
    larger = images.repeat(times, 1).repeat(times, 2)
    codes = np.zeros((len(images), anchored(config)), np.float32)
    pool = Pool(larger, labels, codes, torch.device(resolved.device))
    return Engine(config, pool, classes, resolved, world)


class Work(NamedTuple):
    """What an update does, an image."""

    flop: float  # multiply and add count as two
    moved: float  # bytes that operations read and write


def counted(made: Engine) -> Work:
    """Over a whole cycle of penalties."""
    with _Counter() as counter:
        for step in range(PENALTY_CYCLE):
            made.advance(step)
    images = PENALTY_CYCLE * made.config.train.batch_size
    return Work(counter.flop / images, counter.moved / images)


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up what torch's table of formulas says of every operation (its own counter cannot follow autograd.grad)."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flop = 0.0
        self.moved = 0.0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        formula = flop_registry.get(func.overloadpacket)
        if formula is not None:
            self.flop += formula(*args, **(kwargs or {}), out_val=result)
        if not func.is_view:
            self.moved += sum(each.nbytes for each in tree_leaves((args, kwargs, result)) if isinstance(each, Tensor))
        return result


def _advancing(made: Engine) -> Callable[[int], None]:
    numbers = itertools.count()  # of updates

    def advance(count: int) -> None:
        made.advance(next(numbers), count)
        for _ in range(count - 1):
            next(numbers)

    return advance


def _repeated(step: Callable[[], None]) -> Callable[[int], None]:
    def advance(count: int) -> None:
        for _ in range(count):
            step()

    return advance


def _few(batch: int, work: Work | None) -> int:
    """Updates of one timing on a CPU."""
    images = IMAGES / max(1.0, work.flop / 1e9 if work else 0.0)
    return max(2, int(images) // batch)


def _timed(advance: Callable[[int], None], batch: int, steps: int, *, warm_up: int) -> float:
    """Images a second over `steps` updates."""
    advance(warm_up)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    start = time.perf_counter()
    advance(steps)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return steps * batch / (time.perf_counter() - start)


def _summary(name: str, rates: Sequence[float], script: Sequence[float], work: Work | None, top: Ceilings) -> Speed:
    ratio = statistics.median(mine / theirs for mine, theirs in zip(rates, script, strict=True))
    median = statistics.median(rates)
    if work is None:
        return Speed(name, median, min(rates), max(rates), ratio, None, None, None, None)
    of_products, of_memory = median * work.flop / top.products, median * work.moved / top.memory
    return Speed(name, median, min(rates), max(rates), ratio, work.flop / 1e9, work.moved / 1e6, of_products, of_memory)
