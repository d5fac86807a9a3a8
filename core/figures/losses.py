"""The curves of a run: losses of D and G, what Q learns of the label and of the codes, and how often Q is right.

Raw values are thin, their smoothed course is drawn above; each pair of curves differs in colour and in dashes.
"""

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.offsetbox import AnnotationBbox
from matplotlib.ticker import FuncFormatter, MaxNLocator

from core.figures.artists import label_box
from core.figures.smoothing import smooth
from core.history import History
from core.rundir import write_atomic
from core.settings import RunConfig

# Okabe and Ito (2008): told apart with any kind of colour vision, and in grey by their lightness.
BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#666666"

SHAPES = {1: (1, 1), 2: (1, 2), 3: (1, 3), 4: (2, 2)}  # panels -> rows and columns of axes
INCHES = 5.0, 3.5  # of one panel
DPI = 150


class Curve(NamedTuple):
    """One line of a panel."""

    label: str  # "" where the title says it all
    values: np.ndarray  # (N,) float, NaN in gaps
    colour: str
    dashes: str


class Mark(NamedTuple):
    """A level that gives the curves their meaning."""

    label: str
    value: float
    below: bool = False  # where the label stands


class Panel(NamedTuple):
    """One set of axes."""

    title: str
    unit: str
    curves: list[Curve]
    marks: list[Mark]
    share: bool = False  # values are shares, 0 .. 1, shown as per cent


def plot_losses(history: History, path: Path, *, config: RunConfig, classes: int) -> None:
    """Write the curves as one PNG. Panels without a single value are left out; no value at all is said in words."""
    steps = _column(history.step)
    panels = [panel for panel in _panels(history, config, classes) if panel.curves]
    count = max(len(panels), 1)
    high, wide = SHAPES[count]
    layout = ConstrainedLayoutEngine(h_pad=0.09, w_pad=0.09)
    figure = Figure(figsize=(INCHES[0] * wide, INCHES[1] * high), dpi=DPI, layout=layout)
    FigureCanvasAgg(figure)
    if panels:
        grid = figure.subplots(high, wide, sharex=True, squeeze=False)
        for axes, panel in zip(grid.ravel(), panels, strict=True):
            _draw(axes, steps, panel)
        _x_axis(grid, steps, config.train.batch_size)
    else:
        figure.text(0.5, 0.5, "no losses were reported", ha="center", color=GREY)
    _headline(figure, _title(config, classes))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    write_atomic(path, buffer.getvalue())


def _headline(figure: Figure, title: str) -> None:
    """A title that may hold kana; an empty one of matplotlib's keeps the room free."""
    figure.suptitle(" ", fontsize=12)
    box = label_box(title, 12.0)
    place = AnnotationBbox(box, (0.01, 0.99), xycoords="figure fraction", box_alignment=(0, 1), frameon=False, pad=0)
    figure.add_artist(place)


def _title(config: RunConfig, classes: int) -> str:
    name = config.preset or config.data.chars
    name = name if len(name) <= 40 else name[:39] + "…"
    parts = [name, f"recipe {config.recipe.name}", f"{classes:,} classes", f"batch {config.train.batch_size:,}"]
    return "  ·  ".join(parts)


def _column(values: Sequence[float | None] | np.ndarray) -> np.ndarray:
    """(N,) float, None and infinities as NaN."""
    column = np.asarray(values, np.float64)
    return np.where(np.isfinite(column), column, np.nan)


def _panels(history: History, config: RunConfig, classes: int) -> list[Panel]:
    recipe, codes = config.recipe, config.model.codes
    categorical, continuous, accuracy = [], [], []
    if not recipe.fake_targets:  # 2K-way targets have another zero
        categorical.append(Mark(f"chance: ln {classes:,} = {math.log(classes):.2f}", math.log(classes)))
    if recipe.double_softmax:
        floor = math.log(math.e + classes - 1) - 1
        categorical.append(
            Mark(f"floor of the double softmax: ln(e + {classes - 1:,}) − 1 = {floor:.2f}", floor, below=True)
        )
    if codes:
        continuous.append(Mark(f"chance: {codes}/3", codes / 3))  # variance of a code that is uniform in [-1, 1]
    accuracy.append(Mark(f"chance: {100 / classes:.3g} %", 1 / classes))
    return [
        Panel(
            "Adversarial loss",
            "loss",
            _curves(("discriminator", history.d, BLUE, "-"), ("generator", history.g, ORANGE, "--")),
            [],
        ),
        Panel("Information loss, categorical", "nats", _curves(("", history.info_cat, GREEN, "-")), categorical),
        Panel(
            "Information loss, continuous",
            "squared error, all codes",
            _curves(("", history.info_con, PURPLE, "-")),
            continuous,
        ),
        Panel(
            "Accuracy of Q",
            "read as the right label",
            _curves(("real images", history.q_real, BLUE, "-"), ("generated images", history.q_fake, ORANGE, "--")),
            accuracy,
            share=True,
        ),
    ]


