"""`etlgan bench train`, `scaling`, `record` and `compare`: training speed, and benchmarks that keep it so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from etlgan_tui.cli import options, terminal

KINDS = ("train", "scaling", "cli", "export", "data", "ui")
SPIN = ("GOMP_SPINCOUNT", "10000")  # as the trainer has it


def train(
    rounds: Annotated[int, typer.Option(metavar="N", min=1, max=100, help="How often each is timed.")] = 7,
    as_json: options.Json = False,
) -> None:
    """Time training against the public script's arithmetic.

    The reference is etlgan's own minimal re-creation of what the public InfoGAN script computes (three passes, nearest
    upsampling, fp32, items resized by PIL one by one); all cases are timed in turn in one process. The last column is
    the share of this machine's matrix products, measured in the same precision.
    """
    os.environ.setdefault(*SPIN)
    from core.studies import throughput

    measured = throughput.measure(
        rounds=rounds, progress=lambda name, rate: terminal.tell(f"{name}: {rate:,.0f} images/s")
    )
    resolved, top = measured.resolved, measured.ceilings
    if as_json:
        speeds = [speed._asdict() for speed in measured.speeds]
        terminal.say_json({"resolved": resolved._asdict(), "ceilings": top._asdict(), "speeds": speeds})
        return
    terminal.say(f"{resolved.device}, {resolved.precision}, {resolved.threads} threads; images/s over {rounds} rounds")
    terminal.say(f"ceilings: {top.products / 1e9:,.0f} GFLOP/s of products, {top.memory / 1e9:,.0f} GB/s of memory")
    head = ("case", "median", "lowest", "highest", "against the script", "GFLOP an image", "of products")
    rows = [
        (
            *(s.name, *(f"{v:,.0f}" for v in (s.median, s.lowest, s.highest)), f"{s.ratio:.1f}x"),
            "" if s.gflop is None else f"{s.gflop:.2f}",
            "" if s.of_products is None else f"{s.of_products:.0%}",
        )
        for s in measured.speeds
    ]
    for text in terminal.table(head, rows, right=frozenset(head[1:])):
        terminal.say(text)


def scaling(
    plot: Annotated[Path | None, typer.Option(metavar="FILE.png", help="Draw it too.")] = None,
    as_json: options.Json = False,
) -> None:
    """What an update costs as batch, size, classes and resolution grow."""
    os.environ.setdefault(*SPIN)
    from core.studies import scaling as study

    points = study.measure(terminal.tell)
    if plot:
        from core.figures.bars import bars

        plot.write_bytes(
            bars(
                [point.name for point in points],
                {
                    "images/s": [point.images_per_s for point in points],
                    "memory, MB": [point.megabytes for point in points],
                },
            )
        )
        terminal.tell(f"drawn: {plot}")
    if as_json:
        terminal.say_json([point._asdict() for point in points])
        return
    head = ("case", "images/s", "ms an update", "memory, MB")
    rows = [(p.name, f"{p.images_per_s:,.0f}", f"{p.milliseconds:,.1f}", f"{p.megabytes:,.0f}") for p in points]
    for text in terminal.table(head, rows, right=frozenset(head[1:])):
        terminal.say(text)


def record(
    path: Annotated[Path, typer.Argument(metavar="FILE.json", help="Where to keep the figures.")],
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="KIND", help=f"One of {', '.join(KINDS)}; repeatable.")
    ] = None,
) -> None:
    """Run the benchmarks one after another and keep their figures with machine, versions and commit."""
    from core.errors import ConfigError
    from core.studies import records

    kinds = only or list(KINDS)
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise ConfigError(f"--only {unknown[0]}: must be one of {', '.join(KINDS)}")
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"{path}: there is no folder {path.absolute().parent}")
    figures: dict[str, Any] = {}
    for kind in kinds:
        terminal.tell(f"etlgan bench {kind}")
        command = [sys.executable, "-P", "-c", "from etlgan_tui.cli import main; main()", "bench", kind, "--json"]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            terminal.tell(f"etlgan bench {kind} failed; left out")
            continue
        figures[kind] = json.loads(done.stdout)
    records.record(path, figures)
    terminal.say(f"{len(figures)} of {len(kinds)} kinds in {path}")
    if len(figures) < len(kinds):
        raise typer.Exit(1)


def compare(
    before: Annotated[Path, typer.Argument(metavar="A.json", help="A record.")],
    after: Annotated[Path, typer.Argument(metavar="B.json", help="Another one.")],
    as_json: options.Json = False,
) -> None:
    """Two records side by side, and the ratio of their figures; ranges that overlap are said to."""
    from core.studies import records

    old, new = records.read(before), records.read(after)
    changes = records.compared(old, new)
    if as_json:
        terminal.say_json([change._asdict() for change in changes])
        return
    if old.get("machine") != new.get("machine"):
        terminal.tell("the two were measured on different machines or versions")
    head = ("figure", "A", "B", "B / A", "")
    rows = [
        (
            terminal.clean(change.name),
            f"{change.before:.4g}",
            f"{change.after:.4g}",
            f"{change.after / change.before:.2f}",
            {True: "ranges overlap", False: "apart", None: ""}[change.overlap],
        )
        for change in changes
    ]
    for text in terminal.table(head, rows, right=frozenset(head[1:4])):
        terminal.say(text)
