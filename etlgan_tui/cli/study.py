"""`etlgan study`: whole tables of experiments by one command, resumable run by run."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from etlgan_tui.cli import following, options, terminal
from etlgan_tui.cli.quick import QuickCommand, QuickGroup

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from core.rundir import Home
    from core.studies.cells import Cell
    from core.studies.gain.outcome import Outcome
    from core.studies.plans import Floors, GainRow
    from core.studies.results import Result

app = typer.Typer(
    cls=QuickGroup, rich_markup_mode=None, no_args_is_help=True, help="Run whole tables of experiments, and judge them."
)

Only = Annotated[list[str] | None, typer.Option("--only", metavar="ROW", help="Only this row; repeatable.")]
Jobs = Annotated[int, typer.Option(metavar="N", min=1, max=64, help="Runs at once; with more than 1, a thread each.")]
Share = Annotated[float, typer.Option(metavar="X", min=1e-4, max=1, help="Share of the steps: a rehearsal.")]
PerChar = Annotated[
    int, typer.Option("--per-char", metavar="N", min=2, max=10_000, help="Images a character to judge.")
]
ClassicSteps = Annotated[
    int, typer.Option("--classic-steps", metavar="N", min=0, help="At most, of classic and infogan; 0: all.")
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
    """The quality table: every kind of character set against its floors, and two OCR gains.

    Data is embedded handwriting as a scanner saw it, prepared; KMNIST and MNIST rows need their files. With --size the
    page is that of a study of its own, such as quality-s.
    """
    from core.studies import plans

    size = size.strip().lower()
    sources = _sources(mnist=mnist, kmnist=kmnist, etl=etl)
    cells, whole = (plans.quality(sources, rows, share=share, size=size) for rows in (only or (), ()))
    gains, all_gains = (plans.gains(rows, share=share, size=size) for rows in (only or (), ()))
    study = _Study(
        f"quality-{size}" if size else "quality",
        cells,
        whole,
        {row: experiment.floors for row, experiment in plans.QUALITY.items()},
        gains,
        all_gains,
        share,
    )
    _fill(study, jobs=jobs, per_char=per_char, as_json=as_json, folder=folder)


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
    """The text-book experiments by recipe etl, by classic, and by classic as published (softmax twice); digits also by
    infogan, the paper's own networks.
    """
    from core.studies import plans

    sources = _sources(mnist=mnist, etl=etl)
    cells, whole = (
        plans.textbook(sources, rows, share=share, classic_steps=classic_steps) for rows in (only or (), ())
    )
    floors = {row: experiment.floors for row, experiment in plans.TEXTBOOK.items()}
    _fill(
        _Study("textbook", cells, whole, floors, share=share),
        jobs=jobs,
        per_char=per_char,
        as_json=as_json,
        folder=folder,
    )


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
    _fill(
        _Study("ablation", cells, whole, {}, share=share), jobs=jobs, per_char=per_char, as_json=as_json, folder=folder
    )


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


class _Study(NamedTuple):
    """What one call is asked for, and what the study's page may hold."""

    name: str
    cells: Sequence[Cell]
    whole: Sequence[Cell]  # of the study, under the same settings
    floors: Mapping[str, Floors]
    gains: Mapping[str, GainRow] = MappingProxyType({})
    all_gains: Mapping[str, GainRow] = MappingProxyType({})
    share: float = 1.0  # of the steps


def _fill(study: _Study, *, jobs: int, per_char: int, as_json: bool, folder: Path | None) -> None:
    """Train and judge what is asked for and print its table. The page holds all of the study that is finished and
    judged, by whichever call, and also where this one is interrupted.
    """
    from core.errors import ConfigError
    from core.studies import page, results
    from core.studies.gain import kept

    cells = study.cells
    if not cells and not study.gains:
        raise ConfigError("nothing to do: the rows asked for need files; see --mnist and --kmnist")
    home = options.home(folder)
    try:
        with following.sigterm_interrupts():
            done = list(results.judged(home, cells, study=study.name, jobs=jobs, per_char=per_char, tell=terminal.tell))
            gained = _gained(home, study, jobs)
    finally:
        shown = results.kept(home, study.whole, per_char=per_char)
        measured = {
            row: page.Measured(kept.measured(home, asked.plan), asked.wanted) for row, asked in study.all_gains.items()
        }
        written = page.write(home, study.name, shown, study.floors, measured, share=study.share)
    done.sort(key=lambda result: list(cells).index(result.cell))
    _print(study, done, gained, as_json=as_json)
    count = len(shown) + sum(len(gain.outcome.accuracy) for gain in measured.values())
    report = f"report of all {count} that are there: {written}" if written else "no report"
    there, asked = len(done) + len(gained), len(cells) + len(study.gains)
    terminal.tell(f"{there} of {asked} cells; {report}")
    if there < asked:
        raise typer.Exit(1)


def _print(study: _Study, done: Sequence[Result], gained: Mapping[str, Outcome], *, as_json: bool) -> None:
    """The table of runs against their floors, and that of OCR gains."""
    from core.studies import page, results
    from core.studies.gain import table

    if as_json:
        gains = [{"experiment": row, **table.record(outcome)} for row, outcome in gained.items()]
        terminal.say_json([*map(page.record, done), *gains])
        return
    head = ("experiment", "recipe", "seeds", *(column.head for column in results.COLUMNS))
    runs = [
        (row, variant, str(seeds), *map(_marked, entries))
        for row, variant, seeds, entries in results.rows(done, study.floors)
    ]
    lines = [
        (row, *map(_marked, line))
        for row, outcome in gained.items()
        for line in table.lines(outcome, study.gains[row].wanted)
    ]
    for titles, texts in ((head, runs), (("experiment", *table.HEAD), lines)):
        right = frozenset(titles) - {"experiment", "recipe"}
        for text in terminal.table(titles, texts, right=right) if texts else ():
            terminal.say(text)


def _gained(home: Home, study: _Study, jobs: int) -> dict[str, Outcome]:
    """Each OCR gain asked for that could be finished; of the others, why not is told."""
    from core.errors import EtlganError
    from core.studies.gain.study import run

    found = {}
    for row, asked in study.gains.items():
        try:
            found[row], _ = run(home, asked.plan, jobs=jobs, tell=terminal.tell)
        except EtlganError as error:
            terminal.tell(terminal.clean(f"{row}: {error}; left out"))
    return found


def _marked(entry: tuple[str, bool | None]) -> str:
    return entry[0] + {True: " ok", False: " MISS", None: ""}[entry[1]]
