"""Which ink of a raw cell is the character's own: connected pieces are judged by where they are and what they weigh.

Neighbours and printed frames reach in from an edge and stay near it; a character's pieces reach the inside or hang
close to one that does. Everything is done for the whole batch at once: pieces are labelled in three dimensions
without connection between images, and judged as rows of one table.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

NOISE = 2.6  # deviations of the (smoothed) grain that ink rises above
FAINTEST = 0.14  # of the image's strongest ink, that ink rises above
SURE = 1.8  # times the threshold, that a piece reaches somewhere, else it is a speck
FAINT = 0.5  # of an image's strongest ink: on grainy paper, what is fainter is a speck, if it is slight too
SLIGHT = 0.05  # of all its ink
SMOOTHED = 0.55  # what smoothing leaves of the grain's deviation
BAND = 0.145  # of the cell: neighbours reach in so far and no farther
FRAME_BAND = 0.055  # of the cell: what stays within is frame, or the tip of something outside
# Thresholds at which touching strokes come apart, of the image's strongest ink; the higher one is, the longer a part
# has to be (of the cell), for the character's own rough strokes come apart as well.
TEARING = ((0.3, 0.0), (0.4, 0.1), (0.5, 0.15), (0.6, 0.2), (0.7, 0.2), (0.8, 0.2))
TEARING_REACH = 3  # pixels of weak ink around a part that go with it
SMALLEST = 6 * 255.0  # ink of a part that is worth tearing off
NECK = 2.5  # times wider than where it joins the character, so wide is a foreign part somewhere
WIDE_AT_EDGE = 0.07  # of the cell: so wide it is at the very edge
AT_EDGE = 1.5  # pixels: so near, a piece is cut off by the edge
SPECK, OWN, FOREIGN = 0, 1, 2  # verdicts on a piece
IN_PLANE = np.zeros((3, 3, 3), bool)  # neighbours within an image, none between images
IN_PLANE[1] = True


@dataclass(frozen=True)
class Pieces:
    """Connected pieces of ink, one row each."""

    image: npt.NDArray[np.int64]  # (P,) which image of the batch
    weight: Floats  # (P,) ink
    peak: Floats  # (P,) strongest smoothed ink
    deepest: Floats  # (P,) pixels from the nearest edge, of the pixel that is farthest from all
    nearest: Floats  # (P,) pixels from the nearest edge, of the pixel that is closest to one
    box: npt.NDArray[np.int64]  # (P, 4) top, left, bottom, right; the last two are the last ones inside


def own_ink(ink: Floats, grain: Floats) -> Mask:
    """(n, H, W) ink 0 .. 255, (n,) deviation of the paper's grain -> (n, H, W) True where the character is."""
    smooth = _smoothed(ink)
    threshold = np.maximum(np.maximum(NOISE * SMOOTHED * grain, FAINTEST * smooth.max((1, 2))), 1)
    labels, pieces = _pieces(smooth > threshold[:, None, None], ink, smooth)
    verdict = _judged(pieces, SURE * threshold, grain, ink.shape[1:])
    marks = verdict[labels]
    own, foreign = marks == OWN, marks == FOREIGN
    joined = np.unique(pieces.image[(verdict[1:] == OWN) & (pieces.nearest <= AT_EDGE)])
    if len(joined):
        cut_off = _torn_apart(own[joined], ink[joined], smooth[joined])
        cut_off |= _hanging_on(own[joined] & ~cut_off)
        own[joined] &= ~cut_off
        foreign[joined] |= cut_off
    return _surroundings(own, foreign, reach=2 if max(ink.shape[1:]) < 100 else 3)


