"""A source of data against what was published of it: started, watched, ended, told."""

from __future__ import annotations

from rich.text import Text
from textual.timer import Timer
from textual.widgets import ProgressBar, TabbedContent

from core.runs.meta import printable
from etlgan_tui.screens.from_source import FromSource
from etlgan_tui.sources import Opened, Overview
from etlgan_tui.verification import Verification
from etlgan_tui.widgets.lines import Lines
from etlgan_tui.widgets.table import Table

NAMED = 8  # files that are missing
WATCH_SECONDS = 0.2
HEADS = ("status", "set", "published as", "records", "checksum", "why", "file")


class Checking(FromSource):
    """A screen of one source with a tab `verify`."""

    def __init__(self, opened: Opened) -> None:
        super().__init__()
        self.source = opened
        self.overview: Overview | None = None
        self.verification: Verification | None = None
        self._watching: Timer | None = None

    def action_verify(self) -> None:
        """Start the checks, or end them where they run."""
        self.query_one(TabbedContent).active = "verify"
        if self.verification and self.verification.state == "running":
            self.verification.cancel()
            return
        if self.overview is None or not self.overview.etl:
            self.tell_checks()
            return
        table = self.query_one("#verify-table", Table)
        table.clear()
        table.focus()
        self.verification = Verification(self.source.spec)
        if self._watching:
            self._watching.stop()
        self._watching = self.set_interval(WATCH_SECONDS, self._watch)

    def _watch(self) -> None:
        found = self.verification
        if found is None:
            return
        table, bar = self.query_one("#verify-table", Table), self.query_one("#verify-bar", ProgressBar)
        ended = found.state != "running"  # before the rows are read: none is missed
        for row in found.rows[table.row_count :]:
            sum_ = "" if row.sysv is None else str(row.sysv)
            cells = (row.status, row.data_set, row.published_as or "", f"{row.records:,}", sum_, row.message, row.file)
            table.add_row(*(Text(printable(cell)) for cell in cells))
        bar.display = not ended
        bar.update(total=max(found.total, 1), progress=found.read)
        self.tell_checks()
        if ended and self._watching:
            self._watching.stop()

    def tell_checks(self, problem: str = "") -> None:
        self.query_one("#verify-told", Lines).update(problem or printable(self._checked(), keep="\n"))

    def _checked(self) -> str:
        found, overview = self.verification, self.overview
        if found is None:
            if overview is None:
                return "reading ..."
            return (
                "v reads every file and compares its size and checksum with what AIST published."
                if overview.etl
                else f"{overview.name}: sizes and checksums were published of ETL files only. "
                "Its format was checked when it was opened."
            )
        counts = {status: sum(row.status == status for row in found.rows) for status in ("ok", "differs", "unknown")}
        told = ", ".join(f"{count:,} {status}" for status, count in counts.items() if count) or "nothing yet"
        files = f"{len(found.rows):,} of {found.files:,} files: {told}"
        if found.state == "running":
            return f"{files}; v ends it"
        if found.state == "failed":
            return f"✗ {found.problem}"
        if found.state == "cancelled":
            return f"■ ended before it was done; {files}"
        missing = f"\nnot there: {some(found.missing)}"
        mark = "✗" if counts["differs"] else "✓"
        return f"{mark} {files}{missing if found.missing else ''}"


def some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:NAMED]) + f" ... ({len(names)})" * (len(names) > NAMED)
