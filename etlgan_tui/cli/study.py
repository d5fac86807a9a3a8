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
Size = Annotated[
    str, typer.Option(metavar="SIZE", help="Of every row's networks: xs, s, m, l or xl; default: the rows' own.")
]
Etl = Annotated[
    Path | None, typer.Option(metavar="PATH", help="ETL's files (textbook: ETL7, ETL8B); else embedded handwriting.")
]


def quality(
    only: Only = None,
    mnist: Mnist = None,
    kmnist: Kmnist = None,
    etl: Etl = None,
    jobs: Jobs = 1,
    share: Share = 1.0,
    size: Size = "",
    per_char: PerChar = 500,
    as_json: options.Json = False,
    folder: options.HomeFolder = None,
) -> None:
    """The quality table: every kind of character set against its floors.

    Data is embedded handwriting as a scanner saw it, prepared; KMNIST and MNIST rows need their files. With --size the
    page is that of a study of its own, such as quality-s.
    """
    from core.studies import plans

    size = size.strip().lower()
    sources = _sources(mnist=mnist, kmnist=kmnist, etl=etl)
    cells, whole = (plans.quality(sources, rows, share=share, size=size) for rows in (only or (), ()))
    floors = {row: experiment.floors for row, experiment in plans.QUALITY.items()}
    study = f"quality-{size}" if size else "quality"
    _fill(study, cells, whole, floors, jobs=jobs, per_char=per_char, as_json=as_json, folder=folder)


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

    sources = _sources(mnist=mnist, etl=etl)
    cells, whole = (
        plans.textbook(sources, rows, share=share, classic_steps=classic_steps) for rows in (only or (), ())
    )
    floors = {row: experiment.floors for row, experiment in plans.TEXTBOOK.items()}
    _fill("textbook", cells, whole, floors, jobs=jobs, per_char=per_char, as_json=as_json, folder=folder)


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
    whole = plans.ablation(seeds=plans.MOST_SEEDS, share=share)
    _fill("ablation", cells, whole, {}, jobs=jobs, per_char=per_char, as_json=as_json, folder=folder)


for command in (quality, textbook, ablation):
    app.command(command.__name__, cls=QuickCommand)(command)


def _sources(**paths: Path | None) -> dict[str, str]:
    """Absolute paths by kind, of those that were given. One that holds no such data: ConfigError, before any run."""
    from core.errors import ConfigError, DataError
    from core.glyphs.sets.spec import parse
    from core.glyphs.sources import open_source
    from core.settings import DataConfig

    found = {}
    for kind, given in paths.items():
        if given is None:
            continue
        places = [path.absolute() for path in parse(f"{kind}:{given}")[1]]
        if missing := [path for path in places if not path.exists()]:
            raise ConfigError(f"--{kind} {missing[0]}: there is no such file or folder")
        found[kind] = ",".join(map(str, places))
        try:
            open_source(DataConfig(source=f"{kind}:{found[kind]}"))
        except DataError as error:
            raise ConfigError(f"--{kind} {error}") from None
    return found


def _fill(
    study: str,
    cells: Sequence[Cell],
    whole: Sequence[Cell],
    floors: Mapping[str, Floors],
    *,
    jobs: int,
    per_char: int,
    as_json: bool,
    folder: Path | None,
) -> None:
    """Train and judge `cells` and print their table. The page holds all of `whole`, the study's cells under the same
    settings, that is finished and judged, by whichever call, and also where this one is interrupted.
    """
    from core.errors import ConfigError
    from core.studies import page, results

    if not cells:
        raise ConfigError("nothing to do: the rows asked for need files; see --mnist and --kmnist")
    home = options.home(folder)
    try:
        done = list(results.judged(home, cells, study=study, jobs=jobs, per_char=per_char, tell=terminal.tell))
    finally:
        shown = results.kept(home, whole, per_char=per_char)
        written = page.write(home, study, shown, floors)
    done.sort(key=lambda result: list(cells).index(result.cell))
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
    report = f"report of all {len(shown)} that are there: {written}" if written else "no report"
    terminal.tell(f"{len(done)} of {len(cells)} cells; {report}")
    if len(done) < len(cells):
        raise typer.Exit(1)
