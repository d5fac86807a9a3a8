"""The control columns: real images that nobody learned from, a memoriser, and the plain InfoGAN of recipe `classic`.

The first two depend on the data alone, so their numbers are kept in the cache.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable, Collection

import numpy as np

from core.judge import card as cards
from core.judge import judges
from core.judge.classifier import VERSION as JUDGE_VERSION
from core.judge.quantities import BY_NAME
from core.judge.reference import Images, Labels, Progress, Reference
from core.judge.rows import Numbers
from core.rundir import cache_root, read_json, write_json

VERSION = 2  # of the numbers; raise it when the same data gives others


def memoriser(reference: Reference) -> cards.Draw:
    """A generator that copies training images: perfect in everything but row 7."""
    images, truth = _copied(reference)
    places = [np.flatnonzero(truth == label) for label in range(reference.classes)]

    def draw(labels: Labels, *, seed: int = 0) -> Images:
        random = np.random.default_rng(seed)
        chosen = np.empty(len(labels), np.int64)
        for label in np.unique(labels):
            here = np.flatnonzero(labels == label)
            rounds = [random.permutation(places[label]) for _ in range(-(-len(here) // len(places[label])))]
            chosen[here] = np.concatenate(rounds)[: len(here)]
        return images[chosen]

    return draw


def _copied(reference: Reference) -> tuple[Images, Labels]:
    """The training split; of characters that its domain lacks, the other domains' images."""
    images, truth = reference.train
    if len(np.unique(truth)) == reference.classes:
        return images, truth
    others, theirs = reference.glyphs.part(held_out=False)
    lacking = ~np.isin(theirs, truth)
    return np.concatenate([images, others[lacking]]), np.concatenate([truth, theirs[lacking]])


def real_column(reference: Reference, rows: Collection[int], progress: Progress | None) -> Numbers:
    """Held-out real: the ceiling."""
    return _kept(reference, "real", rows, lambda wanted: cards.real_numbers(reference, rows=wanted, progress=progress))


def memoriser_column(reference: Reference, rows: Collection[int], per_char: int, progress: Progress | None) -> Numbers:
    """Copies of training images; it has no codes, so no row 8."""
    rows = [row for row in rows if row != 8]

    def measured(wanted: Collection[int]) -> Numbers:
        draw = memoriser(reference)
        return cards.drawn_column(
            draw, reference, style=None, rows=wanted, per_char=per_char, seed=3, progress=progress, pupil_seed=1
        )

    return _kept(reference, f"memoriser {per_char}", rows, measured)


def _kept(
    reference: Reference, column: str, rows: Collection[int], measured: Callable[[Collection[int]], Numbers]
) -> Numbers:
    """Row by row from the cache, the rest measured now."""
    learning = [judges.JUDGE_IMAGES, judges.JUDGE_STEPS, judges.reader_precision()]
    facts = [VERSION, JUDGE_VERSION, *learning, *reference.key, column]
    name = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:20]
    path = cache_root() / "controls" / f"{name}.json"
    stored = read_json(path)
    known = {row: stored[str(row)] for row in rows if _are_numbers(stored.get(str(row)))}
    if missing := [row for row in rows if row not in known]:
        found = measured(missing)
        known |= {row: {name: value for name, value in found.items() if BY_NAME[name].row == row} for row in missing}
        with contextlib.suppress(OSError):  # a cache that cannot be written costs time, not the card
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, {**stored, **{str(row): numbers for row, numbers in known.items()}})
    return {name: value for row in rows for name, value in known[row].items()}


def _are_numbers(found: object) -> bool:
    return isinstance(found, dict) and all(isinstance(value, int | float) for value in found.values())
