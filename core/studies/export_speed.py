"""How fast an export is: drawing, encoding and writing together, into a folder that is removed again."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, get_args

import torch

from core.export.card import made_from
from core.export.characters import Characters
from core.export.job import carry_out
from core.export.request import Precision, Request
from core.gan.sample import Sampler
from core.rundir import RunDir

PRECISIONS: tuple[Precision, ...] = get_args(Precision)
TARGETS = {"png": 2500.0, "idx": 4000.0}  # images/s at 32 px, size XS, two CPU cores that do nothing else


class Speed(NamedTuple):
    """One format in one precision, over all rounds."""

    format: str
    precision: str
    median: float  # images/s by the clock
    highest: float
    per_cpu_second: float  # images for a second of processor time: what another program's load changes least
    target: float | None


def measure(
    run: RunDir, *, images: int, rounds: int, formats: tuple[str, ...], progress: Callable[[str, float], None]
) -> list[Speed]:
    """All cases in turn, round after round, so that another program's load falls on all alike."""
    sampler = Sampler.load(run)
    made = made_from(run, sampler.config, sampler.step)
    cases = [(name, precision) for name in formats for precision in PRECISIONS]
    rates: dict[tuple[str, Precision], list[float]] = {case: [] for case in cases}
    cpu = dict.fromkeys(cases, 0.0)
    per_char = -(-images // len(sampler.characters))
    counts = tuple((character, per_char) for character in sampler.characters)
    total = per_char * len(counts)
    for turn in range(rounds + 1):
        for name, precision in cases:
            case = name, precision
            with tempfile.TemporaryDirectory(prefix="etlgan-bench-") as folder:
                request = Request(name, counts, precision=precision, shards=-(-total // 10_000))
                start, before = time.perf_counter(), time.process_time()
                carry_out(Characters(Path(folder) / "out", sampler, request, made))
                wall, used = time.perf_counter() - start, time.process_time() - before
            if turn:  # the first one loads kernels and fills caches
                rates[case].append(total / wall)
                cpu[case] += used
                progress(" ".join(case), total / wall)
    return [
        Speed(*case, statistics.median(told), max(told), total * rounds / cpu[case], TARGETS.get(case[0]))
        for case, told in rates.items()
    ]


def threads() -> int:
    """How many CPU threads draw."""
    return torch.get_num_threads()
