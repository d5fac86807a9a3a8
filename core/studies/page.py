"""A study's page: the table, its OCR gains where it has any, then each run's grid, curves and film."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from core.figures.study_page import Cell as Box
from core.figures.study_page import Shown, StudyPage, Table, html
from core.rundir import Home, RunDir, write_atomic
from core.studies.gain import table as gain_table
from core.studies.gain.outcome import Outcome
from core.studies.plans import Floors
from core.studies.results import COLUMNS, Result, rows, told

NOTES = (
    "Means over seeds, ± their standard deviation; worst, minutes, off-diagonal, drop at ends: of the worst seed.",
    "The judge learns from writers of its own (embedded data) or from the training split; held-out images are seen by "
    "nothing but this table. ✓ and ✗: the row's floor is reached or missed. Minutes are of training.",
    "Gap and drop are points of accuracy; coverage, FCD and KID (Fréchet's and the kernel distance) are over those of "
    "real training images. Slant, thickness: rank correlation with their code; off-diagonal: with the other's; drop at "
    "ends: labels lost at the codes' extremes. Memorised: share nearer to a training image than the nearest 1 % of "
    "held-out ones. The codes of `classic` and `infogan` have no names: the judge names them as suits best.",
)
GAIN_NOTE = (
    "OCR gain: what a recogniser of so many real images a character reads of held-out writers, without and with what "
    "is added; points of difference with their 95 % interval, over seeds and writers: above 0 where there is a ✓."
)


class Measured(NamedTuple):
    """An OCR gain of this study, and which arm has to be above which."""

    outcome: Outcome
    wanted: tuple[str, str]


def write(
    home: Home,
    study: str,
    results: Sequence[Result],
    floors: Mapping[str, Floors],
    gains: Mapping[str, Measured] = MappingProxyType({}),
    *,
    share: float = 1.0,
) -> Path | None:
    """studies/<study>/report.html, whole or not at all; None and nothing written where there are no results.

    `share` of the steps was trained: below 1 the page says first that it is a rehearsal.
    """
    gained = _gains(gains)
    if not results and not gained.rows:
        return None
    path = home.studies / study / "report.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    head = ("experiment", "recipe", "seeds", *(column.head for column in COLUMNS))
    table = [
        [Box(row), Box(variant), Box(str(seeds)), *(Box(entry.text, entry.met) for entry in entries)]
        for row, variant, seeds, entries in rows(results, floors)
    ]
    about = f"{len(results)} runs of {home.root}"
    if share < 1:
        about = f"A REHEARSAL, in {share:.3g} of the steps: nothing here is a result. {about}"
    shown = [_shown(home, result) for result in results if result.cell.config.seed == 0]
    tables = [*([Table(head, table)] if table else []), *([gained] if gained.rows else [])]
    notes = [*(NOTES if table else ()), *([GAIN_NOTE] if gained.rows else [])]
    page = StudyPage(f"etlgan study {study}", about, tables, notes, shown)
    write_atomic(path, html(page).encode())
    return path


def _gains(gains: Mapping[str, Measured]) -> Table:
    rows = [
        [Box(row), Box(str(gained.outcome.seeds(few))), *line]
        for row, gained in gains.items()
        for few, line in zip(gained.outcome.accuracy, gain_table.lines(*gained), strict=True)
    ]
    return Table(("experiment", "seeds", *gain_table.HEAD), rows)


def record(result: Result) -> dict[str, object]:
    """One run, for scripts."""
    cell = result.cell
    return {
        "experiment": cell.row,
        "recipe": cell.variant,
        "seed": cell.config.seed,
        "run": result.run,
        "generated": dict(result.generated),
        "real": dict(result.real),
    }


def _shown(home: Home, result: Result) -> Shown:
    run = home.run(result.run)
    config = result.cell.config
    length = f"{config.train.steps:,} steps of {config.train.batch_size} images"
    return Shown(
        result.cell.title, f"run {result.run}, data {config.data.source}, {length}: {told(result)}", _pictures(run)
    )


def _pictures(run: RunDir) -> list[tuple[str, bytes]]:
    wanted = (("grid", run.grid), ("style codes", run.traversal), ("losses", run.losses), ("training", run.progress))
    return [(name, path.read_bytes()) for name, path in wanted if path.is_file()]