def _torn_apart(own: Mask, ink: Floats, smooth: Floats) -> Mask:
    """(n, H, W) True where own ink that runs to an edge is a neighbour that only touches the character.

    Where two strokes touch, the ink between them is weaker: at rising thresholds they come apart, and the part at the
    edge is then judged alone. A stroke of the character that leaves the cell stays in one piece.
    """
    side = min(ink.shape[1:])
    torn = np.zeros_like(own)
    strongest = ink.max((1, 2))
    for level, length in TEARING:
        strong = own & (ink > level * strongest[:, None, None])
        labels, pieces = _pieces(strong, ink, smooth)
        longer = (pieces.box[:, 2:] - pieces.box[:, :2]).max(1, initial=0) + 1
        foreign = (pieces.nearest <= AT_EDGE) & (pieces.deepest <= BAND * side)
        foreign &= (pieces.weight > SMALLEST) & (longer >= length * side)
        marks = np.concatenate([[SPECK], np.where(foreign, FOREIGN, OWN)])[labels]
        inner, outer = marks == OWN, marks == FOREIGN
        for _ in range(TEARING_REACH):  # the weak ink around goes to the nearer part
            inner |= _grown(inner) & own & ~outer
            outer |= _grown(outer) & own & ~inner
        own = own & ~outer
        torn |= outer
    return torn


def _hanging_on(own: Mask) -> Mask:
    """(n, H, W) True where ink at an edge hangs on the character by a neck: wide outside, narrow where it joins."""
    found = np.zeros_like(own)
    for turn in range(4):  # each edge in its turn is the upper one
        turned = np.rot90(own, turn, axes=(1, 2))
        found |= np.rot90(_hanging_at_top(turned), -turn, axes=(1, 2))
    return found


def _hanging_at_top(own: Mask) -> Mask:
    side = min(own.shape[1:])
    depth = round(BAND * side)
    labels, count = ndimage.label(own[:, :depth], structure=IN_PLANE)
    image, row, column = np.nonzero(labels)
    label = labels[image, row, column]
    widths = np.bincount(label * depth + row, minlength=(count + 1) * depth).reshape(-1, depth)  # pixels in each row
    neck = depth - 1 - widths[:, :0:-1].argmin(1)  # the innermost of the narrowest rows
    narrow = widths[np.arange(count + 1), neck]
    outside = np.where(np.arange(depth) < neck[:, None], widths, 0).max(1, initial=0)
    hanging = (widths[:, -1] > 0) & (widths[:, 0] >= WIDE_AT_EDGE * side) & (outside >= NECK * narrow)
    found = np.zeros_like(own)
    found[image, row, column] = hanging[label] & (row < neck[label])
    return found


def _smoothed(ink: Floats) -> Floats:
    """1 2 1 down and across, nothing beyond the edges: the grain falls, strokes stay."""
    down = 2 * ink
    down[:, 1:] += ink[:, :-1]
    down[:, :-1] += ink[:, 1:]
    across = 2 * down
    across[:, :, 1:] += down[:, :, :-1]
    across[:, :, :-1] += down[:, :, 1:]
    across /= 16
    return across


def _pieces(mask: Mask, ink: Floats, smooth: Floats) -> tuple[npt.NDArray[np.int32], Pieces]:
    """(n, H, W) labels from 1 on, 0 for none, and a row for each piece."""
    labels, count = ndimage.label(mask, structure=IN_PLANE)
    return labels, _measured(labels, count, ink, smooth)


def _measured(labels: npt.NDArray[np.int32], count: int, ink: Floats, smooth: Floats) -> Pieces:
    flat = np.flatnonzero(labels)
    label = labels.ravel()[flat]
    order = np.argsort(label, kind="stable")
    flat, label = flat[order], label[order]
    starts = np.searchsorted(label, np.arange(1, count + 1))
    height, width = ink.shape[1:]
    image, rest = np.divmod(flat, height * width)
    y, x = np.divmod(rest, width)
    from_edge = np.minimum(np.minimum(y, height - 1 - y), np.minimum(x, width - 1 - x))
    weight = ink.ravel()[flat]
    if not count:
        nothing = np.empty(0, np.float32)
        return Pieces(starts, nothing, nothing, nothing, nothing, np.empty((0, 4), np.int64))
    total = np.add.reduceat(weight, starts)
    low, high = np.minimum.reduceat, np.maximum.reduceat
    box = np.stack([low(y, starts), low(x, starts), high(y, starts), high(x, starts)], axis=1)
    return Pieces(
        image=image[starts],
        weight=total,
        peak=np.maximum.reduceat(smooth.ravel()[flat], starts),
        deepest=np.maximum.reduceat(from_edge, starts).astype(np.float32),
        nearest=np.minimum.reduceat(from_edge, starts).astype(np.float32),
        box=box,
    )


