"""Row 8: do slant and thickness go where their codes point, by the ruler they were trained on and by another?"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from core.glyphs import measures
from core.glyphs.measures import Measure

Labels = NDArray[np.int64]
Floats = NDArray[np.float64]

# The rulers: the first of each property is the training's target, the second has nothing in common with it.
RULERS: Mapping[str, tuple[Measure, Measure]] = MappingProxyType(
    {
        "slant": (measures.slant, measures.slant_by_projection),
        "thickness": (measures.thickness, measures.thickness_by_skeleton),
    }
)


class Control(NamedTuple):
    """How well codes are obeyed, by one ruler each."""

    own: dict[str, float]  # rank correlation of a property's code with the property
    other: float  # the largest one of a code with the property that is not its own; nan where there is only one code


def control(
    codes: NDArray[np.floating], images: NDArray[np.uint8], labels: Labels, *, names: tuple[str, ...], ruler: int
) -> Control:
    """codes (n, A) are in the order of `names`; ruler 0 is the training's, 1 the independent one."""
    measured = {name: RULERS[name][ruler](images) for name in RULERS}
    table = {
        (code, name): within(codes[:, column], measured[name], labels)
        for column, code in enumerate(names)
        for name in RULERS
    }
    others = [abs(value) for (code, name), value in table.items() if code != name]
    return Control({name: table[name, name] for name in names}, max(others, default=float("nan")))


def within(a: NDArray[np.floating], b: NDArray[np.floating], labels: Labels) -> float:
    """Spearman's rank correlation within each class, averaged; what could not be measured is left out.

    Within, since a moment slant depends on the character. Nothing to rank: nan.
    """
    found = []
    for label in np.unique(labels):
        here = (labels == label) & np.isfinite(a) & np.isfinite(b)
        if here.sum() > 2:
            ranks = rankdata(a[here]), rankdata(b[here])
            if all(rank.std() > 0 for rank in ranks):
                found.append(float(np.corrcoef(*ranks)[0, 1]))
    return float(np.mean(found)) if found else float("nan")
