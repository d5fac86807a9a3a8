"""The pictures of a run's end, all in one call: what the trainer needs of this package."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from core.errors import EtlganError
from core.figures.grids import labelled_grid, traversal_grid
from core.figures.progress import progress_gif
from core.history import History, curves
from core.rundir import RunDir
from core.settings import RunConfig


class Drawn(NamedTuple):
    """What came of it."""

    paths: list[Path]
    problems: list[str]  # one line for each picture that could not be written


def draw_all(
    run: RunDir,
    *,
    config: RunConfig,
    rows: Sequence[str],
    grid: np.ndarray,
    traversal: np.ndarray | None = None,
    codes: Sequence[str] = (),
    classes: int | None = None,
) -> Drawn:
    """Write the run's grid, traversal, losses and progress; a picture that fails costs none of the others.

    grid (R, C, S, S) and traversal (K, R, T, S, S) are uint8, 255 = ink; `rows` are their R characters, `codes` the K
    names of what a traversal moves from -1 to 1; no codes, no picture. Curves and the steps of the sample grids come
    from the run's events, so write and flush those first. `classes` where it is not the R rows.
    Arrays that do not fit their labels: ValueError.
    """
    title = config.preset or config.data.chars
    past = cache(lambda: curves(run.events))  # read once, by the first picture that needs it

    def draw_losses() -> None:
        from core.figures.losses import plot_losses  # here, since matplotlib takes its time to load

        plot_losses(past(), run.losses, config=config, classes=classes or len(rows))

    tasks: list[tuple[Path, Callable[[], int | None]]] = [
        (run.grid, lambda: labelled_grid(grid, rows, path=run.grid, title=title)),
        (run.losses, draw_losses),
        (run.progress, lambda: draw_progress(run, past(), title=title)),
    ]
    if traversal is not None and len(codes):
        moved = traversal
        said = f"{title}  ·  each code from −1 to 1, all else kept"
        tasks.append((run.traversal, lambda: traversal_grid(moved, rows, codes, path=run.traversal, title=said)))
    return _attempt(tasks)


def _attempt(tasks: Sequence[tuple[Path, Callable[[], int | None]]]) -> Drawn:
    """Do them all; one that returns 0 had nothing to show."""
    drawn = Drawn([], [])
    for path, draw in tasks:
        try:
            if draw() != 0:
                drawn.paths.append(path)
        except (OSError, EtlganError) as error:
            drawn.problems.append(f"{path.name}: {error}")
    return drawn


def draw_progress(run: RunDir, history: History, *, title: str = "") -> int:
    """The animation of the sample grids that count; returns its frames, 0 where there is no picture to show."""
    events = [event for event in history.sampled if event.kind == "grid"]
    if not events:
        return 0
    steps = [event.step for event in events]
    seconds = np.interp(steps, [0, *history.step], [0.0, *history.seconds])
    return progress_gif(
        [(step, run.sample(step)) for step in steps],
        run.progress,
        rows=events[-1].rows,
        seconds=dict(zip(steps, seconds.tolist(), strict=True)),
        title=title,
    )
