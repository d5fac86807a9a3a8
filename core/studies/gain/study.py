"""The OCR gain from end to end, resumable: generators are ordinary runs, and what each recogniser read is kept.

For each number of real images a character and each seed: a generator is trained on what a customer would have, then
recognisers are trained with and without its images and read the held-out writers. A generator that begins with embedded
handwriting knows more than the real images do; so does the arm `+ embedded`, which stands beside it for that reason.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from core.errors import ConfigError, RunError
from core.glyphs import glyphset
from core.glyphs.glyphset import GlyphSet
from core.rundir import Home
from core.studies.cells import Tell
from core.studies.gain import generators, kept, outcome
from core.studies.gain.outcome import Outcome
from core.studies.gain.plan import ARMS, Plan, amount, check
from core.studies.gain.readers import Readers, Right, Test
from core.studies.gain.subsets import choose


class Question(NamedTuple):
    """What is asked of the data."""

    glyphs: GlyphSet
    poor: np.ndarray  # (K,) bool: characters with few real images
    test: Test


def run(home: Home, plan: Plan, *, jobs: int, tell: Tell) -> tuple[Outcome, Path]:
    """Fill the study; what came of it, and the folder of its scores.json and its plot. Bad plan: ConfigError."""
    check(plan)
    asked = _question(plan)
    characters = asked.glyphs.characters
    subsets = {(n, seed): choose(asked.glyphs, n, seed, asked.poor) for n in plan.few for seed in range(plan.seeds)}
    answered = home.studies / plan.name / "readings"
    right: dict[tuple[int, int], dict[str, Right]] = {}
    for (n, seed), generator in generators.trained(home, plan, subsets, characters, jobs=jobs, tell=tell):
        readers = Readers(plan, asked.glyphs, asked.test, subsets[n, seed], seed, answered)
        right[n, seed] = {arm: readers.right(arm, generator) for arm in ARMS}
        told = ", ".join(f"{arm} {answers.mean():.2%}" for arm, answers in right[n, seed].items())
        tell(f"{amount(n)} real images a character, seed {seed}: {told}")
    if len(right) < len(subsets):
        raise RunError(
            f"{len(subsets) - len(right)} of {len(subsets)} generators did not finish; the same command goes on"
        )
    found = outcome.summary(right, asked.test.groups)
    return found, kept.write(home, plan, found, asked.glyphs)


def _question(plan: Plan) -> Question:
    glyphs = glyphset.load(plan.data)
    classes = len(glyphs.characters)
    poor = np.arange(classes) % 2 == 1 if plan.half else np.ones(classes, bool)
    rows = np.flatnonzero(glyphs.held_out & poor[glyphs.labels])
    if not len(rows):
        raise ConfigError("data.held_out=0: there is nothing to test on")
    return Question(glyphs, poor, Test(np.asarray(glyphs.images[rows]), glyphs.labels[rows], glyphs.groups[rows]))
