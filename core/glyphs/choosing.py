"""Which images of a source become the training set and which are held out, by whole writers or sheets."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError
from core.glyphs.sources import Index
from core.settings import DataConfig

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

SHOWN = 5  # characters named in a message


class Chosen(NamedTuple):
    """Positions of an index, sorted by label."""

    rows: Integers  # (n,)
    held_out: Flags  # (n,) true: of other groups than the rest
    problem: str  # that there are fewer images than asked for; "" where all is well


def choose(index: Index, characters: tuple[str, ...], data: DataConfig) -> Chosen:
    """data.per_char training and data.held_out other images of every character, or what there is.

    Where the source has no split of its own, whole groups are held out, in an order that depends on data.seed only;
    where a character has fewer images than asked for, both sides get their share of them. No image to train on, or
    fewer than asked for where data.strict: DataError naming the characters.
    """
    flags = index.held_out if index.held_out is not None else _split(index, len(characters), data)
    rows, short, untrained = [], [], []
    for label, character in enumerate(characters):
        here = np.flatnonzero(index.labels == label)
        train, test = here[~flags[here]], here[flags[here]]
        told = f"{character} ({len(train)} + {len(test)})"
        short += [told] * (len(train) < data.per_char or len(test) < data.held_out)
        untrained += [told] * (len(train) == 0 or (len(test) == 0 and data.held_out > 0))
        rows.append(np.concatenate([train[: data.per_char], test[: data.held_out]]))
    if untrained:
        raise DataError(
            f"too few images, or too few writers to hold some out, of {_some(untrained)}; "
            "set data.held_out=0, or choose other characters"
        )
    problem = _fewer(short, len(characters), data)
    if problem and data.strict:
        raise DataError(f"{problem}: set data.per_char and data.held_out lower (strict)")
    chosen = np.concatenate(rows)
    return Chosen(chosen, flags[chosen], f"{problem}; what there is is used" if problem else "")


def _fewer(short: list[str], of: int, data: DataConfig) -> str:
    if not short:
        return ""
    return (
        f"fewer images of {len(short)} of {of} characters than the {data.per_char} + {data.held_out} held out "
        f"that were asked for: {_some(short)}"
    )


def _some(told: list[str]) -> str:
    return ", ".join(told[:SHOWN]) + " ..." * (len(told) > SHOWN)


def _split(index: Index, classes: int, data: DataConfig) -> Flags:
    """Hold out whole groups, in a seeded order, while they hold a character that has not enough held out yet."""
    wanted = _wanted(np.bincount(index.labels, minlength=classes), data)
    groups, of = np.unique(index.groups, return_inverse=True)
    members = np.split(np.argsort(of, kind="stable"), np.cumsum(np.bincount(of))[:-1]) if len(groups) else []
    have = np.zeros(classes, np.int64)
    out = np.zeros(len(of), bool)
    for group in np.random.default_rng([data.seed, 17]).permutation(len(groups)):
        labels = index.labels[members[group]]
        if (have[labels] < wanted[labels]).any():
            out[members[group]] = True
            np.add.at(have, labels, 1)
            if (have >= wanted).all():
                break
    return out


def _wanted(there: Integers, data: DataConfig) -> Integers:
    """(K,) images there are -> how many of them to hold out: as asked, or where there are too few, the same share."""
    asked = data.per_char + data.held_out
    share = np.maximum(there * data.held_out // asked, min(data.held_out, 1))
    return np.where(there >= asked, data.held_out, share)
