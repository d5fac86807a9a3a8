"""What an update costs in time and memory as batch, size, classes and resolution grow: each point a process of its own.

python -P -m core.studies.scaling POINT_JSON prints one measured point; `measure` starts them one after another.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

POINTS: Mapping[str, Mapping[str, Any]] = {
    "batch 16": {"train.batch_size": 16},
    "batch 64": {},
    "batch 256": {"train.batch_size": 256},
    "size s": {"model.size": "s"},
    "size m": {"model.size": "m"},
    "46 classes": {"classes": 46},
    "3,036 classes": {"classes": 3036},
    "64 pixels": {"data.size": 64},
    "size l, 64 pixels": {"model.size": "l", "data.size": 64},
}  # each against xs, batch 64, 10 classes, 32 pixels
STEPS = 16
WARM_UP = 8
SECONDS = 600.0  # a point at most


class Point(NamedTuple):
    """One measured point."""

    name: str
    images_per_s: float
    milliseconds: float  # an update
    megabytes: (
        float  # the process's (CPU) or the device's (CUDA) highest memory, less what it had before the first update
    )


def measure(progress: Callable[[str], None] = lambda _: None) -> list[Point]:
    """Every point in turn."""
    found = []
    for name, changes in POINTS.items():
        progress(name)
        command = [sys.executable, "-P", "-m", "core.studies.scaling", json.dumps({"name": name, **changes})]
        told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=SECONDS)
        found.append(Point(**json.loads(told.stdout.splitlines()[-1])))
    return found


def point(name: str, changes: Mapping[str, Any]) -> Point:
    """In this process: noise images, the default experiment with `changes`; `classes` is how many there are."""
    import numpy as np
    import torch

    from core import presets
    from core.gan.device import resolve
    from core.studies.throughput import engine
    from core.usage import peak_memory

    changes = dict(changes)
    classes = int(changes.pop("classes", 10))
    resolved = resolve(presets.resolve("hiragana-a-ka", changes).train)
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (2 * classes, 32, 32)).astype(np.uint8)
    before = peak_memory()
    made = engine(changes, images, np.arange(2 * classes) % classes, classes, resolved)
    made.advance(0, WARM_UP)
    if resolved.device.startswith("cuda"):
        torch.cuda.synchronize()
    start = time.perf_counter()
    made.advance(WARM_UP, STEPS)
    if resolved.device.startswith("cuda"):
        torch.cuda.synchronize()
        used = float(torch.cuda.max_memory_allocated())
    else:
        used = float(peak_memory() - before)
    seconds = time.perf_counter() - start
    batch = made.config.train.batch_size
    return Point(name, STEPS * batch / seconds, 1000 * seconds / STEPS, used / 1e6)


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    print(json.dumps(point(asked.pop("name"), asked)._asdict()))
