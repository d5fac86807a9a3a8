"""What generated characters add to a recogniser that has few real ones: row 3 of the score card, as an experiment.

For each number of real images a character and each seed: a generator is trained on what a customer would have, then
recognisers are trained with and without its images and read the held-out writers. Generators are ordinary runs and what
each recogniser read is kept, so a study that was cut off goes on where it was.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from core import presets
from core.config import DataConfig, RunConfig
from core.errors import ConfigError, RunError
from core.gan.sample import Sampler
from core.gan.saved import find
from core.glyphs import glyphset
from core.glyphs.glyphset import GlyphSet
from core.judge import pupil
from core.judge.pupil import Food
from core.judge.score import pupil_precision
from core.rundir import Home, RunDir, read_json, write_json
from core.studies import cells
from core.studies.cells import Cell
from core.studies.subsets import Subset, choose, written

VERSION = 1  # of what a reading depends on beside its settings
PEN_SEED = 4242  # the embedded helpers' own writers: never those of an embedded "real" domain
EXTRA = 300  # embedded and generated images a character that a recogniser gets
ARMS = ("real", "augmented", "+ embedded", "+ generated")
BASE, EMBEDDED, GENERATED = ARMS[1:]
RESAMPLED = 2000  # bootstrap replicates
ALL = 1_000_000  # images a character: more than any source has

How = Literal["subset", "warm", "mixed"]
Tell = Callable[[str], None]
Right = NDArray[np.bool_]  # (T,) which test images were read right


class Plan(NamedTuple):
    """One study."""

    data: DataConfig  # the real domain: its training side is what there is to choose from, its held-out side the test
    few: tuple[int, ...]  # real images a character; in `half` of the poor half only
    seeds: int
    how: How = "warm"  # subset: G sees these images only; warm: after embedded handwriting; mixed: beside it, by domain
    half: bool = False  # every second character is poor, the others have all their images; tested on the poor ones
    steps: int = 2500  # of each generator
    pen_steps: int = 5000  # of the one that learns embedded handwriting (warm)
    reader_steps: int = 1200  # of each recogniser
    mix: float = 0.5  # share of embedded or generated images in a recogniser's batch
    augment: float = 0.5  # of D
    size: str = "xs"

    @property
    def name(self) -> str:
        return "ocr-gain-half" if self.half else "ocr-gain"


class Gain(NamedTuple):
    """One arm against another at one number of real images: difference of accuracy, with a 95 % interval."""

    few: int
    over: str  # the arm that `+ generated` is compared with
    gain: float
    low: float
    high: float


class Outcome(NamedTuple):
    """What was measured."""

    accuracy: dict[int, dict[str, list[float]]]  # by real images, by arm: one share a seed
    gains: list[Gain]


def run(home: Home, plan: Plan, *, jobs: int, tell: Tell) -> Outcome:
    """Fill the study, write its scores.json and its plot, and return what came of it. Bad plan: ConfigError."""
    _check(plan)
    glyphs = glyphset.load(plan.data)
    poor = np.arange(len(glyphs.characters)) % 2 == 1 if plan.half else np.ones(len(glyphs.characters), bool)
    test, truth = glyphs.part(held_out=True)
    test, truth = test[poor[truth]], truth[poor[truth]]
    if not len(truth):
        raise ConfigError("data.held_out=0: there is nothing to test on")
    right: dict[tuple[int, int], dict[str, Right]] = {}
    subsets = {(n, seed): choose(glyphs, n, seed, poor) for n in plan.few for seed in range(plan.seeds)}
    for (n, seed), generator in _generators(home, plan, glyphs, subsets, jobs=jobs, tell=tell):
        bench = _Bench(plan, glyphs, subsets[n, seed], seed, test, truth, _readings(home, plan))
        right[n, seed] = {arm: bench.right(arm, generator) for arm in ARMS}
        told = ", ".join(f"{arm} {answers.mean():.2%}" for arm, answers in right[n, seed].items())
        tell(f"{n} real images a character, seed {seed}: {told}")
    if len(right) < len(subsets):
        raise RunError(
            f"{len(subsets) - len(right)} of {len(subsets)} generators did not finish; the same command goes on"
        )
    outcome = summary(right)
    _write(home, plan, outcome, len(glyphs.characters))
    return outcome


def summary(right: dict[tuple[int, int], dict[str, Right]]) -> Outcome:
    """(real images, seed) -> arm -> right or wrong on each test image; becomes shares, and gains with intervals."""
    accuracy: dict[int, dict[str, list[float]]] = {}
    gains = []
    for n in sorted({n for n, _ in right}):
        done = [answers for (few, _), answers in sorted(right.items(), key=lambda item: item[0]) if few == n]
        accuracy[n] = {arm: [float(each[arm].mean()) for each in done] for arm in ARMS}
        for over in (BASE, EMBEDDED):
            differences = np.stack([each[GENERATED].astype(float) - each[over] for each in done])
            gains.append(Gain(n, over, float(differences.mean()), *interval(differences)))
    return Outcome(accuracy, gains)


def interval(differences: NDArray[np.float64], *, seed: int = 0) -> tuple[float, float]:
    """(S, T) paired differences -> 95 % bootstrap interval of their mean, test images and seeds both drawn anew."""
    random = np.random.default_rng(seed)
    seeds, images = differences.shape
    means = np.empty(RESAMPLED)
    for number in range(RESAMPLED):
        rows = differences[random.integers(0, seeds, seeds)].mean(0)
        means[number] = rows[random.integers(0, images, images)].mean()
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def _check(plan: Plan) -> None:
    if plan.how == "subset" and plan.half:
        raise ConfigError("--half: needs the embedded domain beside the real one; --gan mixed")
    if not plan.half and min(plan.few, default=0) < 1:
        raise ConfigError("--n: at least one real image a character; none is possible with --half only")
    if plan.half and plan.how != "mixed":
        raise ConfigError("--half: a character of one domain is drawn in the look of another; --gan mixed")


# --- generators -------------------------------------------------------------------------------------------------


def _generators(
    home: Home,
    plan: Plan,
    glyphs: GlyphSet,
    subsets: dict[tuple[int, int], Subset],
    *,
    jobs: int,
    tell: Tell,
) -> Iterator[tuple[tuple[int, int], RunDir]]:
    """Each (real images, seed) with its finished generator."""
    start = _pen(home, plan, tell=tell) if plan.how == "warm" else ""
    folder = home.studies / plan.name / "data"
    folder.mkdir(parents=True, exist_ok=True)
    table = {}
    for (n, seed), subset in subsets.items():
        place = written(folder, subset, glyphs.characters)
        table[Cell(f"{n} real images", plan.how, _config(plan, place, seed, start))] = (n, seed)
    for cell, run_dir in cells.trained(home, list(table), study=plan.name, jobs=jobs, tell=tell):
        yield table[cell], run_dir


def _pen(home: Home, plan: Plan, *, tell: Tell) -> str:
    """The checkpoint of the generator of embedded handwriting, trained now if it is not there."""
    changes = {"train.steps": plan.pen_steps, "data.source": "penman:clean", "data.per_char": 700}
    cell = Cell("embedded handwriting", "warm", _settled(plan, changes, seed=0))
    runs = [run_dir for _, run_dir in cells.trained(home, [cell], study=plan.name, jobs=1, tell=tell)]
    if not runs:
        raise ConfigError("the run on embedded handwriting did not finish; `etlgan logs last` tells why")
    return str(find(runs[0]).path)


def _config(plan: Plan, place: Path, seed: int, start: str) -> RunConfig:
    real = f"real=folder:{place}"
    changes: dict[str, Any] = {
        "train.steps": plan.steps,
        "train.init_from": start,
        "data.source": f"pen=penman:clean+{real}" if plan.how == "mixed" else real,
        "data.per_char": 700,
        "recipe.augment": plan.augment,
    }
    return _settled(plan, changes, seed=seed)


def _settled(plan: Plan, changes: dict[str, Any], *, seed: int) -> RunConfig:
    usual = {
        "seed": seed,
        "data.chars": plan.data.chars,
        "data.size": plan.data.size,
        "data.held_out": 0,
        "data.seed": PEN_SEED,
        "model.size": plan.size,
        "train.sample_every": 500,
    }
    return presets.resolve("", usual | changes)


# --- recognisers ------------------------------------------------------------------------------------------------


def _readings(home: Home, plan: Plan) -> Path:
    return home.studies / plan.name / "readings"


class _Bench:
    """Recognisers of one subset and seed: trained, tested, and their answers kept."""

    def __init__(
        self,
        plan: Plan,
        glyphs: GlyphSet,
        real: Subset,
        seed: int,
        test: NDArray[np.uint8],
        truth: NDArray[np.int64],
        kept: Path,
    ) -> None:
        self.plan, self.glyphs, self.real, self.seed, self.kept = plan, glyphs, real, seed, kept
        self.test, self.truth = test, truth
        self.classes = len(glyphs.characters)

    def right(self, arm: str, generator: RunDir) -> Right:
        """Which test images a recogniser of this arm reads right."""
        facts = self._facts(arm, generator)
        path = self.kept / f"{hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:20]}.json"
        known = read_json(path).get("right")
        if isinstance(known, str) and len(known) == len(self.truth):
            return np.array([sign == "1" for sign in known])
        reader = pupil.train(
            self._foods(arm, generator),
            self.classes,
            steps=self.plan.reader_steps,
            seed=self.seed,
            augmented=arm != ARMS[0],
            precision=pupil_precision(),
        )
        right: Right = reader.read(self.test).label == self.truth
        self.kept.mkdir(parents=True, exist_ok=True)
        write_json(path, {"facts": facts, "right": "".join("01"[int(each)] for each in right)})
        return right

    def _facts(self, arm: str, generator: RunDir) -> list[Any]:
        """All that the answers depend on."""
        digest = hashlib.sha256(np.ascontiguousarray(self.real.images).data).hexdigest()
        own = [generator.id, find(generator).step] if arm == GENERATED else []
        mix = self.plan.mix if arm in (EMBEDDED, GENERATED) else 0
        return [
            VERSION, arm, self.glyphs.fingerprint, digest, self.seed, self.plan.half,
            self.plan.reader_steps, mix, EXTRA, own,
        ]  # fmt: skip

    def _foods(self, arm: str, generator: RunDir) -> list[Food]:
        if arm in ARMS[:2]:
            return [Food(self.real.images, self.real.labels, 1.0)]
        extra = self._embedded() if arm == EMBEDDED else self._generated(generator)
        return [
            Food(self.real.images, self.real.labels, 1 - self.plan.mix),
            Food(*extra, self.plan.mix),
        ]

    def _embedded(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        data = msgspec.structs.replace(
            self.plan.data, source="penman:clean", per_char=EXTRA, held_out=0, seed=PEN_SEED + 1, prepare="auto"
        )
        return glyphset.load(data).part(held_out=False)

    def _generated(self, generator: RunDir) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """By the last domain, which is the real one."""
        labels = np.repeat(np.arange(self.classes), EXTRA)
        return Sampler.load(generator).draw(labels, seed=self.seed), labels


# --- what is kept of it -----------------------------------------------------------------------------------------


def _write(home: Home, plan: Plan, outcome: Outcome, classes: int) -> None:
    """scores.json, which `etlgan score` reads row 3 from, and the plot."""
    from core.figures.gain import plot

    folder = home.studies / plan.name
    data = {name: getattr(plan.data, name) for name in ("source", "chars", "style")}
    settings = {key: value for key, value in plan._asdict().items() if key != "data"}
    rows = [
        {"real_per_char": gain.few, "over": gain.over, "gain": gain.gain, "low": gain.low, "high": gain.high}
        for gain in outcome.gains
    ]
    tree = {
        "kind": plan.name,
        "data": data,
        "settings": settings,
        "accuracy": {str(n): arms for n, arms in outcome.accuracy.items()},
        "gain": [row for row in rows if row["over"] == BASE],
        "gains": rows,
    }
    write_json(RunDir(folder).scores, tree)
    plot(outcome.accuracy, folder / "ocr-gain.png", title=f"{classes} characters, generators: {plan.how}")


def real_domain(source: str, chars: str, *, pool: int = 700, held_out: int = 200) -> DataConfig:
    """The real domain's settings: embedded handwriting stands for it as a scanner saw it."""
    style = "scanned" if source == "penman" else "clean"
    changes = {"source": source, "chars": chars, "style": style, "per_char": pool, "held_out": held_out}
    base = presets.resolve("", {f"data.{name}": value for name, value in changes.items()})
    return base.data


def grid(texts: Sequence[str]) -> tuple[int, ...]:
    """['5', '20', 'all'] -> (5, 20, ALL). Anything else: ConfigError."""
    found = []
    for text in texts:
        if text != "all" and not (text.isascii() and text.isdecimal()):
            raise ConfigError(f"--n {text}: must be a number of images, or all")
        found.append(ALL if text == "all" else int(text))
    return tuple(dict.fromkeys(found))
