"""ETL files against what was published, in a thread, so that the screen stays alive and may end it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Literal

from core.errors import DataError
from etlgan_tui.sources import Opened

if TYPE_CHECKING:
    from core.glyphs.etl.verify import Verified


class Cancelled(Exception):  # noqa: N818  (it is no error)
    """Raised in the reading thread when the user has had enough."""


class Verification:
    """ETL files against what was published, in a thread; the screen looks at its fields now and then."""

    def __init__(self, spec: str) -> None:
        self.rows: list[Verified] = []
        self.read = self.total = 0  # bytes
        self.files = 0
        self.missing: tuple[str, ...] = ()
        self.state: Literal["running", "done", "cancelled", "failed"] = "running"
        self.problem = ""
        self.spec = spec
        self._stop = threading.Event()
        threading.Thread(target=self._run, daemon=True, name="verify").start()

    def cancel(self) -> None:
        """Ends within one piece of a file (4 MB)."""
        self._stop.set()

    def _run(self) -> None:
        try:
            self._verify()
            self.state = "done"
        except Cancelled:
            self.state = "cancelled"
        except Exception as error:  # told on the screen; the thread has nobody else to tell
            self.problem = str(error) if isinstance(error, DataError) else f"{type(error).__name__}: {error}"
            self.state = "failed"

    def _verify(self) -> None:
        from core.glyphs.etl import verify

        files = Opened(self.spec).etl_files()  # handles of its own: the screen may go on looking at pictures
        self.files, self.total = len(files), sum(file.source.size for file in files)
        for row in verify.verify(files, progress=self._count):
            self.rows.append(row)
        self.missing = tuple(verify.missing_files(files))

    def _count(self, piece: int) -> None:
        if self._stop.is_set():
            raise Cancelled
        self.read += piece