def _judged(pieces: Pieces, sure: Floats, grain: Floats, cell: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """(1 + P,) SPECK, OWN or FOREIGN by label; label 0 is no ink."""
    side = min(cell)
    verdict = np.full(len(pieces.weight), OWN)
    outside = pieces.deepest <= BAND * side
    cut_off = pieces.nearest <= AT_EDGE
    astray = _gap(pieces, ~outside & (pieces.peak >= sure[pieces.image])) > pieces.nearest
    verdict[outside & (cut_off | astray)] = FOREIGN
    verdict[pieces.deepest <= FRAME_BAND * side] = FOREIGN
    verdict[(pieces.peak < sure[pieces.image]) | _spots(pieces, grain, verdict == OWN)] = SPECK
    verdict[_last_resort(pieces, verdict, whole=~cut_off & (pieces.deepest > FRAME_BAND * side))] = OWN
    return np.concatenate([[SPECK], verdict])


def _spots(pieces: Pieces, grain: Floats, own: Mask) -> Mask:
    """(P,) True where a piece is a spot of grainy paper: dots of a character are as dark as its strokes."""
    strongest, weight = np.zeros(len(grain)), np.zeros(len(grain))
    np.maximum.at(strongest, pieces.image[own], pieces.peak[own])
    np.add.at(weight, pieces.image[own], pieces.weight[own])
    faint = pieces.peak < FAINT * strongest[pieces.image]
    return (grain[pieces.image] > 0) & faint & (pieces.weight < SLIGHT * weight[pieces.image])


def _last_resort(pieces: Pieces, verdict: npt.NDArray[np.int64], whole: Mask) -> npt.NDArray[np.int64]:
    """The heaviest whole piece of each image that would be left with nothing: a small sign near an edge."""
    has_own = np.isin(pieces.image, pieces.image[verdict == OWN])
    candidates = np.flatnonzero(whole & (verdict == FOREIGN) & ~has_own)
    heaviest = candidates[np.lexsort((-pieces.weight[candidates], pieces.image[candidates]))]
    _, first = np.unique(pieces.image[heaviest], return_index=True)
    return heaviest[first]


def _gap(pieces: Pieces, certain: Mask) -> Floats:
    """(P,) pixels between a piece's box and the box of all certain pieces of its image; 0 if there are none."""
    images = int(pieces.image.max(initial=-1)) + 1
    top_left = np.full((images, 2), np.iinfo(np.int64).max // 2)
    bottom_right = np.full((images, 2), -1)
    np.minimum.at(top_left, pieces.image[certain], pieces.box[certain, :2])
    np.maximum.at(bottom_right, pieces.image[certain], pieces.box[certain, 2:])
    before = top_left[pieces.image] - pieces.box[:, 2:]
    after = pieces.box[:, :2] - bottom_right[pieces.image]
    known = bottom_right[pieces.image].max(1, initial=-1) >= 0
    return np.where(known, np.maximum(before, after).max(1, initial=0), 0).astype(np.float32)


def _surroundings(own: Mask, foreign: Mask, *, reach: int) -> Mask:
    """Own ink with its soft borders: what is nearer to it than to foreign ink, at most `reach` pixels away."""
    for _ in range(reach):
        own = _grown(own) & ~foreign
        foreign = _grown(foreign) & ~own
    return own


def _grown(mask: Mask) -> Mask:
    grown = mask.copy()
    grown[:, 1:] |= mask[:, :-1]
    grown[:, :-1] |= mask[:, 1:]
    grown[:, :, 1:] |= mask[:, :, :-1]
    grown[:, :, :-1] |= mask[:, :, 1:]
    return grown
