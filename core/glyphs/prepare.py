"""Raw cells to clean, centred characters: paper, fragments at the edges, crop, size, gain.

A scanned cell holds more than its character: grey paper with grain, pieces of the neighbours' strokes, printed
frames. Each step can be switched off; all work on batches, on 64 x 63 as on 128 x 127, on 2 levels as on 256.
High is ink throughout.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from core.glyphs.cells.fragments import own_ink
from core.glyphs.cells.paper import paper_of
from core.glyphs.cells.resize import Frame, place, resample

Images = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

BATCH = 64  # images worked on at a time: a few megabytes of the largest cells, which stay in the cache
SIZES = range(8, 257)
VERSION = 2  # of what the steps do to an image; part of the fingerprint of a prepared set
STEPS = ("paper", "fragments", "crop", "centre", "gain", "invert")  # as data.prepare names them


@dataclass(frozen=True, slots=True)
class Preparation:
    """Which steps are taken. The defaults are for raw scans; `AS_IT_IS` only sizes."""

    invert: bool = False  # the source has dark ink on white
    paper: bool = True  # subtract the paper's grey, image by image
    fragments: bool = True  # drop neighbours' strokes and frames at the edges, and specks
    crop: bool = True  # to the ink, keeping the aspect; else the whole cell is sized
    centre: bool = True  # by mass; else by the ink's box
    margin: float = 0.1  # of the new size, free on every side of a character's longer side
    zoom_limit: float = 3.0  # a small sign is not blown up more than this, against the cell as it was
    gain: bool = True  # stretch so that the ink of every image reaches full black
    black_on_white: bool = False  # the result's polarity


AS_IT_IS = Preparation(paper=False, fragments=False, crop=False, centre=False, margin=0.0, gain=False)


def preparation(text: str, *, raw: bool, margin: float) -> Preparation:
    """The steps that `data.prepare` speaks of; `auto` takes all for raw cells and none for other pictures."""
    if text == "all" or (text == "auto" and raw):
        return Preparation(margin=margin)
    named = () if text in ("auto", "none") else text.split("+")
    if unknown := [name for name in named if name not in STEPS]:
        raise ValueError(f"no step {unknown[0]!r}; expected {', '.join(STEPS)}")
    chosen = {name: name in named for name in STEPS}
    return replace(AS_IT_IS, **chosen, margin=margin if "crop" in named else 0.0)


GAIN_RANK = 0.9  # of an image's ink pixels: that one becomes full ink
INK_LEVEL = 64  # grey from which a pixel counts for the gain


def fitted(raw: Images, options: Preparation, size: int) -> Images:
    """As `prepare`; what is wanted as it is, and of that size, is handed on."""
    return raw if raw.shape[1:] == (size, size) and options == AS_IT_IS else prepare(raw, options, size)


def prepare(images: Images, options: Preparation, size: int) -> Images:
    """(n, H, W) uint8 raw cells -> (n, size, size) uint8; a cell without ink becomes empty paper."""
    if images.ndim != 3 or images.dtype != np.uint8:
        raise ValueError(f"images of shape {images.shape}, {images.dtype}; expected (n, H, W) uint8")
    if size not in SIZES:
        raise ValueError(f"size {size}; expected {SIZES.start} .. {SIZES.stop - 1} pixels")
    prepared = np.empty((len(images), size, size), np.uint8)
    for start in range(0, len(images), BATCH):
        part = slice(start, start + BATCH)
        cleaned = clean(images[part], options)
        sized = resample(cleaned, _frames(cleaned, options, size), size)
        if options.gain:
            sized *= _gain(sized)[:, None, None]
        levels = np.rint(np.clip(sized, 0, 255)).astype(np.uint8)
        prepared[part] = 255 - levels if options.black_on_white else levels
    return prepared


def clean(images: Images, options: Preparation) -> Floats:
    """(n, H, W) raw cells -> (n, H, W) ink 0 .. 255 of the character alone, where it stood."""
    cells = 255 - images if options.invert else images
    raw = cells.astype(np.float32)
    if not (options.paper or options.fragments):
        return raw
    level, grain = paper_of(cells)
    stretch: Floats = np.float32(255) / (255 - level)  # full ink stays full ink
    above_paper = np.maximum(raw - level, 0) * stretch
    ink = above_paper if options.paper else raw
    return ink * own_ink(above_paper, grain * stretch.mean((1, 2))) if options.fragments else ink


def _frames(ink: Floats, options: Preparation, size: int) -> Frame:
    return place(
        ink,
        size,
        crop=options.crop,
        by_mass=options.centre,
        margin=options.margin,
        zoom_limit=options.zoom_limit,
    )


def _gain(images: Floats) -> Floats:
    """(n,) factor that makes the darker ink pixels of each image full ink; never below 1."""
    flat = np.sort(images.reshape(len(images), -1), axis=1)
    ink = (flat >= INK_LEVEL).sum(1)
    rank = flat.shape[1] - 1 - np.rint((1 - GAIN_RANK) * np.maximum(ink - 1, 0)).astype(np.int64)
    strong = flat[np.arange(len(flat)), rank]
    return np.where(ink > 0, 255 / np.clip(strong, INK_LEVEL, 255), 1).astype(np.float32)
