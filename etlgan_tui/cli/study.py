"""`etlgan study`: whole tables of experiments by one command, resumable run by run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from etlgan_tui.cli import options, terminal
from etlgan_tui.cli.quick import QuickCommand, QuickGroup

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from core.studies.cells import Cell
    from core.studies.plans import Floors

app = typer.Typer(
    cls=QuickGroup, rich_markup_mode=None, no_args_is_help=True, help="Run whole tables of experiments, and judge them."
)

Only = Annotated[list[str] | None, typer.Option("--only", metavar="ROW", help="Only this row; repeatable.")]
Jobs = Annotated[int, typer.Option(metavar="N", min=1, max=64, help="Runs at once; with more than 1, a thread each.")]
Share = Annotated[float, typer.Option(metavar="X", min=1e-4, max=1, help="Share of the steps: a rehearsal.")]
PerChar = Annotated[int, typer.Option("--per-char", metavar="N", min=2, help="Images a character to judge.")]
ClassicSteps = Annotated[
    int, typer.Option("--classic-steps", metavar="N", min=0, help="At most, of classic; 0: as many as of etl.")
]
Mnist = Annotated[Path | None, typer.Option(metavar="PATH", help="Folder of MNIST's files, for its rows.")]
Kmnist = Annotated[Path | None, typer.Option(metavar="PATH", help="Folder of KMNIST's files, for its row.")]
Etl = Annotated[Path | None, typer.Option(metavar="PATH", help="Folder of ETL's files; else embedded handwriting.")]


def quality(
    only: Only = None,
    mnist: Mnist = None,
    kmnist: Kmnist = None,
    etl: Etl = None,
    jobs: Jobs = 1,
    share: Share = 1.0,
    per_char: PerChar = 500,
    as_json: options.Json = False,
    folder: options.HomeFolder = None,
) -> None:
    """The quality table: every kind of character set against its floors.

    Data is embedded handwriting as a scanner saw it, prepared; KMNIST and MNIST rows need their files.
    """
    from core.studies import plans

    cells = plans.quality(_sources(mnist=mnist, kmnist=kmnist, etl=etl), only or (), share=share)
    floors = {row: experiment.floors for row, experiment in plans.QUALITY.items()}
    _fill("quality", cells, floors, jobs=jobs, per_char=per_char, as_json=as_json, folder=folder)


def textbook(
    only: Only = None,
    mnist: Mnist = None,
    etl: Etl = None,
    jobs: Jobs = 1,
    share: Share = 1.0,
    classic_steps: ClassicSteps = 0,
    per_char: PerChar = 500,
    as_json: options.Json = False,
    folder: options.HomeFolder = None,
) -> None:
    """The text-book experiments by recipe etl, by classic, and by classic as published (softmax twice)."""
    from core.studies import plans

    cells = plans.textbook(_sources(mnist=mnist, etl=etl), only or (), share=share, classic_steps=classic_steps)
    floors = {row: experiment.floors for row, experiment in plans.TEXTBOOK.items()}
    _fill("textbook", cells, floors, jobs=jobs, per_char=per_char, as_json=as_json, folder=folder)


def ablation(
    only: Only = None,
    seeds: Annotated[int, typer.Option(metavar="N", min=1, max=100, help="How many seeds, from 0.")] = 1,
    jobs: Jobs = 1,
    share: Share = 1.0,
    per_char: PerChar = 500,
    as_json: options.Json = False,
    folder: options.HomeFolder = None,
) -> None:
    """10 hiragana with one ingredient of the recipe taken out, put in or exchanged at a time."""
    from core.studies import plans

    cells = plans.ablation(only or (), seeds=seeds, share=share)
    _fill("ablation", cells, {}, jobs=jobs, per_char=per_char, as_json=as_json, folder=folder)


for command in (quality, textbook, ablation):
    app.command(command.__name__, cls=QuickCommand)(command)


def _sources(**paths: Path | None) -> dict[str, str]:
    from core.rundir import expanded

    return {name: str(expanded(path).absolute()) for name, path in paths.items() if path is not None}


def _fill(
    study: str,
    cells: Sequence[Cell],
    floors: Mapping[str, Floors],
    *,
    jobs: int,
    per_char: int,
    as_json: bool,
    folder: Path | None,
) -> None:
    from core.errors import ConfigError
    from core.studies import page, results

    if not cells:
        raise ConfigError("nothing to do: the rows asked for need files; see --mnist and --kmnist")
    home = options.home(folder)
    done = list(results.judged(home, cells, study=study, jobs=jobs, per_char=per_char, tell=terminal.tell))
    done.sort(key=lambda result: list(cells).index(result.cell))
    written = page.write(home, study, done, floors)
    if as_json:
        terminal.say_json([page.record(result) for result in done])
    else:
        head = ("experiment", "recipe", "seeds", *(column.head for column in results.COLUMNS))
        lines = [
            (
                row,
                variant,
                str(seeds),
                *(entry.text + {True: " ok", False: " MISS", None: ""}[entry.met] for entry in entries),
            )
            for row, variant, seeds, entries in results.rows(done, floors)
        ]
        for text in terminal.table(head, lines, right=frozenset(head[2:])):
            terminal.say(text)
    terminal.tell(f"{len(done)} of {len(cells)} cells; report: {written}")
    if len(done) < len(cells):
        raise typer.Exit(1)
