"""The recognisers of an OCR gain: trained with and without added images, tested on held-out writers, answers kept."""

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.gan.sample import Sampler
from core.gan.saved import find
from core.glyphs import glyphset
from core.glyphs.glyphset import GlyphSet
from core.judge import pupil
from core.judge.judges import reader_precision
from core.judge.pupil import Food
from core.rundir import RunDir, read_json, write_json
from core.studies.gain.plan import BOTH, EMBEDDED, GENERATED, PEN_SEED, REAL, Plan
from core.studies.gain.subsets import Subset

VERSION = 3  # of what a reading depends on beside its settings

Right = NDArray[np.bool_]  # (T,) which test images were read right


class Test(NamedTuple):
    """Held-out images of the characters that are asked about."""

    images: NDArray[np.uint8]  # (T, S, S)
    labels: NDArray[np.int64]  # (T,)
    groups: NDArray[np.int64]  # (T,) writer or sheet


class Readers:
    """Recognisers of one subset and seed."""

    def __init__(self, plan: Plan, glyphs: GlyphSet, test: Test, real: Subset, seed: int, kept: Path) -> None:
        self.plan, self.glyphs, self.test, self.real, self.seed, self.kept = plan, glyphs, test, real, seed, kept
        self.classes = len(glyphs.characters)

    def right(self, arm: str, generator: RunDir) -> Right:
        """Which test images a recogniser of this arm reads right."""
        facts = self._facts(arm, generator)
        path = self.kept / f"{hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:20]}.json"
        known = read_json(path).get("right")
        if isinstance(known, str) and len(known) == len(self.test.labels):
            return np.array([sign == "1" for sign in known])
        reader = pupil.train(
            self._foods(arm, generator),
            self.classes,
            steps=self.plan.reader_steps,
            seed=self.seed,
            augmented=arm != REAL,
            precision=reader_precision(),
        )
        right: Right = reader.read(self.test.images).label == self.test.labels
        self.kept.mkdir(parents=True, exist_ok=True)
        write_json(path, {"facts": facts, "right": "".join("01"[int(each)] for each in right)})
        return right

    def _facts(self, arm: str, generator: RunDir) -> list[Any]:
        """All that the answers depend on."""
        digest = hashlib.sha256(np.ascontiguousarray(self.real.images).data).hexdigest()
        generated = [generator.id, find(generator).step, self.plan.temperature] if arm in (GENERATED, BOTH) else []
        embedded = [self.plan.look] if arm in (EMBEDDED, BOTH) else []
        mix, extra = (self.plan.mix, self.plan.extra) if generated or embedded else (0, 0)
        return [
            VERSION, arm, self.glyphs.fingerprint, digest, self.seed, self.plan.half,
            self.plan.reader_steps, mix, extra, generated, embedded,
        ]  # fmt: skip

    def _foods(self, arm: str, generator: RunDir) -> list[Food]:
        added = []
        if arm in (EMBEDDED, BOTH):
            added.append(self._embedded())
        if arm in (GENERATED, BOTH):
            added.append(self._generated(generator))
        real = 1 - self.plan.mix if added else 1.0
        return [
            Food(self.real.images, self.real.labels, real),
            *(Food(*each, self.plan.mix / len(added)) for each in added),
        ]

    def _embedded(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        source = f"penman:{self.plan.look}"
        data = msgspec.structs.replace(
            self.plan.data, source=source, per_char=self.plan.extra, held_out=0, seed=PEN_SEED + 1, prepare="auto"
        )
        return glyphset.load(data).part(held_out=False)

    def _generated(self, generator: RunDir) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """By the last domain, which is the real one."""
        labels = np.repeat(np.arange(self.classes), self.plan.extra)
        drawn = Sampler.load(generator).draw(labels, seed=self.seed, temperature=self.plan.temperature)
        return drawn, labels
