"""The whole score card of one run: its own numbers, the controls beside them, what other runs tell; and its file."""

import time
from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from core.errors import ConfigError
from core.gan.checkpoint import find
from core.gan.inference import Inference
from core.gan.sample import Sampler
from core.glyphs.repertoire import characters as repertoire
from core.history import curves
from core.judge import card as cards
from core.judge import controls, naming, others
from core.judge.quantities import (
    GENERATED,
    MEMORISER,
    QUANTITIES,
    REAL,
    Quantity,
    is_kanji,
    overall,
    quantities,
    warnings,
)
from core.judge.reference import Exhibit, Images, Labels, Progress, Reference
from core.judge.rows import Numbers
from core.rundir import RunDir, write_json

VERSION = 1  # of scores.json
MOST_IMAGES = 100_000  # generated for the card: thousands of classes get fewer each
CHANGED = (
    "the data is not what this run was trained on (other fingerprint): held-out images may have been trained on, and "
    "training images not"
)
SPEED_IMAGES = 1000  # drawn to time it


class Subject(NamedTuple):
    """Who is judged: a checkpoint's generator, its codes named where nobody taught it names."""

    sampler: Sampler
    domain: str | None  # in whose look it draws; None where there is one
    codes: np.ndarray | None  # (K,) which code draws each character: recipes without labels; None: its own labels
    named_right: float | None  # share that the best naming gets right

    def draw(self, labels: Labels, *, seed: int = 0) -> Images:
        return self.sampler.draw(self._own(labels), seed=seed, domain=self.domain)

    def styled(self, labels: Labels, *, codes: np.ndarray, noise: np.ndarray | None = None, seed: int = 0) -> Images:
        return self.sampler.draw(self._own(labels), codes=codes, noise=noise, seed=seed, domain=self.domain)

    @property
    def style(self) -> cards.Style:
        anchored = tuple(name for name in self.sampler.code_names if name in ("slant", "thickness"))
        return cards.Style(self.styled, self.sampler.codes, anchored)

    def _own(self, labels: Labels) -> Labels:
        return labels if self.codes is None else self.codes[labels]


class Score(NamedTuple):
    """A score card with everything that a table, a file or a page shows."""

    run: str
    step: int
    lines: list[Quantity]
    columns: dict[str, Numbers]  # by the names in quantities.py
    missing: dict[str, str]  # a column or row that is not there: what to do about it
    gain: list[others.Gain]  # row 3
    warnings: list[str]
    overall: float  # 0 .. 1
    images: int  # generated a character
    seconds: float  # that judging took
    subject: Subject
    reference: Reference
    made: Exhibit


