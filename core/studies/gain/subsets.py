"""Few real images a character, chosen by writers and written as a folder that a run can be pointed at."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.glyphs.glyphset import GlyphSet


class Subset(NamedTuple):
    """What may be known of the real domain."""

    images: NDArray[np.uint8]  # (n, S, S), 255 = ink
    labels: NDArray[np.int64]


def choose(glyphs: GlyphSet, few: int, seed: int, poor: NDArray[np.bool_]) -> Subset:
    """`few` training images of every poor class (K,) bool, all of the others.

    Writers come in one order for all characters, so that few images are those of few writers, as few forms would be.
    """
    rows = np.flatnonzero(~glyphs.held_out)
    groups, of = np.unique(glyphs.groups[rows], return_inverse=True)
    rank = np.random.default_rng([seed, 41]).permutation(len(groups))[of]
    rows = rows[np.argsort(rank, kind="stable")]
    labels = glyphs.labels[rows]
    kept = [
        here[:few] if poor[label] else here
        for label in range(len(glyphs.characters))
        for here in [np.flatnonzero(labels == label)]
    ]
    chosen = rows[np.concatenate(kept)]
    return Subset(np.asarray(glyphs.images[chosen]), glyphs.labels[chosen])


def written(root: Path, subset: Subset, characters: tuple[str, ...]) -> Path:
    """The folder of these images under `root`, a folder of PNGs a character; written whole or found again."""
    digest = hashlib.sha256(json.dumps(characters).encode())
    digest.update(np.ascontiguousarray(subset.images).data)
    digest.update(np.ascontiguousarray(subset.labels).data)
    place = root / digest.hexdigest()[:16]
    if place.is_dir():
        return place
    draft = root / f".{place.name}.tmp"
    shutil.rmtree(draft, ignore_errors=True)
    for label in np.unique(subset.labels):
        folder = draft / f"U+{ord(characters[label]):04X}"
        folder.mkdir(parents=True)
        for number, image in enumerate(subset.images[subset.labels == label]):
            Image.fromarray(255 - image).save(folder / f"{number:05d}.png", compress_level=1)
    draft.rename(place)
    return place
