"""`etlgan bench record`, `figures` and `compare`: figures kept in a file, and two such files side by side."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from etlgan_tui.cli import options, terminal

# Each with what it is asked and about how many minutes it takes on two CPU cores. In this order: exports are drawn by
# the run that `overhead` leaves.
KINDS: dict[str, tuple[list[str], float]] = {
    "train": (["train"], 4),
    "overhead": (["overhead"], 2),
    "export": (["export"], 2),
    "cli": (["cli"], 0.5),
    "scaling": (["scaling"], 1),
    "devices": (["devices"], 4),
    "quality-10": (["quality", "hiragana-a-ka", "--floor"], 10),
    "quality-46": (["quality", "hiragana", "--seeds", "1"], 6),
    "data": (["data", "--files", "4"], 2),
    "ui": (["ui", "--repeat", "3", "--seconds", "5"], 2),
}


def record(
    path: Annotated[Path, typer.Argument(metavar="FILE.json", help="Where to keep the figures.")],
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="KIND", help=f"One of {', '.join(KINDS)}; repeatable.")
    ] = None,
) -> None:
    """Run the benchmarks one after another and keep their figures with machine, versions and commit.

    The file is written after each, so that what is done is kept. At the end the figures that are promised are told
    beside what was measured. Runs that the benchmarks train are made in a temporary home.
    """
    from core.errors import ConfigError
    from core.studies import records
    from core.studies.command import ETLGAN

    kinds = only or list(KINDS)
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise ConfigError(f"--only {unknown[0]}: must be one of {', '.join(KINDS)}")
    options.check_file(path, "FILE")
    terminal.tell(f"about {sum(KINDS[kind][1] for kind in kinds):g} minutes on two cores that do nothing else")
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="etlgan-bench-") as home:
        for kind in kinds:
            asked, minutes = KINDS[kind]
            terminal.tell(f"etlgan bench {' '.join(asked)} (about {minutes:g} min)")
            command = [*ETLGAN, "bench", *asked, "--json"]
            start = time.monotonic()
            environment = os.environ | {"ETLGAN_HOME": home}
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, env=environment)
            if done.returncode:
                terminal.tell(f"etlgan bench {kind} failed; left out")
                continue
            found[kind] = json.loads(done.stdout)
            terminal.tell(f"{kind}: {(time.monotonic() - start) / 60:.1f} min")
            records.record(path, found)
    _print_promises(found)
    terminal.say(f"{len(found)} of {len(kinds)} kinds in {terminal.clean(path)}")
    if len(found) < len(kinds):
        raise typer.Exit(1)


def figures(
    path: Annotated[Path, typer.Argument(metavar="FILE.json", help="A record.")],
    as_json: options.Json = False,
) -> None:
    """Show the figures that are promised beside what a record says."""
    from core.studies import promises, records

    found = records.read(path)["figures"]
    if as_json:
        terminal.say_json([line._asdict() for line in promises.lines(found)])
    else:
        _print_promises(found)


def _print_promises(found: dict[str, Any]) -> None:
    from core.studies import promises

    rows = [(*line[:3], "" if not line.promised else "yes" if line.kept else "NO") for line in promises.lines(found)]
    for text in terminal.table(("figure", "measured", "promised", "kept"), rows, right=frozenset({"measured"})):
        terminal.say(text)


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
