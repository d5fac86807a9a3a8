"""What recognisers misread, by the number of real images they had: a line an arm, a bar of the spread over seeds.

Errors on a logarithmic axis: between 99.3 and 99.6 % read right lies almost half of what is misread.
"""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from core.rundir import write_atomic

MARKS = ("o", "s", "^", "D", "v")
COLOURS = ("#777777", "#4477aa", "#ccaa33", "#cc3355", "#228833")
MOST = 100_000  # images a character; more is called all
LEAST = 0.01  # percent misread that is drawn: none has no place on the axis


def plot(accuracy: Mapping[int, Mapping[str, Sequence[float]]], path: Path, *, title: str) -> None:
    """`accuracy`: by real images a character, by arm, one share (0 .. 1) a seed."""
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    numbers = sorted(accuracy)
    arms = list(dict.fromkeys(arm for each in accuracy.values() for arm in each))
    for place, arm in enumerate(arms):
        shares = [[max(LEAST, 100 * (1 - share)) for share in accuracy[n][arm]] for n in numbers]
        middle = [sum(each) / len(each) for each in shares]
        spread = [
            [m - min(s) for m, s in zip(middle, shares, strict=True)],
            [max(s) - m for m, s in zip(middle, shares, strict=True)],
        ]
        where = [x + (place - (len(arms) - 1) / 2) * 0.04 for x in range(len(numbers))]
        axis.errorbar(where, middle, spread, label=arm, marker=MARKS[place % 5], color=COLOURS[place % 5], capsize=3)
    axis.set_xticks(range(len(numbers)), ["all" if n > MOST else str(n) for n in numbers])
    axis.set_xlim(-0.5, len(numbers) - 0.5)
    axis.set_xlabel("real images a character")
    axis.set_yscale("log")
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.yaxis.set_minor_formatter(NullFormatter())
    axis.set_ylabel("held-out images misread, %")
    axis.set_title(title)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    write_atomic(path, buffer.getvalue())
