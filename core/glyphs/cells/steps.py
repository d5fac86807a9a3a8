"""Preparation step by step, side by side: what each switch does to real cells."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from core.glyphs.prepare import AS_IT_IS, Preparation, prepare

Images = npt.NDArray[np.uint8]

LINE = 128  # grey between cells


def steps(options: Preparation) -> dict[str, Preparation]:
    """From the raw cell to the result, one more switch at a time; steps that are off are left out."""
    start = replace(AS_IT_IS, invert=options.invert, black_on_white=options.black_on_white)
    shown = {"as scanned": start}
    for title, names in STEPS.items():
        if any(getattr(options, name) != getattr(start, name) for name in names):
            start = replace(start, **{name: getattr(options, name) for name in names})
            shown[title] = start
    return shown


STEPS = {
    "paper": ("paper",),
    "fragments": ("fragments",),
    "crop and centre": ("crop", "centre", "margin", "zoom_limit"),
    "gain": ("gain",),
}


def before_after(cells: Images, options: Preparation, size: int) -> tuple[list[str], Images]:
    """(n, H, W) raw cells -> titles of the columns, and one page: a row a cell, a column a step."""
    columns = {title: prepare(cells, step, size) for title, step in steps(options).items()}
    return list(columns), page(np.stack(list(columns.values()), axis=1))


def page(cells: Images) -> Images:
    """(rows, columns, size, size) -> one picture with a line between cells."""
    rows, columns, height, width = cells.shape
    ruled = np.full((rows, columns, height + 1, width + 1), LINE, np.uint8)
    ruled[:, :, :height, :width] = cells
    return ruled.transpose(0, 2, 1, 3).reshape(rows * (height + 1), columns * (width + 1))