def _curves(*candidates: tuple[str, Sequence[float | None] | np.ndarray, str, str]) -> list[Curve]:
    curves = [Curve(label, _column(values), colour, dashes) for label, values, colour, dashes in candidates]
    return [curve for curve in curves if np.isfinite(curve.values).any()]


def _draw(axes: Axes, steps: np.ndarray, panel: Panel) -> None:
    for curve in panel.curves:
        course = smooth(curve.values)
        alone = _alone(curve.values)
        if course is not curve.values:
            axes.plot(steps, curve.values, color=curve.colour, alpha=0.35, linewidth=0.7)
        axes.plot(steps, course, curve.dashes, color=curve.colour, linewidth=1.7, label=curve.label)
        if alone.any():
            axes.plot(steps[alone], curve.values[alone], "o", color=curve.colour, markersize=5)
    axes.set_ylim(*limits(panel))
    for mark in panel.marks:
        _mark(axes, mark)
    axes.set_title(panel.title, loc="left", fontsize=10.5, fontweight="bold")
    axes.set_ylabel(panel.unit, fontsize=9)
    if any(curve.label for curve in panel.curves):
        axes.legend(
            loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, frameon=False, fontsize=8.5, borderaxespad=0.1
        )
    if panel.share:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
    axes.grid(visible=True, color="#E6E6E6", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8.5, length=3)
    axes.spines[["top", "right"]].set_visible(False)


def _mark(axes: Axes, mark: Mark) -> None:
    """A dotted level with its name at the right."""
    axes.axhline(mark.value, color=GREY, linestyle=":", linewidth=1.1)
    axes.annotate(
        mark.label,
        (1.0, mark.value),
        xycoords=axes.get_yaxis_transform(),
        xytext=(-2, -4 if mark.below else 3),
        textcoords="offset points",
        ha="right",
        va="top" if mark.below else "bottom",
        fontsize=8,
        color="#444444",
    )


def limits(panel: Panel) -> tuple[float, float]:
    """What the y axis shows: all but the rarest spikes, with every mark and its label. Shares: always 0 .. 1."""
    if panel.share:
        return -0.02, 1.03
    raw = np.concatenate([curve.values for curve in panel.curves])
    courses = np.concatenate([smooth(curve.values) for curve in panel.curves])
    marks = [mark.value for mark in panel.marks]
    low = min(np.nanpercentile(raw, 1), np.nanmin(courses), *marks, np.inf)
    high = max(np.nanpercentile(raw, 99), np.nanmax(courses), *marks, -np.inf)
    floor = any(mark.below for mark in panel.marks)  # it says: not down to 0; so 0 has to be seen
    if 0 <= low < (1.0 if floor else 0.7) * high:
        low = 0.0
    span = max(high - low, 0.1 * abs(high), 1e-3)
    below = 0.05 if low else 0.0
    above = 0.12 if high in marks else 0.05
    return low - below * span, high + above * span


def _alone(values: np.ndarray) -> np.ndarray:
    """(N,) bool: known values between two gaps, which a line does not show."""
    known = np.isfinite(values)
    left = np.concatenate([[False], known[:-1]])
    right = np.concatenate([known[1:], [False]])
    lonely: np.ndarray = known & ~left & ~right
    return lonely


def _x_axis(grid: np.ndarray, steps: np.ndarray, batch_size: int) -> None:
    """One scale for all axes of the (rows, columns) grid; named below the lowest ones."""
    last = max(float(steps[-1]), 1.0)
    grid[0, 0].set_xlim(0, last * (1.05 if len(steps) == 1 else 1.01))
    grid[0, 0].xaxis.set_major_locator(MaxNLocator(5, integer=True))
    grid[0, 0].xaxis.set_major_formatter(FuncFormatter(lambda value, _: _count(value, last)))
    for axes in grid[-1]:
        axes.set_xlabel(f"training step ({batch_size:,} images each)", fontsize=9)


def _count(value: float, last: float) -> str:
    """12000 -> 12,000, or 12k where the axis reaches so far that full numbers would not fit."""
    return f"{value / 1000:,.6g}k" if last >= 200_000 else f"{value:,.0f}"
