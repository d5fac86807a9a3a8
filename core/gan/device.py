"""What `auto` means on this machine: device, precision, threads, batch. Resolved once, recorded, reused on resume."""

import os
import time
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from core.errors import RunError
from core.gan import heap
from core.settings import TrainConfig

LARGE_MEMORY = 20 << 30  # bytes of a GPU that takes the largest networks at batch 1,024


class Resolved(NamedTuple):
    """Nothing automatic left."""

    device: str  # cpu, mps, cuda:0 ...
    precision: str  # bf16 or fp32
    threads: int
    batch_size: int = 0  # images an update; 0: nobody asked


def resolve(train: TrainConfig) -> Resolved:
    """Look at the machine where the configuration says auto (device, precision) or 0 (threads, batch_size).

    With several devices: of the first of them, and threads of each process. More than there are: RunError.
    """
    threads = train.threads or max(1, min(_physical_cores(), _usable_cores()) // train.devices)
    check(train)
    device = _device(train.device)
    if device == "cpu":
        torch.set_num_threads(threads)
        heap.keep()
    precision = train.precision if train.precision != "auto" else faster_precision(device)
    return Resolved(device, precision, threads, train.batch_size or _batch_size(device, train.devices))


def check(train: TrainConfig) -> None:
    """RunError if this machine lacks what is asked for by name or number; changes nothing."""
    device = _device(train.device)
    if train.devices > 1:
        _enough(train, device)


def _batch_size(device: str, devices: int) -> int:
    """On a CPU larger batches gained no images a second and learned less from each; a GPU wants 1,024 to be busy."""
    batch = 64
    if device.startswith("cuda"):
        batch = 1024 if torch.cuda.get_device_properties(device).total_memory >= LARGE_MEMORY else 256
    return max(1, batch // devices) * devices


def _physical_cores() -> int:
    """As psutil counts them; without it (a bare GPU machine, where CPU threads matter little) the logical ones."""
    try:
        import psutil
    except ImportError:
        return os.cpu_count() or 1
    return psutil.cpu_count(logical=False) or 1


def _device(wanted: str) -> str:
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if wanted.startswith("cuda"):
        index = int(wanted.partition(":")[2] or 0)
        if index >= torch.cuda.device_count():
            raise RunError(
                f"train.device={wanted}: this machine has {torch.cuda.device_count()} CUDA devices; "
                "say train.device=cpu, or auto"
            )
        return f"cuda:{index}"
    if wanted == "mps" and not torch.backends.mps.is_available():
        raise RunError("train.device=mps: there is none here; say train.device=cpu, or auto")
    return wanted


def _enough(train: TrainConfig, device: str) -> None:
    if train.device.startswith("cuda:"):
        raise RunError(f"train.device={train.device} names one GPU, train.devices={train.devices} wants several")
    kind = device.partition(":")[0]
    there, what = {
        "cuda": (torch.cuda.device_count(), "CUDA devices"),
        "cpu": (_usable_cores(), "CPU cores"),
        "mps": (1, "MPS device"),
    }[kind]
    if train.devices > there:
        raise RunError(f"train.devices={train.devices}: this machine has {there} {what}; say train.devices={there}")


def _usable_cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def faster_precision(device: str) -> str:
    """bf16 where it is faster: known of CUDA, timed on a CPU (their names tell little), not used on MPS; else fp32."""
    if device.startswith("cuda"):
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    if device == "mps":
        return "fp32"
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        hopeless = _bf16_share(images=4, rounds=2) > 3  # where it is emulated a good look would take seconds
        return "bf16" if not hopeless and _bf16_share(images=64, rounds=5) < 0.8 else "fp32"
    finally:
        torch.set_num_threads(threads)


def _bf16_share(images: int, rounds: int) -> float:
    """Time of a convolution like the networks' own in bf16, in parts of that in fp32: the best of a few, by turns.

    By the clock of one thread, which other programs on the machine hardly change: measured with eight of them, 0.49 to
    0.54 in 12 trials, by the clock on the wall and with two threads 0.26 to 0.98. Two runs of one seed on one machine
    are to compute alike.
    """
    layers = {dtype: _layer(dtype, images) for dtype in (torch.bfloat16, torch.float32)}
    times = [{dtype: _timed(*layer) for dtype, layer in layers.items()} for _ in range(rounds)]
    return min(each[torch.bfloat16] for each in times) / min(each[torch.float32] for each in times)


def _layer(dtype: torch.dtype, images: int) -> tuple[Tensor, Tensor]:
    """Input and weights."""
    x = torch.randn(images, 64, 16, 16, dtype=dtype).contiguous(memory_format=torch.channels_last).requires_grad_()
    return x, torch.randn(64, 64, 3, 3, dtype=dtype).requires_grad_()


def _timed(x: Tensor, weight: Tensor) -> float:
    """Seconds of processor time, forward and back."""
    start = time.process_time()
    torch.autograd.grad(F.conv2d(x, weight, padding=1).sum(), (x, weight))
    return time.process_time() - start
