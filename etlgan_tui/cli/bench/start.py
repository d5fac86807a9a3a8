"""`etlgan bench cli`: how long commands take to start."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from etlgan_tui.cli import options, terminal


class Figure(NamedTuple):
    """One command, timed several times."""

    name: str
    best: float  # seconds
    median: float
    cpu: float  # seconds that one took of a core, mean
    limit: float | None


def cli(
    runs: Annotated[int, typer.Option(metavar="N", min=1, max=100_000, help="Runs to list.")] = 1000,
    repeat: Annotated[int, typer.Option(metavar="N", min=1, max=1000, help="How often each is timed.")] = 10,
    as_json: options.Json = False,
) -> None:
    """Time the start of commands.

    Promised are 150 ms for --help and 400 ms for ls with 1,000 runs, on a machine that does nothing else. Whole
    processes, taken in turn, so that another program's load falls on all alike; CPU time tells without that load.
    """
    from core.studies.command import ETLGAN
    from etlgan_tui.bench import paint

    with tempfile.TemporaryDirectory(prefix="etlgan-bench-") as folder:
        paint.filled(Path(folder), runs)
        commands = {
            "python": ([sys.executable, "-c", "pass"], None),
            "etlgan --help": ([*ETLGAN, "--help"], 0.150),
            f"etlgan ls ({runs:,} runs)": ([*ETLGAN, "ls", "--home", folder], 0.400),
            "etlgan presets": ([*ETLGAN, "presets"], None),
            "etlgan run --dry-run": ([*ETLGAN, "run", "--dry-run"], None),
        }
        figures = _timed(commands, repeat)
    if as_json:
        terminal.say_json([figure._asdict() for figure in figures])
    else:
        _print(figures)


def _timed(commands: dict[str, tuple[list[str], float | None]], repeat: int) -> list[Figure]:
    wall: dict[str, list[float]] = {name: [] for name in commands}
    cpu = dict.fromkeys(commands, 0.0)
    for turn in range(repeat + 1):
        for name, (command, _) in commands.items():
            start, before = time.perf_counter(), _children()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ)
            if turn:  # the first turn fills caches and the index
                wall[name].append(time.perf_counter() - start)
                cpu[name] += (_children() - before) / repeat
    return [
        Figure(name, min(taken), sorted(taken)[len(taken) // 2], cpu[name], commands[name][1])
        for name, taken in wall.items()
    ]


def _children() -> float:
    """CPU seconds of all processes that were waited for so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _print(figures: list[Figure]) -> None:
    def told(figure: Figure) -> tuple[str, ...]:
        limit = "" if figure.limit is None else f"{1000 * figure.limit:.0f} ms"
        return figure.name, *(f"{1000 * each:.0f} ms" for each in (figure.best, figure.median, figure.cpu)), limit

    head = ("command", "best", "median", "cpu", "limit")
    for text in terminal.table(head, [told(figure) for figure in figures], right=frozenset(head[1:])):
        terminal.say(text)
