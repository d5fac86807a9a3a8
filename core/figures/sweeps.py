"""A scatter plot for each field that a sweep varied: the objective against its values, every seed a dot."""

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from core.figures.losses import BLUE, DPI, GREY, INCHES, ORANGE
from core.rundir import write_atomic

MOST_TICKS = 8  # values of a grid that are named on the axis; of more, matplotlib chooses


class Dot(NamedTuple):
    """One run."""

    x: str  # the field's value as typed
    y: float  # the objective
    best: bool  # of the best configuration


def draw(path: Path, *, field: str, objective: str, dots: Sequence[Dot], log: bool) -> Path:
    """A PNG. Numbers stand where they belong (`log`: on a logarithmic axis), words side by side."""
    figure = Figure(figsize=INCHES, dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    values = list(dict.fromkeys(dot.x for dot in dots))
    places = _places(values)
    for best, colour, marker in ((False, BLUE, "o"), (True, ORANGE, "D")):
        chosen = [dot for dot in dots if dot.best is best]
        label = "best configuration" if best else "others"
        axes.scatter(
            [places[dot.x] for dot in chosen], [dot.y for dot in chosen], s=26, color=colour, marker=marker,
            alpha=0.8, edgecolors="none", label=label,
        )  # fmt: skip
    means = sorted((places[x], _mean([dot.y for dot in dots if dot.x == x])) for x in values)
    if len(means) < len(dots):
        axes.plot(*zip(*means, strict=True), color=GREY, linewidth=1, zorder=0, label="mean")
    if not _numeric(values):
        axes.set_xticks([places[x] for x in values], [x.replace("$", r"\$") for x in values])
        axes.set_xlim(-0.5, len(values) - 0.5)
    else:
        axes.set_xscale("log" if log else "linear")
        if len(values) <= MOST_TICKS:  # the very values, as they were typed
            axes.set_xticks([places[x] for x in values], values)
            axes.minorticks_off()
    axes.set_xlabel(field)
    axes.set_ylabel(objective)
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    axes.legend(frameon=False, fontsize=8)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    write_atomic(path, buffer.getvalue())
    return path


def _numeric(values: Sequence[str]) -> bool:
    try:
        return all(math.isfinite(float(value)) for value in values)
    except ValueError:
        return False


def _places(values: Sequence[str]) -> dict[str, float]:
    return {value: float(value) if _numeric(values) else float(at) for at, value in enumerate(values)}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
