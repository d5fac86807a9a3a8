"""A figure of horizontal bars: one panel a quantity, one bar a case."""

import io
from collections.abc import Mapping, Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def bars(names: Sequence[str], panels: Mapping[str, Sequence[float]]) -> bytes:
    """A PNG; `panels` gives each quantity's values in the order of the names."""
    figure = Figure(figsize=(4.2 * len(panels) + 1.5, 0.32 * len(names) + 1.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axis, (title, values) in zip(axes, panels.items(), strict=True):
        drawn = axis.barh(range(len(names)), values, color="#4477aa")
        axis.bar_label(drawn, labels=[f"{value:,.0f}" for value in values], padding=3)
        axis.set_title(title)
        axis.margins(x=0.18)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_yticks(range(len(names)), names)
    axes[0].invert_yaxis()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
