"""python -P -m core.studies.devices [ROUNDS]: what spreading a run over two processes costs, on an idle machine.

Two processes (of one thread each, or on two GPUs where there are any) train by themselves, side by side; then the same
two train one run, each with as many images an update as before. And one process alone against one that goes through
all of the spreading by itself. Prints one line of JSON.
"""

import contextlib
import json
import multiprocessing
import queue
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from core.errors import RunError
from core.gan import heap
from core.gan.device import Resolved
from core.gan.engine import Engine
from core.gan.world import ALONE, Peers, World
from core.studies import throughput
from core.studies.promises import OVERHEAD, TOGETHER

BATCH, GPU_BATCH = 64, 1024  # images an update and process
WARM_UP, UPDATES = 3, 16  # updates before the first timing, and of a timing; whole cycles of penalties
ROUNDS = 9
WAYS = ("alone", "shared")
CLASSES = (10, 46, 3036)
SIZES = (("xs", 32), ("s", 32), ("m", 32), ("l", 64), ("xl", 64))


class Pace(NamedTuple):
    """One timing of one process."""

    wall: float  # seconds
    cpu: float  # seconds of a core, with what works for it in the background


class Figure(NamedTuple):
    """Over the rounds: a speed, or a ratio of two timings made one after the other."""

    name: str
    median: float
    lowest: float
    highest: float


def measure(rounds: int) -> list[Figure]:
    """All figures. The timings of a round are made in turn, so that another program's load falls on all."""
    found = []
    if not _on_gpus() or torch.cuda.device_count() > 1:
        pairs = _in_processes(2, rounds)
        apart, together = ([sum(_rate(each[turn][way]) for each in pairs) for turn in range(rounds)] for way in WAYS)
        extra = [
            sum(each[turn]["shared"].cpu for each in pairs) / sum(each[turn]["alone"].cpu for each in pairs) - 1
            for turn in range(rounds)
        ]
        found += [
            _figure("two runs side by side, images/s", apart),
            _figure("two processes in one run, images/s", together),
            _figure(TOGETHER, _ratios(together, apart)),
            _figure("more CPU time in one run than in two", extra),
        ]
    single = _in_processes(1, rounds)[0]
    wall, cpu = ([getattr(t["shared"], part) / getattr(t["alone"], part) - 1 for t in single] for part in Pace._fields)
    return [
        _figure("one process, images/s", [_rate(turn["alone"]) for turn in single]),
        *found,
        _figure("one process through all of it: more wall time", wall),
        _figure(OVERHEAD, cpu),
    ]


def traffic() -> list[dict[str, Any]]:
    """Bytes that each process sends to the average, an update, by network and number of characters."""
    rows = []
    for size, pixels in SIZES:
        for classes in CLASSES:
            made = _engine(ALONE, {"model.size": size, "data.size": pixels, "train.batch_size": 2}, classes)
            sides = {
                name: 4 * sum(parameter.numel() for parameter in net.parameters())
                for name, net in (("d", made.discriminator), ("g", made.generator))
            }
            name = f"{size}, {pixels} px, {classes:,} characters"
            rows.append({"name": name, **sides, "bytes": sum(sides.values())})
    return rows


def _in_processes(size: int, rounds: int) -> list[list[dict[str, Pace]]]:
    """Of each process, of each round: its pace alone and in a shared run."""
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(size), context.Queue()
    with tempfile.TemporaryDirectory(prefix="etlgan-") as folder:
        arguments = [(rank, size, Path(folder, "meeting"), rounds, barrier, answers) for rank in range(size)]
        processes = [context.Process(target=_timed, args=each) for each in arguments]
        for process in processes:
            process.start()
        found = dict(_answer(answers, processes) for _ in processes)
        for process in processes:
            process.join()
    return [found[rank] for rank in range(size)]


def _answer(answers: Any, processes: Sequence[Any]) -> tuple[int, list[dict[str, Pace]]]:
    """The next answer; RunError, with all of them ended, once one has failed: the others would wait for it for ever."""
    while True:
        with contextlib.suppress(queue.Empty):
            rank, found = answers.get(timeout=1)
            return rank, found
        if any(process.exitcode for process in processes):
            for process in processes:
                process.terminate()
            raise RunError("a process of the measurement failed; what it said stands above")


def _timed(rank: int, size: int, meeting: Path, rounds: int, barrier: Barrier, answers: Any) -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    heap.keep()
    device = f"cuda:{rank}" if _on_gpus() else "cpu"
    world = Peers(rank, size, torch.device(device), meeting)
    engines = {
        "alone": _engine(ALONE, {"train.batch_size": _batch()}, 10, device),
        "shared": _engine(world, {"train.batch_size": _batch() * size}, 10, device),
    }
    step, found = 0, list[dict[str, Pace]]()
    for turn in range(rounds + 1):
        paces = {}
        for name in sorted(engines, reverse=turn % 2 == 1):
            for number in range(step, step + (WARM_UP if turn == 0 else 0)):
                engines[name].advance(number)
            barrier.wait()
            paces[name] = _pace(engines[name], world if name == "shared" else ALONE, step)
        step += UPDATES
        found += [paces] if turn else []  # the first turn chooses kernels
    answers.put((rank, found))
    barrier.wait()
    world.leave()


def _pace(made: Engine, world: World, step: int) -> Pace:
    """Updates as the training loop makes them."""
    wall, cpu = time.perf_counter(), time.process_time()
    for number in range(step, step + UPDATES, count := min(made.stride, UPDATES)):
        world.agreed(False)
        made.advance(number, count)
    made.read()  # waits for a GPU
    return Pace(time.perf_counter() - wall, time.process_time() - cpu)


def _on_gpus() -> bool:
    return torch.cuda.is_available()


def _batch() -> int:
    return GPU_BATCH if _on_gpus() else BATCH


def _rate(pace: Pace) -> float:
    """Images a second."""
    return _batch() * UPDATES / pace.wall


def _ratios(above: list[float], below: list[float]) -> list[float]:
    return [one / other for one, other in zip(above, below, strict=True)]


def _engine(world: World, changes: dict[str, Any], classes: int, device: str = "cpu") -> Engine:
    """On noise, in fp32: what is learnt makes no difference to the speed."""
    images = np.random.default_rng(0).integers(0, 256, (2 * classes, 32, 32)).astype(np.uint8)
    labels = np.arange(2 * classes) % classes
    return throughput.engine(changes, images, labels, classes, Resolved(device, "fp32", 1), world)


def _figure(name: str, values: list[float]) -> Figure:
    return Figure(name, statistics.median(values), min(values), max(values))


if __name__ == "__main__":
    asked = int(sys.argv[1]) if sys.argv[1:] else ROUNDS
    print(json.dumps({"figures": [each._asdict() for each in measure(asked)], "traffic": traffic()}))
