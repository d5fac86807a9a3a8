"""How fast an export is: drawing, encoding and writing together, into folders that are removed at the end.

Not sooner: ext4 looks through what was deleted in the last minutes for each file that it makes, which took four times
as long as anything else of the file. Nobody exports into a place where ten thousand files have just been deleted.
"""

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch

from core.export.card import made_from
from core.export.characters import Characters
from core.export.job import carry_out
from core.export.request import Precision, Request
from core.gan.device import faster_precision
from core.gan.sample import Sampler
from core.rundir import RunDir

TARGETS = {"png": 2500.0, "idx": 4000.0}  # images/s at 32 px, size XS, two CPU cores that do nothing else


class Speed(NamedTuple):
    """One format in one precision, over all rounds."""

    format: str
    precision: str
    median: float  # images/s by the clock
    highest: float
    per_cpu_second: float  # images for a second of processor time: what another program's load changes least
    target: float | None


def precisions(sampler: Sampler) -> tuple[Precision, ...]:
    """fp32, and bf16 where that is faster: emulated it would take ten times as long."""
    return ("fp32", "bf16") if faster_precision(str(sampler.device)) == "bf16" else ("fp32",)


def measure(
    run: RunDir, *, images: int, rounds: int, formats: tuple[str, ...], progress: Callable[[str, float], None]
) -> list[Speed]:
    """All cases in turn, round after round, so that another program's load falls on all alike."""
    sampler = Sampler.load(run)
    made = made_from(run, sampler.config, sampler.step)
    cases = [(name, precision) for name in formats for precision in precisions(sampler)]
    rates: dict[tuple[str, Precision], list[float]] = {case: [] for case in cases}
    cpu = dict.fromkeys(cases, 0.0)
    per_char = -(-images // len(sampler.characters))
    counts = tuple((character, per_char) for character in sampler.characters)
    total = per_char * len(counts)
    with tempfile.TemporaryDirectory(prefix="etlgan-bench-") as folder:
        for turn, case in itertools.product(range(rounds + 1), cases):
            name, precision = case
            request = Request(name, counts, precision=precision, shards=-(-total // 10_000))
            out = Path(folder) / f"{turn}-{name}-{precision}"
            start, before = time.perf_counter(), time.process_time()
            carry_out(Characters(out, sampler, request, made))
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
