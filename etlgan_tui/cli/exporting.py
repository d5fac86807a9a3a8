"""`etlgan export-metrics`: a run's curves for other programs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from etlgan_tui import looks
from etlgan_tui.cli import options, terminal

if TYPE_CHECKING:
    from core.history import History


def export_metrics(
    text: options.Run,
    csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values with a header.")] = False,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="One JSON object a line.")] = False,
    parquet: Annotated[bool, typer.Option("--parquet", help="Parquet (extra: etlgan[parquet]).")] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Default: standard output (Parquet: RUN.parquet)."),
    ] = None,
    folder: options.HomeFolder = None,
) -> None:
    """Write a run's curves as CSV, JSON lines or Parquet.

    A row a report, without the seams of resumed attempts; what was not measured is empty or null.
    """
    from core import history
    from core.errors import ConfigError

    if csv + jsonl + parquet != 1:
        raise ConfigError("choose one of --csv, --jsonl, --parquet")
    if out:
        options.check_file(out)
    run = options.run(folder, text)
    told = history.curves(run.events)
    for problem in told.problems[:3]:
        terminal.tell(f"etlgan: run {run.id}: {terminal.clean(problem)}")
    columns = _columns(told)
    if parquet:
        out = out or Path(f"{run.id}.parquet")
        content = _as_parquet(columns)
    else:
        content = (_as_csv(columns) if csv else _as_jsonl(columns)).encode()
    if out is None:
        sys.stdout.write(content.decode())
        return
    from core.rundir import write_atomic

    write_atomic(out, content)
    terminal.tell(f"{looks.counted(len(columns['step']), 'row')} in {terminal.clean(out)}")


def _columns(told: History) -> dict[str, list[Any]]:
    """Equally long lists, None where nothing was measured; a score stands at the report of its step."""
    import math

    from core.history import MEASURED

    columns: dict[str, list[Any]] = {"step": list(told.step), "time": list(told.time), "seconds": list(told.seconds)}
    for name in MEASURED:
        columns[name] = [None if math.isnan(value) else value for value in getattr(told, name)]
    place = {step: row for row, step in enumerate(columns["step"])}
    for event in told.scored:
        for name, value in event.scores.items():
            column = columns.setdefault(f"score.{terminal.clean(name)}", [None] * len(columns["step"]))
            if event.step in place:
                column[place[event.step]] = value
    return columns


def _as_csv(columns: dict[str, list[Any]]) -> str:
    import csv
    import io

    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(map(_no_formula, columns))
    writer.writerows(zip(*columns.values(), strict=True))
    return buffer.getvalue()


def _no_formula(name: str) -> str:
    """A spreadsheet would compute a header that begins like a formula; names of scores come from files."""
    return f"'{name}" if name.startswith(("=", "+", "-", "@")) else name


def _as_jsonl(columns: dict[str, list[Any]]) -> str:
    import msgspec

    rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
    return "".join(msgspec.json.encode(row).decode() + "\n" for row in rows)


def _as_parquet(columns: dict[str, list[Any]]) -> bytes:
    import io

    from core.errors import EtlganError

    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        raise EtlganError("--parquet needs pyarrow: pip install 'etlgan[parquet]'; --csv and --jsonl do not") from None
    kinds = {name: arrow.int64() if name == "step" else arrow.float64() for name in columns}
    table = arrow.table({name: arrow.array(values, kinds[name]) for name, values in columns.items()})
    buffer = io.BytesIO()
    parquet.write_table(table, buffer)
    return buffer.getvalue()
