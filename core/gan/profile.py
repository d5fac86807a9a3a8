"""Where an update spends its time: torch's profiler around a few of them, a trace to look at and ten lines to read."""

from pathlib import Path
from typing import Any

import torch

from core.gan.engine import Engine
from core.rundir import write_atomic

AFTER = 8  # updates that are let go by first: they choose kernels and make workspaces
LINES = 10


def profiled(engine: Engine, step: int, count: int, folder: Path) -> str:
    """Run updates `step` .. `step + count - 1` under the profiler: trace.json and summary.txt; gives the summary."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    gpu = engine.device.type == "cuda"
    if gpu:
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=activities) as profile:
        engine.advance(step, count)
        if gpu:
            torch.cuda.synchronize()
    folder.mkdir(exist_ok=True)
    profile.export_chrome_trace(str(folder / "trace.json"))
    text = _summary(profile, count, gpu)
    write_atomic(folder / "summary.txt", text.encode())
    return text


def _summary(profile: Any, count: int, gpu: bool) -> str:
    """The operations that take most, each with its share, calls an update and milliseconds an update."""
    field = "self_device_time_total" if gpu else "self_cpu_time_total"
    found = sorted(profile.key_averages(), key=lambda each: -getattr(each, field))
    whole = sum(getattr(each, field) for each in found) or 1
    device = "GPU" if gpu else "CPU"
    lines = [f"{count} updates, {whole / 1000 / count:.2f} ms of {device} time each; the {LINES} largest parts:"]
    lines += [
        f"{getattr(each, field) / whole:6.1%}  {getattr(each, field) / 1000 / count:8.3f} ms  "
        f"{each.count / count:7.1f} calls  {each.key}"
        for each in found[:LINES]
    ]
    return "\n".join(lines) + "\n"
