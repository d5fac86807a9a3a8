"""A page of a source's images as a sheet, and which page is wanted."""

from __future__ import annotations

from typing import NamedTuple

from etlgan_tui.sources import Look, Page
from etlgan_tui.widgets.sheet import Leaf

ALL_STEPS = 5  # columns of before and after
LABEL = 6  # columns of a row's number


class Wanted(NamedTuple):
    """What is to be read."""

    character: str
    look: Look
    first: int
    rows: int
    across: int  # images a row


def leaf(page: Page, wanted: Wanted, *, tile: int, fit: int) -> Leaf:
    """Images wrapped to rows. `fit`: how many there is room for beside a label; before and after, where that is too
    few for all steps, only the first and the last."""
    import numpy as np

    images, captions = page.sheet.images, page.sheet.columns
    if wanted.look == "steps":
        if fit < len(captions):
            images, captions = images[:, [0, -1]], ("as scanned", "prepared") * wanted.across
    else:
        images = images[0][:, None]
    count, columns, side, _ = images.shape  # (images, columns of each, S, S)
    tall = -(-count // wanted.across)
    cells = np.zeros((tall * wanted.across, columns, side, side), np.uint8)
    cells[:count] = images
    numbers = tuple(f"{page.first + 1 + row * wanted.across:,}" for row in range(tall))
    return Leaf(cells.reshape(tall, wanted.across * columns, side, side), numbers, captions, tile)


def character_of(text: str) -> str:
    """What was typed: a character, or the code of one."""
    text = text.strip()
    code = text[2:] if text[:2].upper() in ("U+", "0X") else ""
    try:
        return chr(int(code, 16)) if code else text
    except (ValueError, OverflowError):
        return text
