"""What training takes of the machine: a thread beside it that writes a line about every two seconds; and its history.

A file of its own keeps `events.jsonl` the same for the same seed. One look is some 50 microseconds of CPU time, a GPU
asked too about a millisecond: less than one part in a thousand.
"""

from __future__ import annotations  # array[int] is no expression before Python 3.12

import contextlib
import math
import os
import resource
import sys
import threading
import time
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from core import events
from core.events import AnyEvent, Usage
from core.rundir import append_line

MEASURED = ("cpu", "memory", "gpu", "gpu_memory")  # the columns of UsageHistory
GIB = 1 << 30
SECONDS = 2.0  # between two lines
_STATM = Path("/proc/self/statm")


class Load(NamedTuple):
    """Of one GPU; None: it does not tell."""

    busy: float | None  # per cent
    memory: int | None  # bytes used


NOTHING = Load(None, None)


def peak_memory() -> int:
    """Bytes that this process held at most so far."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024


@contextlib.contextmanager
def recorded(path: Path, *, step: Callable[[], int], gpu: str = "", seconds: float = SECONDS) -> Iterator[None]:
    """While the body runs, append what this process takes. `gpu` is the device's UUID, "" for none.

    Recording never disturbs training: a disk that is full costs the lines, nothing else.
    """
    ended = threading.Event()
    thread = threading.Thread(target=_record, args=(path, step, gpu, seconds, ended), daemon=True, name="usage")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=1.0)  # a driver may hang: that is no reason to wait with the last word


def _record(path: Path, step: Callable[[], int], gpu: str, seconds: float, ended: threading.Event) -> None:
    """A line whenever there were new steps, so that steps increase within an attempt."""
    ask, last = _gpu(gpu), -1
    before = time.perf_counter(), time.process_time()
    while not ended.wait(seconds):
        reached = step()
        if reached <= last:
            continue
        now = time.perf_counter(), time.process_time()
        cpu = 100 * (now[1] - before[1]) / (now[0] - before[0])
        load = ask()
        line = Usage(
            step=reached, time=time.time(), cpu=round(cpu, 1), memory=_resident(), gpu=load.busy, gpu_memory=load.memory
        )
        with contextlib.suppress(OSError):
            append_line(path, events.encode(line))
        last, before = reached, now


def _resident() -> int:
    """Bytes of this process in memory."""
    try:
        return int(_STATM.read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # not Linux
        import psutil

        return int(psutil.Process().memory_info().rss)


def _gpu(uuid: str) -> Callable[[], Load]:
    """How to ask the driver for the device; without device or driver the answer is NOTHING."""
    if not uuid:
        return lambda: NOTHING
    try:
        import pynvml
    except ImportError:
        return lambda: NOTHING
    handle = _handle(pynvml, uuid)
    if handle is None:
        return lambda: NOTHING
    return lambda: Load(
        _answer(pynvml, lambda: float(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu)),
        _answer(pynvml, lambda: int(pynvml.nvmlDeviceGetMemoryInfo(handle).used)),
    )


def _handle(nvml: Any, uuid: str) -> Any:
    """A whole device or a slice of one (MIG)."""
    if _answer(nvml, lambda: nvml.nvmlInit() or True) is None:
        return None
    names = [uuid] if uuid.startswith(("GPU-", "MIG-")) else [f"GPU-{uuid}", f"MIG-{uuid}"]
    handles = (_answer(nvml, partial(nvml.nvmlDeviceGetHandleByUUID, name)) for name in names)
    return next((handle for handle in handles if handle is not None), None)


def _answer(nvml: Any, question: Callable[[], Any]) -> Any:
    """None for what the driver does not know or does not allow."""
    try:
        return question()
    except nvml.NVMLError:
        return None


@dataclass
class UsageHistory:
    """Equally long columns by increasing step; what a resumed attempt did again replaces what was said before."""

    step: array[int] = field(default_factory=lambda: array("q"))
    cpu: array[float] = field(default_factory=lambda: array("d"))  # per cent of one core
    memory: array[float] = field(default_factory=lambda: array("d"))  # GiB, of the trainer
    gpu: array[float] = field(default_factory=lambda: array("d"))  # per cent; nan: none, or it does not tell
    gpu_memory: array[float] = field(default_factory=lambda: array("d"))  # GiB, of all programs on the device
    cuts: int = 0  # how often the past was replaced

    def add(self, batch: Iterable[AnyEvent]) -> None:
        """Fold in the next lines of the file, in order."""
        for event in batch:
            if isinstance(event, Usage):
                self._cut(event.step)
                self.step.append(event.step)
                self.cpu.append(event.cpu)
                self.memory.append(event.memory / GIB)
                self.gpu.append(math.nan if event.gpu is None else event.gpu)
                self.gpu_memory.append(math.nan if event.gpu_memory is None else event.gpu_memory / GIB)

    def _cut(self, step: int) -> None:
        """Drop what is at or past `step`."""
        if self.step and step <= self.step[-1]:
            self.cuts += 1
            length = bisect_left(self.step, step)
            for name in ("step", *MEASURED):
                del getattr(self, name)[length:]
