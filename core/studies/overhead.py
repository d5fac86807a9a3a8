"""What stands in the way of training: events, pictures, checkpoints and scores at the intervals that a run has anyway,
by the loop's own clock; and how long a command takes to its first update."""

import subprocess
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from core import events, presets
from core.errors import RunError
from core.events import Step
from core.gan import clock
from core.rundir import Home
from core.studies.command import ETLGAN
from core.studies.watched import trained

STEPS = 500  # one checkpoint, five pictures, 25 reports


class Overhead(NamedTuple):
    """One run."""

    run: str
    spent: dict[str, float]  # seconds, by the names of core/gan/clock.py
    shares: dict[str, float]  # of training and all of these together
    whole: float  # their sum


def measure(home: Home, preset: str, changes: Mapping[str, Any]) -> Overhead:
    """Train `preset` for STEPS updates (unless `changes` say otherwise) and read its clock."""
    config = presets.resolve(preset, {"train.steps": STEPS, **changes})
    watched = trained(home, config, tag="bench-overhead")
    spent = watched.history.finished[-1].spent
    shares = clock.overhead(spent)
    return Overhead(watched.run.id, spent, shares, sum(shares.values()))


def first_step(
    home: Home, preset: str, changes: Mapping[str, Any], *, repeat: int, tell: Callable[[str], None]
) -> list[float]:
    """Seconds from the command to the end of its first update, by the run's events; the first try fills the cache."""
    settings = {**changes, "train.steps": 1, "train.report_every": 1}
    words = ["run", preset, *(word for name, value in settings.items() for word in ("--set", f"{name}={value}"))]
    words += ["--json", "--home", str(home.root)]
    times = []
    for _ in range(repeat + 1):
        asked = time.time()
        done = subprocess.run([*ETLGAN, *words], capture_output=True, check=False)
        if done.returncode:
            raise RunError(f"`etlgan run` failed: {done.stderr.decode(errors='replace').strip()}")
        first = next(event for event in events.decode_lines(done.stdout) if isinstance(event, Step))
        times.append(first.time - asked)
        tell(f"first update after {times[-1]:.2f} s")
    return times[1:]
