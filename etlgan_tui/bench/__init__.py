"""The dashboard's promised figures, measured on this machine: `etlgan bench ui`."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from etlgan_tui.bench.follow import Streamed

RUNS = 10_000
KEYS = 40  # pressed in the playground


class Figure(NamedTuple):
    """One promise and what was measured."""

    name: str
    median: float
    worst: float
    limit: float
    unit: str
    samples: int
    cpu: float | None = None  # median CPU seconds: what it would take if nobody else used the machine

    @property
    def kept(self) -> bool:
        return self.median <= self.limit


def figures(*, runs: int = RUNS, repeat: int = 5, seconds: float = 10.0) -> Iterator[Figure]:
    """One after another, as each is measured; `seconds` of streaming for each of the two that stream."""
    from etlgan_tui.bench import follow, paint, play, stop

    with tempfile.TemporaryDirectory(prefix="etlgan-bench-ui-") as folder:
        home = paint.filled(Path(folder) / "many", runs)
        times = [paint.once(home) for _ in range(repeat + 1)][1:]  # the first makes the index and warms the disk
        yield _of(
            f"first paint, from the command ({runs:,} runs)",
            [each.command for each in times],
            1.0,
            cpu=[each.cpu for each in times],
        )
        yield _of(f"first paint, from App.run ({runs:,} runs)", [each.run for each in times], 0.3)
        yield _of("a stop reaches the trainer", stop.delays(Path(folder) / "stop", repeat), 0.5)
        typed, moved = play.delays(Path(folder) / "play", KEYS)
        yield _of("playground, from a key to the picture of a text", typed, 0.15)
        yield _of("playground, from a code to 10 characters in many hands", moved, 0.15)
        switches, streamed = follow.measured(Path(folder) / "long", switches=repeat, seconds=seconds)
        for what, opened in (("never looked at", switches.new), ("that the preview shows", switches.previewed)):
            yield _of(
                f"switch to a run with 1,000,000 values, {what}",
                [each.seconds for each in opened],
                0.6,
                cpu=[each.cpu for each in opened],
            )
        yield from _followed("1,000 values/s on top of 1,000,000", streamed)
        _, logged = follow.measured(Path(folder) / "log", switches=0, seconds=seconds, lines_per_second=50_000)
        yield from _followed("50,000 log lines/s", logged, only="lag")


def _followed(what: str, seen: Streamed, *, only: str = "") -> Iterator[Figure]:
    p99 = statistics.quantiles(seen.lags, n=100)[98]
    yield Figure(f"{what}: event loop lag, p99", p99, max(seen.lags), 0.1, "s", len(seen.lags))
    if not only:
        yield Figure(f"{what}: CPU", seen.cpu, seen.cpu, 50.0, "% of a core", 1)
        yield Figure(f"{what}: memory grown", seen.grown, seen.grown, 64.0, "MiB", 1)


def _of(name: str, measured: list[float], limit: float, *, cpu: list[float] | None = None) -> Figure:
    """All in seconds."""
    used = statistics.median(cpu) if cpu else None
    return Figure(name, statistics.median(measured), max(measured), limit, "s", len(measured), used)
