"""The one way through an export: claim the folder, write the shards that are missing, then the card."""

import errno
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from core.errors import RunError
from core.export.batch import Reports
from core.export.state import Folder

Progress = Callable[[int, int], None]  # samples written, samples in all


class Job(Protocol):
    """Something that can be written shard by shard."""

    out: Path
    total: int  # samples
    shards: int
    fingerprint: str

    def span(self, shard: int) -> tuple[int, int]:
        """[first, end) of a shard's samples."""

    def written(self, shards: Sequence[int], progress: Callable[[int], None]) -> Reports:
        """Shards as soon as they are whole, each with what was counted, as JSON. `progress` takes numbers of samples
        written.
        """

    def finish(self, reports: list[dict[str, Any]]) -> None:
        """What is made of all shards, the card last."""


class Outcome(NamedTuple):
    """How far an export is."""

    written: int  # samples, by this call
    complete: bool
    missing: int  # shards that somebody else has to write


def carry_out(
    job: Job, *, only: int | None = None, resume: bool = False, force: bool = False, progress: Progress | None = None
) -> Outcome:
    """Write all shards that are not there, or only one; the last one to end writes the card.

    The disk refuses: RunError that says how to go on. A shard is written whole or again.
    """
    folder = Folder(job.out, job.fingerprint)
    written = 0
    try:
        folder.claim(resume=resume or only is not None, force=force)
        wanted = range(job.shards) if only is None else range(only, only + 1)
        todo = [] if folder.complete() else [shard for shard in wanted if not folder.done(shard)]
        goal = sum(end - first for first, end in map(job.span, todo))

        def count(samples: int) -> None:
            nonlocal written
            written += samples
            if progress:
                progress(written, goal)

        with closing(job.written(todo, count)) as shards:
            for shard, report in shards:
                folder.mark(shard, report)
        return Outcome(written, *_finished(job, folder))
    except OSError as error:
        mend = "make room there" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "mend that"
        raise RunError(
            f"{error.filename or job.out}: {error.strerror or error} after {written:,} of {job.total:,}; "
            f"{mend}, then the same command with --resume goes on"
        ) from None


def _finished(job: Job, folder: Folder) -> tuple[bool, int]:
    """Whether the export is complete, and how many shards are missing."""
    if folder.complete():
        folder.tidy()  # in case that the last process was killed between the card and this
        return True, 0
    missing = sum(not folder.done(shard) for shard in range(job.shards))
    if missing and not folder.complete():  # another process may have tidied the marks away meanwhile
        return False, missing
    with folder.alone():
        if not folder.complete():
            job.finish(folder.reports(job.shards))
        folder.tidy()
    return True, 0
