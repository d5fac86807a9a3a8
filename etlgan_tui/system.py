"""The machine at a glance: GPUs, CPU, memory, disk. Without a GPU or its driver it just says nothing of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

GIB = 1 << 30


class Gpu(NamedTuple):
    """One device as the driver counts it."""

    busy: int  # per cent
    used: int  # bytes
    total: int  # bytes


class System(NamedTuple):
    """Loads in per cent, sizes in bytes."""

    cpu: float
    used: int
    total: int
    disk_free: int
    gpus: tuple[Gpu, ...] = ()


class Meter:
    """Looks at the machine. The first look at the CPU has nothing to compare with and says 0."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._before: tuple[float, float] | None = None
        self._driver: Any = None
        self._asked = False

    def read(self) -> System:
        import psutil

        folder = next(path for path in (self._folder, *self._folder.parents) if path.exists())
        memory = psutil.virtual_memory()
        free = psutil.disk_usage(str(folder)).free
        return System(self._busy(), memory.total - memory.available, memory.total, free, self._gpus())

    def _busy(self) -> float:
        """Per cent since the last look, whichever thread took it: psutil's own figure begins anew in every thread."""
        import psutil

        times = psutil.cpu_times()
        spent = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)  # user holds them already
        now = (spent, times.idle + getattr(times, "iowait", 0.0))
        before, self._before = self._before or now, now
        whole, idle = (new - old for new, old in zip(now, before, strict=True))
        return min(100.0, max(0.0, 100 * (1 - idle / whole))) if whole > 0 else 0.0

    def _gpus(self) -> tuple[Gpu, ...]:
        nvml = self._loaded()
        if nvml is None:
            return ()
        try:
            handles = [nvml.nvmlDeviceGetHandleByIndex(number) for number in range(nvml.nvmlDeviceGetCount())]
            return tuple(_gpu(nvml, handle) for handle in handles)
        except nvml.NVMLError:
            return ()

    def _loaded(self) -> Any:
        """The driver's library, None where there is none; asked once."""
        if not self._asked:
            self._asked = True
            try:
                import pynvml
            except ImportError:
                return None
            try:
                pynvml.nvmlInit()
            except pynvml.NVMLError:
                return None
            self._driver = pynvml
        return self._driver


def _gpu(nvml: Any, handle: Any) -> Gpu:
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    try:
        busy = int(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)
    except nvml.NVMLError:  # a slice of a GPU (MIG) does not tell
        busy = -1
    return Gpu(busy, int(memory.used), int(memory.total))


def line(system: System) -> str:
    """`GPU0 97 % 11/80 GiB   CPU 34 %   memory 3.1/7.8 GiB   disk 120 GiB free`."""
    parts = [
        f"GPU{number} {f'{gpu.busy} % ' if gpu.busy >= 0 else ''}{_gib(gpu.used)}/{_gib(gpu.total)} GiB"
        for number, gpu in enumerate(system.gpus)
    ]
    parts += [
        f"CPU {system.cpu:.0f} %",
        f"memory {_gib(system.used)}/{_gib(system.total)} GiB",
        f"disk {_gib(system.disk_free)} GiB free",
    ]
    return "   ".join(parts)


def _gib(size: int) -> str:
    value = size / GIB
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}"
