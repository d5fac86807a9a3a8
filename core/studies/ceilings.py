"""What this machine could do at most, measured in seconds: matrix products and memory traffic."""

import time
from collections.abc import Callable
from typing import NamedTuple

import torch

SIDE = {"cpu": 1536, "cuda": 8192}  # of the square matrices
COPIED = {"cpu": 1 << 28, "cuda": 1 << 31}  # bytes
REPEATS = 5


class Ceilings(NamedTuple):
    """The best of a few tries."""

    products: float  # floating-point operations a second of a large matrix product, in the precision that training uses
    memory: float  # bytes a second of a copy, read and written


def measure(device: str, precision: str) -> Ceilings:
    """`device` cpu or cuda:N, precision bf16 or fp32; a CPU with as many threads as torch is set to."""
    kind = "cuda" if device.startswith("cuda") else "cpu"
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    side = SIDE[kind]
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    source = torch.empty(COPIED[kind] // 4, device=device).normal_()
    target = torch.empty_like(source)
    return Ceilings(
        products=2 * side**3 / best_seconds(lambda: a @ b, kind),
        memory=2 * COPIED[kind] / best_seconds(lambda: target.copy_(source), kind),
    )


def best_seconds(work: Callable[[], object], kind: str) -> float:
    """The fastest of a few."""
    return min(_seconds(work, kind) for _ in range(REPEATS))


def _seconds(work: Callable[[], object], kind: str) -> float:
    if kind == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    if kind == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start
