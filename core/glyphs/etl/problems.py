"""What was wrong with the data but could be stepped over, as rows to be shown."""

from typing import NamedTuple


class Problem(NamedTuple):
    """One thing that was stepped over; with `strict` it stops the reading instead."""

    file: str
    record: int | None  # counted from 0, the dummy record included
    message: str
    harmless: bool = False  # nothing is missing and nothing is doubtful

    def __str__(self) -> str:
        place = self.file if self.record is None else f"{self.file}, record {self.record}"
        return f"{place}: {self.message}"
