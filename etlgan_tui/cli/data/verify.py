"""`etlgan data verify`: is every ETL file what AIST published?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from etlgan_tui.cli import options as shared
from etlgan_tui.cli import terminal
from etlgan_tui.cli.data import options
from etlgan_tui.cli.data.bar import progress_bar

if TYPE_CHECKING:
    from core.glyphs.etl.verify import Verified

_FAILED = 1


def verify(
    source: options.Source,
    bsd: Annotated[bool, typer.Option("--bsd", help="The slower BSD checksum too.")] = False,
    as_json: shared.Json = False,
) -> None:
    """Check ETL files against what AIST published.

    Sizes, record counts and checksums, file by file.

    The exit code is 1 where a file differs or cannot be read, else 0; unknown is a file of which nothing was
    published.
    """
    from core.glyphs.etl import verify as verifying

    etl = options.etl_source(options.data_config(source), "verified").etl
    rows: list[Verified] = []
    with progress_bar("verified") as progress:
        for row in verifying.verify(etl.files, bsd=bsd):
            rows.append(row)
            progress(len(rows), len(etl.files))
    files = {row.file for row in rows}
    others = [problem for problem in etl.problems if problem.file not in files]  # of the rest the table speaks
    missing = verifying.missing_files(etl.files)
    if as_json:
        terminal.say_json({"files": [row._asdict() for row in rows], "missing": missing,
                           "problems": [str(problem) for problem in others]})  # fmt: skip
    else:
        _print(rows, missing)
    options.tell_problems([str(problem) for problem in others])
    if not all(problem.harmless for problem in others) or any(row.status == "differs" for row in rows):
        raise typer.Exit(_FAILED)


def _print(rows: list[Verified], missing: list[str]) -> None:
    head: tuple[str, ...] = ("status", "set", "published as", "records", "sysv", "bsd", "why", "file")
    cells: list[tuple[str, ...]] = [
        (row.status, row.data_set, row.published_as or "-", f"{row.records:,}", _sum(row.sysv), _sum(row.bsd),
         terminal.clean(row.message), terminal.clean(row.file))
        for row in rows
    ]  # fmt: skip
    if not any(row.bsd is not None for row in rows):
        head, cells = _without(head, cells, head.index("bsd"))
    for line in terminal.table(head, cells, right=frozenset(("records", "sysv", "bsd")), give="file"):
        terminal.say(line)
    counts = {status: sum(row.status == status for row in rows) for status in ("ok", "differs", "unknown")}
    told = ", ".join(f"{count:,} {status}" for status, count in counts.items() if count)
    terminal.say(f"{len(rows):,} files: {told}")
    if missing:
        terminal.say(f"not there: {', '.join(missing[:8])}" + f" ... ({len(missing)})" * (len(missing) > 8))


def _without(
    head: tuple[str, ...], cells: list[tuple[str, ...]], at: int
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    return head[:at] + head[at + 1 :], [line[:at] + line[at + 1 :] for line in cells]


def _sum(value: int | None) -> str:
    return "-" if value is None else str(value)
