"""Several runs in one picture: their curves over one another, their sample grids side by side."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.typing import LineStyleType

from core.figures import artists
from core.figures.grids import MOST_COLUMNS, MOST_ROWS, paper, png
from core.figures.losses import BLUE, DPI, GREEN, GREY, INCHES, ORANGE, PURPLE
from core.figures.page import Block, compose, fit
from core.figures.smoothing import smooth
from core.history import History
from core.rundir import write_atomic

PANELS = (  # column of History, title, unit
    ("d", "Discriminator loss", "loss"),
    ("g", "Generator loss", "loss"),
    ("info_cat", "Information loss, categorical", "nats"),
    ("info_con", "Information loss, continuous", "squared error, all codes"),
    ("q_fake", "Accuracy of Q on generated images", "read as the right label"),
)
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, "#56B4E9", "#E69F00", "#000000", "#F0E442")  # Okabe and Ito (2008)
DASHES: Sequence[LineStyleType] = (
    "-",
    "--",
    "-.",
    ":",
    (0, (5, 1)),
    (0, (1, 1)),
    (0, (7, 2, 1, 2, 1, 2)),
)  # no colour carries it alone
LONGEST_NAME = 40  # characters


def plot_curves(runs: Sequence[tuple[str, History]], path: Path) -> None:
    """One PNG: a panel a measure, a line a run (its smoothed course). Measures that no run has are left out."""
    shown = [panel for panel in PANELS if any(np.isfinite(_column(history, panel[0])).any() for _, history in runs)]
    high = (len(shown) + 2) // 2  # the last place is the key's
    layout = ConstrainedLayoutEngine(h_pad=0.09, w_pad=0.09)
    figure = Figure(figsize=(INCHES[0] * 2, INCHES[1] * high), dpi=DPI, layout=layout)
    FigureCanvasAgg(figure)
    grid = figure.subplots(high, 2, squeeze=False).ravel()
    for axes, (column, title, unit) in zip(grid, shown, strict=False):
        _draw(axes, [history for _, history in runs], column)
        axes.set_title(title, loc="left", fontsize=10.5, fontweight="bold")
        axes.set_ylabel(unit, fontsize=9)
    for axes in grid[len(shown) :]:
        axes.set_axis_off()
    lines = [Line2D([], [], color=_colour(n), linestyle=_dashes(n), linewidth=1.7) for n in range(len(runs))]
    artists.legend(grid[len(shown)], lines, [_short(name) for name, _ in runs], loc="upper left", points=9.0)
    if not shown:
        grid[0].text(0.5, 0.3, "no losses were reported", ha="center", color=GREY)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    write_atomic(path, buffer.getvalue())


def side_by_side(blocks: Sequence[tuple[str, np.ndarray, Sequence[str]]], path: Path, *, title: str = "") -> None:
    """One PNG of sample grids: each is (caption, (R, C, S, S) uint8 with 255 = ink, what each row shows)."""
    shown = [
        Block(images[:MOST_ROWS, :MOST_COLUMNS], rows[:MOST_ROWS] if len(rows) == len(images) else (), caption=caption)
        for caption, images, rows in blocks
    ]
    across = min(len(shown), 3)
    write_atomic(path, png(paper(compose(shown, fit(shown, across=across), title=title))))


def _draw(axes: Axes, histories: Sequence[History], column: str) -> None:
    for number, history in enumerate(histories):
        values, steps = _column(history, column), np.asarray(history.step, np.float64)
        alone = "o" if np.isfinite(values).sum() == 1 else ""
        axes.plot(steps, smooth(values), color=_colour(number), linestyle=_dashes(number), linewidth=1.5, marker=alone)
    axes.grid(visible=True, color="#E6E6E6", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8.5, length=3)
    axes.set_xlabel("training step", fontsize=9)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def _column(history: History, name: str) -> np.ndarray:
    column = np.asarray(getattr(history, name), np.float64)
    return np.where(np.isfinite(column), column, np.nan)


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _dashes(number: int) -> LineStyleType:
    return DASHES[number % len(DASHES)]
