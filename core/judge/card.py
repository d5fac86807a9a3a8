"""The score card: rows of numbers, a column for what was generated and one for each control."""

from collections.abc import Collection
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from core.judge import rows as rows_
from core.judge.reference import Exhibit, Images, Labels, Progress, Reference
from core.judge.rows import Case, Numbers
from core.judge.steering import RULERS, control, within

ALL = (1, 2, 4, 5, 6, 7, 8)
PER_CHAR = 500  # images generated of a character
STYLED = 4000  # images measured for row 8, at most: the skeleton takes 2 ms an image
EACH = 100  # of them a character, at most


class Draw(Protocol):
    """(n,) class numbers -> (n, S, S) uint8, 255 = ink; `Sampler.draw` is one."""

    def __call__(self, labels: Labels, *, seed: int = 0) -> Images: ...


class StyledDraw(Protocol):
    """The same, with codes (n, C) in [-1, 1]."""

    def __call__(self, labels: Labels, *, codes: NDArray[np.floating], seed: int = 0) -> Images: ...


class Style(NamedTuple):
    """How to steer what is drawn, for row 8."""

    draw: StyledDraw
    codes: int
    anchored: tuple[str, ...]  # names of the first codes: slant, thickness


def drawn_column(
    draw: Draw,
    reference: Reference,
    *,
    style: Style | None,
    rows: Collection[int],
    per_char: int,
    seed: int,
    progress: Progress | None,
    made: Exhibit | None = None,
    pupil_seed: int = 0,
) -> Numbers:
    """The numbers of anything that draws; `made` where its images are there already.

    `pupil_seed` is of row 1's reader; the one of real images has seed 0.
    """
    made = made or drawn(draw, reference, per_char=per_char, seed=seed)
    case = Case(made, reference.whole(per_char), reference)
    numbers = image_rows(case, rows, progress)
    if 1 in rows:
        each = np.bincount(reference.train[1], minlength=reference.classes)
        asked = np.repeat(np.arange(reference.classes), each)
        numbers |= rows_.gan_train(draw(asked, seed=seed + 1), asked, reference, seed=pupil_seed, progress=progress)
    if 8 in rows and style and style.anchored:
        numbers |= styled(style, reference, numbers.get("gan_test"), seed=seed + 2)
    return numbers


def drawn(draw: Draw, reference: Reference, *, per_char: int, seed: int) -> Exhibit:
    """So many of every character, read by the judge."""
    labels = np.repeat(np.arange(reference.classes), per_char)
    return reference.exhibit(draw(labels, seed=seed), labels)


def right_by_class(exhibit: Exhibit, classes: int) -> NDArray[np.float64]:
    """(K,) share read as asked; nan for a class without images."""
    return rows_.per_class(exhibit.reading.label == exhibit.labels, exhibit.labels, classes)


def image_rows(case: Case, rows: Collection[int], progress: Progress | None = None) -> Numbers:
    """Rows 2, 4, 5, 6, 7 as far as they are wanted."""
    numbers: Numbers = {}
    wanted = [row for row in rows_.ROWS if row in rows]
    for done, row in enumerate(wanted):
        if progress:
            progress("measuring", done, len(wanted))
        if rows_.can_be_had(row, case):
            numbers |= rows_.ROWS[row](case)
    return numbers


def real_numbers(reference: Reference, *, rows: Collection[int], progress: Progress | None = None) -> Numbers:
    """The ceiling. Row 2: all held-out images; row 1: a reader of real images; the others: half against half."""
    opposite, other = reference.halves
    numbers = image_rows(Case(other, opposite, reference), [row for row in rows if row != 2], progress)
    if 2 in rows:
        numbers |= rows_.labels_right(Case(reference.held_out, opposite, reference))
    if 1 in rows:
        numbers |= {"gan_train": reference.real_pupil(progress), "gan_train_gap": 0.0}
    if 8 in rows:
        numbers |= _rulers_agree(reference.held_out)
    return numbers


def styled(style: Style, reference: Reference, usual: float | None, *, seed: int) -> Numbers:
    """Row 8: codes drawn at random and measured by both rulers; then each code at its ends."""
    each = max(2, min(EACH, STYLED // reference.classes))
    labels = np.repeat(np.arange(reference.classes), each)
    random = np.random.default_rng(seed)
    codes = random.uniform(-1, 1, (len(labels), style.codes))
    images = style.draw(labels, codes=codes, seed=seed)
    numbers: Numbers = {}
    for ruler, suffix in enumerate(("", "_second")):
        found = control(codes, images, labels, names=style.anchored, ruler=ruler)
        numbers |= {f"{name}_control{suffix}": value for name, value in found.own.items()}
        numbers[f"off_diagonal{suffix}"] = found.other
    if usual is not None:
        ends = [_read_at(style, reference, labels, codes, place, value, seed) for place, value in _ends(style)]
        numbers["extremes_drop"] = usual - min(ends)
    return numbers


def _ends(style: Style) -> list[tuple[int, float]]:
    return [(place, value) for place in range(len(style.anchored)) for value in (-1.0, 1.0)]


def _read_at(
    style: Style, reference: Reference, labels: Labels, codes: NDArray[np.floating], place: int, value: float, seed: int
) -> float:
    moved = codes.copy()
    moved[:, place] = value
    images = style.draw(labels, codes=moved, seed=seed)
    return float((reference.judge.read(images).label == labels).mean())


def _rulers_agree(held_out: Exhibit) -> Numbers:
    """How far the two rulers agree on real writing: no generator can score more by the second one."""
    rows = np.random.default_rng(0).permutation(len(held_out.labels))[:STYLED]
    images, labels = held_out.images[rows], held_out.labels[rows]
    return {
        f"{name}_control_second": within(first(images), second(images), labels)
        for name, (first, second) in RULERS.items()
    }
