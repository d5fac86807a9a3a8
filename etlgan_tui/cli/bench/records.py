"""`etlgan bench record` and `compare`: figures kept in a file, and two such files side by side."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from etlgan_tui.cli import options, terminal

KINDS = ("train", "scaling", "cli", "export", "data", "ui")


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