def score_run(
    run: RunDir,
    *,
    checkpoint: str = "best",
    rows: Collection[int] = cards.ALL,
    per_char: int = cards.PER_CHAR,
    domain: str | None = None,
    progress: Progress | None = None,
) -> Score:
    """Judge a run's checkpoint and write scores.json if all rows were asked for. What cannot be judged: EtlganError.

    domain: of a run on several, whose look is judged by its own held-out images; None: the last.
    """
    start = time.monotonic()
    sampler = Sampler.load(run, checkpoint=checkpoint)
    _check(run, sampler)
    reference = Reference.load(sampler.config.data, domain=sampler.domain(domain), progress=progress)
    subject = subject_of(sampler, reference)
    found = find(run, str(sampler.step))
    changed = found.facts.get("data") != reference.glyphs.fingerprint
    per_char = max(2, min(per_char, MOST_IMAGES // reference.classes))
    made = cards.drawn(subject.draw, reference, per_char=per_char, seed=1)
    own = cards.drawn_column(
        subject.draw, reference, style=subject.style, rows=rows, per_char=per_char, seed=1, made=made, progress=progress
    )
    if 2 in rows:
        infer = Inference.load(found, sampler.config).codes
        own["q_read"] = naming.read_by_q(infer, reference, named=subject.codes is None)
    columns = {GENERATED: own, REAL: controls.real_column(reference, rows, progress)}
    missing: dict[str, str] = {}
    whole = set(cards.ALL) <= set(rows)
    gain: list[others.Gain] = []
    if whole:
        own |= cost(run, sampler, columns[REAL].get("gan_test"))
        columns[MEMORISER] = controls.memoriser_column(reference, rows, per_char, progress)
        home = run.home
        columns |= others.classic_column(home, run, sampler.config, missing)
        gain = others.ocr_gain(home, sampler.config, missing)
    card = Score(
        run=run.id,
        step=sampler.step,
        lines=[q for q in quantities(kanji=is_kanji(reference.characters)) if q.row in rows or (whole and q.row == 9)],
        columns=columns,
        missing=missing,
        gain=gain,
        warnings=[*([CHANGED] if changed else []), *_naming(subject), *warnings(own, columns[REAL], reference.weak)],
        overall=overall(own, columns[REAL]),
        images=per_char,
        seconds=time.monotonic() - start,
        subject=subject,
        reference=reference,
        made=made,
    )
    if whole:
        write_json(run.scores, record(card))
    return card


def subject_of(sampler: Sampler, reference: Reference) -> Subject:
    """An unsupervised generator's codes get the names that suit it best."""
    if not sampler.config.recipe.unsupervised:
        several = len(sampler.domains) > 1
        return Subject(sampler, sampler.domains[reference.domain] if several else None, None, None)
    codes, right = naming.by_drawn(sampler.draw, reference)
    return Subject(sampler, None, codes, right)


def cost(run: RunDir, sampler: Sampler, real: float | None) -> Numbers:
    """Row 9, from the run's events and a stopwatch; `real`: how often the judge is right on held-out images."""
    history = curves(run.events)
    numbers: Numbers = {}
    rates = [rate for rate in history.images_per_s if rate == rate]
    if rates:
        numbers |= {"images_per_s": float(np.median(rates)), "seconds": float(history.seconds[-1])}
    goal = next(q for q in QUANTITIES if q.name == "gan_test")
    reached = [event.step for event in history.scored if goal.met(event.scores.get("gan_test"), real)]
    if reached and rates:
        numbers["seconds_to_labels"] = float(np.interp(reached[0], history.step, history.seconds))
    labels = np.arange(SPEED_IMAGES) % len(sampler.characters)
    sampler.draw(labels[:100])  # the first call loads kernels
    start = time.perf_counter()
    sampler.draw(labels)
    return numbers | {"samples_per_s": SPEED_IMAGES / (time.perf_counter() - start)}


def record(card: Score) -> dict[str, object]:
    """What scores.json holds, and --json prints."""
    return {
        "version": VERSION,
        "kind": "card",
        "run": card.run,
        "step": card.step,
        "time": time.time(),
        "data": card.reference.glyphs.fingerprint,
        "characters": list(card.reference.characters),
        "domain": card.subject.domain,
        "images": card.images,
        "overall": card.overall,
        "columns": {name: _plain(numbers) for name, numbers in card.columns.items()},
        "targets": {q.name: {"goal": q.goal(), "met": _met(card, q)} for q in card.lines if q.goal()},
        "ocr_gain": [entry._asdict() for entry in card.gain],
        "named_right": card.subject.named_right,
        "warnings": card.warnings,
        "missing": card.missing,
        "few_held_out": card.reference.weak,
        "per_character": _per_character(card),
    }


def _met(card: Score, quantity: Quantity) -> bool | None:
    return quantity.met(card.columns[GENERATED].get(quantity.name), card.columns[REAL].get(quantity.name))


def _per_character(card: Score) -> dict[str, dict[str, float | None]]:
    sides = {GENERATED: card.made, REAL: card.reference.held_out}
    classes = card.reference.classes
    right = {name: cards.right_by_class(side, classes) for name, side in sides.items()}
    return {
        character: {name: None if np.isnan(values[i]) else float(values[i]) for name, values in right.items()}
        for i, character in enumerate(card.reference.characters)
    }


def _plain(numbers: Numbers) -> dict[str, float | None]:
    return {name: value if np.isfinite(value) else None for name, value in numbers.items()}


def _naming(subject: Subject) -> list[str]:
    if subject.named_right is None:
        return []
    return [f"unsupervised codes, named by the judge one to one: {100 * subject.named_right:.1f} % are right so"]


def _check(run: RunDir, sampler: Sampler) -> None:
    """A checkpoint that was trained on other characters than config.json says is not this run's."""
    config = sampler.config
    if sampler.characters != repertoire(config.data.chars):
        raise ConfigError(
            f"run {run.id}: its checkpoint knows other characters than its config.json ({config.data.chars}); "
            "it cannot be judged by that data"
        )
