"""The newest sample grid of a run, for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from core.events import Sampled
    from core.rundir import RunDir


def cells(run: RunDir, sampled: Sampled | None) -> NDArray[np.uint8] | None:
    """(R, C, S, S) uint8, 255 = ink; None where it is no bare mosaic or none of this run. Damaged: DataError."""
    from etlgan_tui import pictures

    if sampled is None:
        return None
    path = run.inside(sampled.path)
    if path is None or not path.is_file():
        return None
    return pictures.cells(pictures.load(path), rows=len(sampled.rows))


def strip(run: RunDir, sampled: Sampled, *, columns: int, lines: int) -> list[str]:
    """A sample or more of every class in so much room; [] where that cannot be."""
    from core.errors import DataError
    from etlgan_tui import pictures

    try:
        found = cells(run, sampled)
    except DataError:  # half-written, perhaps: the next one will do
        return []
    return [] if found is None else pictures.braille_strip(found, columns=columns, lines=lines)


def final(run: RunDir, sampled: Sampled | None, *, columns: int) -> list[str]:
    """The last samples, one row a class; the final page where they are no bare mosaic. Damaged: DataError."""
    from etlgan_tui import pictures

    found = cells(run, sampled)
    if found is not None:
        return pictures.braille_grid(found, columns=columns)
    if run.grid.exists():
        return pictures.braille(pictures.trimmed(pictures.load(run.grid)), columns=columns)
    return []
