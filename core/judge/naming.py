"""Which code stands for which character where nobody taught it: the best one-to-one naming, by images drawn or by real
ones.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from core.judge import card as cards
from core.judge.reference import Images, Labels, Reference

NAMING = 200  # images of each code that the judge names it by
MOST_READ = 2_000  # real images that Q reads on the CPU, to be named by and to be tested on: seconds, at 64 px too


def by_drawn(draw: cards.Draw, reference: Reference) -> tuple[Labels, float]:
    """(K,) which code draws each character, as the judge reads what it draws.

    Also the share that the judge then reads as named, on the images that named them.
    """
    codes = np.repeat(np.arange(reference.classes), NAMING)
    read = reference.judge.read(draw(codes, seed=11)).label
    return _one_to_one(read, codes, reference.classes)


def read_by_q(infer: Callable[[Images], Labels], reference: Reference, *, named: bool) -> float:
    """Share of held-out real images that Q takes for their character: for recipes without labels what the InfoGAN paper
    gives as 5 % error (Chen et al. 2016, section 7.2).

    named: codes are class numbers already; else each is matched to a character by what Q says of training images.
    """
    truth, images = reference.held_out.labels, reference.held_out.images
    tested = _some(truth)
    codes = infer(images[tested])
    if named:
        return float((codes == truth[tested]).mean())
    images, labels = reference.train
    learned = _some(labels)
    code_of, _ = _one_to_one(labels[learned], infer(images[learned]), reference.classes)
    return float((codes == code_of[truth[tested]]).mean())


def _one_to_one(characters: Labels, codes: Labels, classes: int) -> tuple[Labels, float]:
    """(n,), (n,) -> (K,) the code of each character with most pairs right in all, and their share."""
    counts = np.zeros((classes, classes), np.int64)  # (character, code)
    np.add.at(counts, (characters, codes), 1)
    rows, chosen = linear_sum_assignment(-counts)
    code_of: NDArray[np.int64] = chosen[np.argsort(rows)]
    return code_of, float(counts[rows, chosen].sum() / len(codes))


def _some(labels: Labels) -> Labels:
    """Rows to read: all, or some at random."""
    return np.random.default_rng(0).permutation(len(labels))[:MOST_READ]
