"""What came out of a study's cells: every run judged by the whole score card, its numbers kept in its scores.json."""

import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from core.errors import EtlganError
from core.judge import whole
from core.judge.quantities import GENERATED, REAL
from core.rundir import Home, RunDir, read_json
from core.studies.cells import Cell, Tell, finished, runs_of, trained
from core.studies.plans import Floors


class Result(NamedTuple):
    """One judged run."""

    cell: Cell
    run: str
    generated: Mapping[str, float]  # by the names in core/judge/quantities.py
    real: Mapping[str, float]  # held-out real images, by the same judge


def judged(home: Home, cells: Sequence[Cell], *, study: str, jobs: int, per_char: int, tell: Tell) -> Iterator[Result]:
    """Train what is missing, judge what is not judged; each result as it comes. What cannot be judged is told."""
    for cell, run in trained(home, cells, study=study, jobs=jobs, tell=tell):
        try:
            result = read(cell, run, per_char) or _judge(cell, run, per_char, tell)
        except EtlganError as error:
            tell(f"{cell.title}: run {run.id} cannot be judged: {error}")
            continue
        tell(f"{cell.title}: {told(result)}")
        yield result


def kept(home: Home, cells: Sequence[Cell], *, per_char: int) -> list[Result]:
    """Of these cells whatever is finished and judged in this home, in their table's order, seeds in theirs. Only looks.

    A cell's newest judged run counts.
    """
    done: dict[Cell, Result] = {}
    for cell, run in runs_of(home, cells):
        if cell not in done and finished(run) and (result := read(cell, run, per_char)):
            done[cell] = result
    lines = list(dict.fromkeys((cell.row, cell.variant) for cell in cells))
    return sorted(done.values(), key=lambda each: (lines.index(each.cell[:2]), each.cell.config.seed))


def read(cell: Cell, run: RunDir, per_char: int) -> Result | None:
    """From scores.json, if it is of the run's last step and of as many images."""
    tree = read_json(run.scores)
    columns = tree.get("columns")
    if not isinstance(columns, dict) or tree.get("step") != cell.config.train.steps or tree.get("images") != per_char:
        return None
    made, real = columns.get(GENERATED), columns.get(REAL)
    if not isinstance(made, dict) or not isinstance(real, dict):
        return None
    return Result(cell, run.id, _numbers(made), _numbers(real))


def _numbers(column: Mapping[str, float | None]) -> dict[str, float]:
    return {name: math.nan if value is None else float(value) for name, value in column.items()}


def _judge(cell: Cell, run: RunDir, per_char: int, tell: Tell) -> Result:
    tell(f"{cell.title}: judging run {run.id}")
    card = whole.score_run(run, checkpoint="last", per_char=per_char)
    return Result(cell, run.id, card.columns[GENERATED], card.columns[REAL])


def told(result: Result) -> str:
    """In a line."""
    g, r = result.generated, result.real
    return (
        f"{_share(g.get('gan_test'))} read as asked (real {_share(r.get('gan_test'))}), "
        f"worst {_share(g.get('gan_test_worst'))}, GAN-train gap {_points(g.get('gan_train_gap'))}, "
        f"coverage {_plain(g.get('coverage_ratio'))}, spread {_plain(g.get('spread'))}"
    )


class Column(NamedTuple):
    """One column of a study's table."""

    head: str
    value: Callable[[Result], float]
    written: Callable[[float | None], str]
    reached: Callable[[float, Floors, float], bool] | None = None  # (mean or worst, floors, judge on real)
    of: Callable[[Iterable[float]], float] = statistics.mean


def _of(name: str, *, real: bool = False) -> Callable[[Result], float]:
    return lambda result: (result.real if real else result.generated).get(name, math.nan)


def _share(value: float | None) -> str:
    return "-" if value is None or value != value else f"{100 * value:.2f} %"


def _points(value: float | None) -> str:
    return "-" if value is None or value != value else f"{100 * value:.2f}"


def _plain(value: float | None) -> str:
    return "-" if value is None or value != value else f"{value:.2f}"


def _minutes(value: float | None) -> str:
    return "-" if value is None or value != value else f"{value / 60:.1f}"


def accurate(value: float, floors: Floors, real: float) -> bool:
    """GAN-test: the absolute floor and half a point below the judge's own; or the latter alone, as the row says."""
    if floors.below_judge is not None:
        return value >= real - floors.below_judge
    return value >= floors.accuracy and value >= real - 0.005


COLUMNS: Sequence[Column] = (
    Column("minutes", _of("seconds"), _minutes, lambda v, f, _r: v <= 60 * f.minutes, max),
    Column("judge on real", _of("gan_test", real=True), _share),
    Column("read as asked", _of("gan_test"), _share, accurate),
    Column("worst", _of("gan_test_worst"), _share, lambda v, f, _r: v >= f.worst, min),
    Column("GAN-train gap", _of("gan_train_gap"), _points, lambda v, f, _r: v <= f.gap),
    Column("coverage", _of("coverage_ratio"), _plain, lambda v, f, _r: v >= f.coverage),
    Column("memorised", _of("memorised"), _share, lambda v, f, _r: v <= f.memorised),
    Column("spread", _of("spread"), _plain),
    Column("FCD ratio", _of("fcd_ratio"), _plain, lambda v, f, _r: v <= f.distance),
    Column("KID ratio", _of("kid_ratio"), _plain, lambda v, f, _r: v <= f.distance),
    Column("slant", _of("slant_control"), _plain, lambda v, f, _r: v >= f.control),
    Column("thickness", _of("thickness_control"), _plain, lambda v, f, _r: v >= f.control),
    Column("off-diagonal", _of("off_diagonal"), _plain, lambda v, f, _r: v <= f.off_diagonal, max),
    Column("drop at ends", _of("extremes_drop"), _points, lambda v, f, _r: v <= f.drop, max),
)


class Entry(NamedTuple):
    """A cell of the table: its text, and whether the floor is reached (None: there is none)."""

    text: str
    met: bool | None


def rows(results: Sequence[Result], floors: Mapping[str, Floors]) -> list[tuple[str, str, int, list[Entry]]]:
    """(row, variant, seeds, entries) in the order of first appearance: means over seeds with their spread."""
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        groups.setdefault((result.cell.row, result.cell.variant), []).append(result)
    return [
        (
            row,
            variant,
            len(group),
            [_entry(column, group, floors.get(row) if variant == "etl" else None) for column in COLUMNS],
        )
        for (row, variant), group in groups.items()
    ]


def _entry(column: Column, group: Sequence[Result], floors: Floors | None) -> Entry:
    values = [value for result in group if (value := column.value(result)) == value]
    if not values:
        return Entry("-", None)
    value = column.of(values)
    text = column.written(value)
    if len(values) > 1 and column.of is statistics.mean:
        text += f" ±{column.written(statistics.stdev(values)).removesuffix(' %')}"
    real = statistics.mean(result.real.get("gan_test", math.nan) for result in group)
    return Entry(text, column.reached(value, floors, real) if floors and column.reached else None)
