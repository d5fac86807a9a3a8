"""The judge of a data set, and pupils that learn as it does: from the cache, or trained now."""

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load as parse
from safetensors.torch import save as serialise

from core.errors import DataError
from core.gan.device import resolve
from core.glyphs import glyphset
from core.glyphs.building import preparation_of, sized_batches
from core.glyphs.glyphset import GlyphSet
from core.glyphs.repertoire import characters as repertoire
from core.glyphs.sources import EMBEDDED, JUDGE_WRITERS, open_source
from core.judge.classifier import BATCH, VERSION, Judge, train
from core.rundir import cache_root, write_atomic
from core.settings import DataConfig, TrainConfig

JUDGE_IMAGES = 1000  # a character, from the judge's own writers, where the source has as many as one likes
MOST_JUDGE_IMAGES = 400_000  # in all: thousands of characters get fewer each
JUDGE_STEPS = (400, 12)  # steps: so many, and so many more for each class
EPOCHS = 2  # at least
FEW_STEPS = 1000  # at least, of a judge that has to do with the run's own images, warped: KMNIST 98.3 -> 99.2 % read

Progress = Callable[[int, int], None]


class Learning(NamedTuple):
    """How a judge or pupil is taught."""

    precision: str  # fp32 or bf16
    warped_steps: int = 0  # at least so many steps of warped images; 0: shifted ones, as long as usual


def judge_for(data: DataConfig, *, domain: int | None = None, progress: Progress | None = None) -> Judge:
    """The judge of this data, from the cache or trained now.

    Embedded data: trained on writers of its own, met neither in training nor among the held-out ones. Other sources:
    on the training split; of several domains on all, half of it the one that is judged (None: the last), since that
    may lack characters. Never on held-out images.
    """
    glyphs = glyphset.load(data)
    facts: list[object] = [VERSION, JUDGE_IMAGES, JUDGE_STEPS, glyphs.fingerprint]
    learn = Learning(reader_precision())
    if data.source not in EMBEDDED:
        learn = Learning(reader_precision(), FEW_STEPS)
        facts += ["warped", FEW_STEPS, *_domain_fact(glyphs, domain)]
    elif learn.precision != "fp32":
        facts.append(learn.precision)
    return _cached(
        facts, lambda: _judge_images(data, glyphs, domain), len(glyphs.characters), data.size, progress, learn
    )


def pupil_for(data: DataConfig, *, domain: int | None = None, progress: Progress | None = None) -> Judge:
    """A network like the judge that learned from the run's own training split, as row 1 compares it; never a judge."""
    glyphs = glyphset.load(data)
    facts = [VERSION, "pupil", reader_precision(), JUDGE_STEPS, glyphs.fingerprint, *_domain_fact(glyphs, domain)]
    classes = len(glyphs.characters)
    learn = Learning(reader_precision())
    return _cached(
        facts, lambda: glyphs.part(held_out=False, domain=_number(glyphs, domain)), classes, data.size, progress, learn
    )


@cache
def reader_precision() -> str:
    """In which judges and pupils learn: bf16 where that is faster here, and a judge reads as well after it."""
    return resolve(TrainConfig(device="cpu", threads=torch.get_num_threads())).precision


def _cached(
    facts: Sequence[object],
    images: Callable[[], tuple[NDArray[np.uint8], NDArray[np.int64]]],
    classes: int,
    size: int,
    progress: Progress | None,
    learn: Learning,
) -> Judge:
    name = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:20]
    path = cache_root() / "judges" / f"{name}.safetensors"
    judge = Judge(classes, size)
    try:
        judge.load_state_dict(parse(path.read_bytes()))
        return judge
    except (OSError, SafetensorError, RuntimeError):  # not there yet, or damaged: train it
        taught, labels = images()
        steps = max(steps_for(classes, len(labels)), learn.warped_steps)
        judge = train(
            taught,
            labels,
            classes,
            steps=steps,
            precision=learn.precision,
            warp=learn.warped_steps > 0,
            progress=progress,
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, serialise({key: value.contiguous() for key, value in judge.state_dict().items()}))
    except OSError as error:
        raise DataError(f"cannot write the judge to {path.parent}: {error.strerror}; see ETLGAN_CACHE") from None
    return judge


def steps_for(classes: int, images: int) -> int:
    """How long a judge of so many classes learns; it sees each of its images twice at least, if there are many."""
    return max(JUDGE_STEPS[0] + JUDGE_STEPS[1] * classes, EPOCHS * images // BATCH)


def _number(glyphs: GlyphSet, domain: int | None) -> int:
    return len(glyphs.domains) - 1 if domain is None else domain


def _domain_fact(glyphs: GlyphSet, domain: int | None) -> list[object]:
    """What a judge of one domain of several depends on beside the data."""
    return [glyphs.domains[_number(glyphs, domain)]] if len(glyphs.domains) > 1 else []


def _judge_images(
    data: DataConfig, glyphs: GlyphSet, domain: int | None
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    if data.source not in EMBEDDED:
        own = np.flatnonzero(glyphs.side(held_out=False, domain=_number(glyphs, domain)))
        rows = np.flatnonzero(~glyphs.held_out)
        rows = np.concatenate([rows, np.resize(own, max(0, len(rows) - 2 * len(own)))])
        return glyphs.images[rows], glyphs.labels[rows]
    source = open_source(data, first_writer=JUDGE_WRITERS)
    characters = repertoire(data.chars)
    per_char = min(JUDGE_IMAGES, MOST_JUDGE_IMAGES // len(characters))
    index = source.index(characters, per_char=per_char, held_out=0)
    images = np.empty((len(index.labels), data.size, data.size), np.uint8)
    for places, sized in sized_batches(source, np.arange(len(images)), data.size, preparation_of(data, source)):
        images[places] = sized
    return images, index.labels
