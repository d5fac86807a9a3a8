"""A grey picture as terminal text: braille for dense grids (2 x 4 dots a cell), half-cells where greys matter (1 x 2).

Measured by eye: a 10 x 10 grid of characters is readable at 80 columns as thresholded braille (16 dots a character)
and unreadable as half-cells (7 pixels a character); a single character looks better in half-cells.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError

Grey = NDArray[np.uint8]

# Braille dot numbers by (row, column) of a cell, as the Unicode block U+2800 counts its bits.
DOT_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], dtype=np.uint8)
BRAILLE = 0x2800
TILE = 16  # dots a character: 10 of them in 80 columns
MOST_ROWS = 50  # of a grid in a terminal; the picture file has them all
_INK_SHARE = 0.3  # of a tile's strong ink: strokes of a pixel survive the shrinking, loops stay open
_STRONG = 8 / TILE**2  # of a tile's dots, the strongest first: the last of them stands for its ink
_FAINTEST = 40.0  # of 255: weaker than this is paper
_MARGIN_INK = 0.12  # of the strongest mean ink: below, a line of pixels belongs to the margin
_BIGGEST_PICTURE = 100_000_000  # pixels; a PNG that says more is damaged or hostile


def load(path: Path) -> Grey:
    """A picture file as (H, W) uint8, 255 = ink, whichever way round it was drawn."""
    from PIL import Image

    from core.glyphs.sets.pictures import BAD_PICTURE

    try:
        with Image.open(path, formats=("PNG", "GIF")) as image:
            if image.width * image.height > _BIGGEST_PICTURE:
                raise DataError(f"{path}: {image.width} x {image.height} is too large for a picture of a run")
            return as_ink(np.asarray(image.convert("L"), dtype=np.uint8))
    except BAD_PICTURE as error:
        raise DataError(f"{path}: cannot be read as a picture ({error})") from None


def as_ink(image: Grey) -> Grey:
    """(H, W) of either polarity -> 255 = ink. Paper is what most pixels are."""
    return 255 - image if np.median(image) > 127 else image


def braille(image: Grey, *, columns: int, tile: int = TILE) -> list[str]:
    """(H, W) uint8, 255 = ink -> lines of `columns` braille cells; empty cells are the blank pattern U+2800.

    `tile`: dots a character, where the picture is made of them; what is ink is measured within each.
    """
    ink = _shrunk(image, width=2 * columns, step=4)
    height, width = ink.shape
    dots = _dots(ink, tile).reshape(height // 4, 4, width // 2, 2)
    cells = (dots * DOT_BITS[None, :, None, :]).sum(axis=(1, 3))  # (rows, columns), 0 .. 255
    return ["".join(chr(BRAILLE + int(cell)) for cell in row) for row in cells]


def braille_grid(images: NDArray[np.uint8], *, columns: int, rows: int = MOST_ROWS) -> list[str]:
    """(R, C, S, S) uint8, 255 = ink -> lines of braille, TILE dots an image: the first that fit, margins cut off."""
    across = max(1, min(images.shape[1], 2 * columns // TILE))
    shown = _without_margins(images[:rows, :across])
    count, _, height, width = shown.shape
    tiles = [_resized(image, TILE, TILE) for image in shown.reshape(-1, height, width)]
    mosaic = np.stack(tiles).reshape(count, across, TILE, TILE).transpose(0, 2, 1, 3).reshape(count * TILE, -1)
    return braille(mosaic, columns=across * TILE // 2)


def braille_strip(images: NDArray[np.uint8], *, columns: int, lines: int) -> list[str]:
    """(R, C, S, S) uint8, 255 = ink -> at most `lines` lines: a first sample of each of the R classes, side by side and
    wrapped, then a second one of each, as many as there is room for."""
    count, samples, height, width = images.shape
    across, room = max(1, min(count, 2 * columns // TILE)), lines * 4 // TILE
    tall = min(-(-count // across), room)
    if not tall:
        return []
    blocks = []
    for sample in range(min(samples, room // tall)):
        block = np.zeros((tall * across, height, width), np.uint8)
        shown = images[: tall * across, sample]
        block[: len(shown)] = shown
        blocks.append(block.reshape(tall, across, height, width))
    return braille_grid(np.concatenate(blocks), columns=columns)


def cells(image: Grey, *, rows: int) -> NDArray[np.uint8] | None:
    """A bare mosaic of square images, `rows` of them high -> (rows, C, S, S); None where it is something else."""
    height, width = image.shape
    side, rest = divmod(height, max(rows, 1))
    if rest or not side or width % side:
        return None
    return image.reshape(rows, side, width // side, side).transpose(0, 2, 1, 3)


def trimmed(image: Grey) -> Grey:
    """Without the empty paper around what is drawn."""
    drawn = image > 32
    lines, across = np.flatnonzero(drawn.any(1)), np.flatnonzero(drawn.any(0))
    if not len(lines):
        return image
    return image[lines[0] : lines[-1] + 1, across[0] : across[-1] + 1]


def _dots(ink: Grey, tile: int) -> NDArray[np.bool_]:
    """Which dots to set: measured against the strongest ink of each tile, so that a faint character is not lost."""
    height, width = ink.shape
    padded = np.pad(ink, ((0, -height % tile), (0, -width % tile))).astype(np.float32)
    tall, wide = padded.shape
    blocks = padded.reshape(tall // tile, tile, wide // tile, tile)
    ranked = np.sort(blocks.transpose(0, 2, 1, 3).reshape(tall // tile, wide // tile, -1), axis=-1)
    strongest = np.maximum(ranked[..., -max(1, round(_STRONG * tile**2))], _FAINTEST)[:, None, :, None]
    dots: NDArray[np.bool_] = (blocks > _INK_SHARE * strongest).reshape(tall, wide)[:height, :width]
    return dots


def _without_margins(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same cut for all: what hardly any image has ink in. The rest stays square."""
    side = images.shape[-1]
    mean = images.reshape(-1, side, side).mean(axis=0)
    used = np.maximum(mean.max(axis=0), mean.max(axis=1)) > _MARGIN_INK * max(float(mean.max()), 1.0)
    edge = min(int(used.argmax()), int(used[::-1].argmax()), side // 4)
    return images[:, :, edge : side - edge, edge : side - edge]


def _shrunk(image: Grey, *, width: int, step: int) -> Grey:
    """Area average to (n x step, width) at the picture's aspect, filled up with paper; never enlarged."""
    height, wide = image.shape
    target = max(1, min(width, wide))
    tall = max(1, round(height * target / wide))
    canvas = np.zeros((-(-tall // step) * step, width), dtype=np.uint8)
    canvas[:tall, :target] = _resized(image, tall, target)
    return canvas


def _resized(image: Grey, height: int, width: int) -> Grey:
    from PIL import Image

    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BOX), dtype=np.uint8)
