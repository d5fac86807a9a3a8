"""The plots of a score card's page: how often each character is read as asked, and what it is taken for. matplotlib."""

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter

from core.figures.artists import label_axis, legend
from core.figures.gain import MOST
from core.figures.losses import BLUE, GREY, ORANGE

DPI = 120
MOST_CHARACTERS = 60  # of the accuracy plot, the worst of them
MOST_CONFUSED = 100  # classes of the confusion plot


def accuracy_plot(characters: Sequence[str], made: np.ndarray, real: np.ndarray) -> bytes:
    """PNG of shares (K,) 0 .. 1 of each character, generated and real, worst generated first; nan: not drawn."""
    order = np.argsort(np.where(np.isnan(made), 2, made), kind="stable")[:MOST_CHARACTERS]
    places = np.arange(len(order))
    figure = _figure(max(5.0, 1.2 + 0.2 * len(order)), 3.2)
    axes = figure.subplots()
    lines = [
        axes.plot(places, 100 * values[order], marker, color=colour, markersize=size, mfc=inside, clip_on=False)[0]
        for values, marker, colour, size, inside in ((real, "D", BLUE, 8.5, "none"), (made, "o", ORANGE, 5, ORANGE))
    ]
    label_axis(axes, [characters[i] for i in order], axis="x", points=11)
    axes.set_ylabel("read as asked")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
    low = np.nanmin([made[order], real[order]])
    axes.set_ylim(max(0.0, 100 * low - 0.15 * (100 - 100 * low) - 0.5), 100)
    axes.set_xlim(-0.7, len(order) - 0.3)
    axes.grid(axis="y", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    legend(axes, lines, ["held-out real", "generated"], loc="lower right")
    return _png(figure)


def confusion_plot(characters: Sequence[str], counts: np.ndarray) -> bytes:
    """PNG of (K, K) counts, asked by read: the share of each asked character that is taken for another one."""
    kept = _most_confused(counts)
    shares = 100 * counts / np.maximum(counts.sum(1, keepdims=True), 1)
    np.fill_diagonal(shares, np.nan)
    shown = shares[np.ix_(kept, kept)]
    side = max(4.0, 1.4 + 0.14 * len(kept)) if len(kept) > 12 else 4.2
    figure = _figure(side + 0.8, side)
    axes = figure.subplots()
    highest = max(1.0, float(np.nanmax(shown, initial=0.0)))
    picture = axes.imshow(shown, cmap="Oranges", vmin=0, vmax=highest)
    axes.set_facecolor("#e8e8e8")
    if len(kept) <= 12:
        for row, column in np.argwhere(np.nan_to_num(shown) > 0):
            value = shown[row, column]
            colour = "white" if value > 0.6 * highest else "black"
            axes.text(column, row, f"{value:.2g}", ha="center", va="center", fontsize=8, color=colour)
    names = [characters[i] for i in kept]
    points = 11 if len(kept) <= 12 else 8
    label_axis(axes, names, axis="x", points=points)
    label_axis(axes, names, axis="y", points=points)
    axes.set_xlabel("read as", labelpad=1.6 * points)
    axes.set_ylabel("asked for", labelpad=1.6 * points)
    figure.colorbar(picture, ax=axes, shrink=0.8).set_label("% of what was asked for")
    return _png(figure)


def gain_plot(real: Sequence[int], gain: Sequence[float], low: Sequence[float], high: Sequence[float]) -> bytes:
    """PNG: points that generated images add to a recogniser, by real images a character, with intervals."""
    figure = _figure(5.0, 3.0)
    axes = figure.subplots()
    places = np.arange(len(real))
    middle = 100 * np.asarray(gain)
    reach = [middle - 100 * np.asarray(low), 100 * np.asarray(high) - middle]
    axes.axhline(0, color=GREY, linewidth=1)
    axes.errorbar(places, middle, yerr=np.maximum(reach, 0), fmt="o", color=ORANGE, capsize=4)
    axes.set_xticks(places, ["all" if count > MOST else f"{count:,}" for count in real])
    axes.set_xlabel("real images a character")
    axes.set_ylabel("gain, points")
    axes.spines[["top", "right"]].set_visible(False)
    return _png(figure)


def _most_confused(counts: np.ndarray) -> np.ndarray:
    """All classes, or those with the most confusions, in their order."""
    wrong = counts.sum(0) + counts.sum(1) - 2 * np.diag(counts)
    return np.sort(np.argsort(-wrong, kind="stable")[:MOST_CONFUSED])


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), dpi=DPI, layout=ConstrainedLayoutEngine(h_pad=0.08, w_pad=0.08))
    FigureCanvasAgg(figure)
    return figure


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
