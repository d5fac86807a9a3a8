"""`etlgan bench train` and `scaling`: training speed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from etlgan_tui.cli import options, terminal

SPIN = ("GOMP_SPINCOUNT", "10000")  # as the trainer has it


def train(
    rounds: Annotated[int, typer.Option(metavar="N", min=1, max=100, help="How often each is timed.")] = 7,
    as_json: options.Json = False,
) -> None:
    """Time training against the public script's arithmetic.

    The reference is etlgan's own minimal re-creation of what the public InfoGAN script computes (three passes, nearest
    upsampling, fp32, items resized by PIL one by one); all cases are timed in turn in one process. Shares are of this
    machine's matrix products, measured in the same precision, and of its memory's speed, as if every operation read and
    wrote there: above 100 % caches help.
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
    head = (
        "case",
        "median",
        "lowest",
        "highest",
        "against the script",
        "GFLOP an image",
        "of products",
        "MB an image",
        "of memory",
    )
    rows = [
        (
            *(s.name, *(f"{v:,.0f}" for v in (s.median, s.lowest, s.highest)), f"{s.ratio:.1f}x"),
            "" if s.gflop is None else f"{s.gflop:.2f}",
            "" if s.of_products is None else f"{s.of_products:.0%}",
            "" if s.megabytes is None else f"{s.megabytes:.1f}",
            "" if s.of_memory is None else f"{s.of_memory:.0%}",
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
    if plot:
        options.check_picture(plot, "--plot")
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
        terminal.tell(f"drawn: {terminal.clean(plot)}")
    if as_json:
        terminal.say_json([point._asdict() for point in points])
        return
    head = ("case", "images/s", "ms an update", "memory, MB")
    rows = [(p.name, f"{p.images_per_s:,.0f}", f"{p.milliseconds:,.1f}", f"{p.megabytes:,.0f}") for p in points]
    for text in terminal.table(head, rows, right=frozenset(head[1:])):
        terminal.say(text)
