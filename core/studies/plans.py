"""The studies as tables: which experiments, which variants, how many seeds, which floors they are held to."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from core import presets
from core.config import override
from core.errors import ConfigError
from core.settings import RunConfig
from core.studies.cells import Cell
from core.studies.gain.plan import BASE, BOTH, EMBEDDED, GENERATED, HALF, MANY_HELD_OUT, Plan, real_domain


class Floors(NamedTuple):
    """What a quality row has to reach on 2 CPU cores; shares are 0 .. 1, NaN-free by construction."""

    minutes: float
    accuracy: float  # GAN-test, absolute; below the judge's own by `below_judge` where that is given
    worst: float
    gap: float  # of GAN-train to real, at most
    coverage: float  # over real against real
    memorised: float = 0.02
    below_judge: float | None = None  # then `accuracy` is not looked at
    distance: float = 3.0  # Fréchet's and the kernel one, over those of real training images, at most
    control: float = 0.9  # rank correlation of slant and of thickness with their codes, at least
    off_diagonal: float = 0.25  # of a code with the other's property, at most
    drop: float = 0.01  # of labels at the codes' ends, at most


class Experiment(NamedTuple):
    """One row: a preset, and how often it is repeated."""

    preset: str
    seeds: int
    floors: Floors
    needs: str = ""  # data that the user has to name: mnist, kmnist
    own: Mapping[str, Any] = MappingProxyType({})  # what differs from the preset where the user has files for it


# Presets as they are: what `etlgan run NAME` makes is what the table measures.
# fmt: off
QUALITY: Mapping[str, Experiment] = MappingProxyType({
    "hiragana 10":      Experiment("hiragana-a-ka",  3, Floors( 6, .993, .98, .010, .90)),
    "hiragana 20":      Experiment("hiragana-sa-ha", 1, Floors(10, .990, .96, .015, .90)),
    "hiragana 46":      Experiment("hiragana",       1, Floors(15, .980, .90, .020, .85)),
    "kanji 10 at 161":  Experiment("kanji-10",       3, Floors( 8, .990, .96, .020, .85)),
    "KMNIST 10":        Experiment("kmnist",         1, Floors(25, 0.0, 0.0, .040, .80, below_judge=.010), needs="kmnist"),
    "MNIST digits":     Experiment("digits",         1, Floors(15, 0.0, 0.0, .015, .85, below_judge=.005), needs="mnist"),
})
# fmt: on


class GainRow(NamedTuple):
    """A row of the quality table that is an OCR gain: what is asked, and which arm has to be above which."""

    plan: Plan
    wanted: tuple[str, str]


GAINS: Mapping[str, GainRow] = MappingProxyType(
    {
        "OCR gain": GainRow(
            Plan(real_domain("penman", "hiragana", held_out=MANY_HELD_OUT), few=(5, 20), seeds=3), (GENERATED, BASE)
        ),
        "OCR gain by domain code": GainRow(
            Plan(real_domain("penman", "hiragana"), few=(0,), seeds=3, **HALF), (BOTH, EMBEDDED)
        ),
    }
)
# The text-book experiments that the public script was tried on, in its numbers. Of ETL's, which are all that there are
# of a character in the very sets that it took, some are held out.
ETL7 = {"data.where": "set == 'ETL7'", "data.per_char": 600, "data.held_out": 100}
ETL8B = {"data.where": "set == 'ETL8B'", "data.per_char": 131, "data.held_out": 30}
# fmt: off
TEXTBOOK: Mapping[str, Experiment] = MappingProxyType({
    "digits":           QUALITY["MNIST digits"]._replace(needs=""),
    "hiragana 10":      QUALITY["hiragana 10"]._replace(seeds=1, own=ETL7),
    "hiragana 20":      QUALITY["hiragana 20"]._replace(own=ETL7),
    "hiragana 46":      QUALITY["hiragana 46"]._replace(own=ETL7),
    "kanji 10 at 161":  QUALITY["kanji 10 at 161"]._replace(seeds=1, own=ETL8B),
    "kanji 10 at 700":  Experiment("kanji-10-700",   1, QUALITY["kanji 10 at 161"].floors),
})
# fmt: on
VARIANTS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "etl": {},
        "classic": {"recipe.name": "classic"},
        "classic, as published": {"recipe.name": "classic", "recipe.double_softmax": True},
    }
)
# Beside them where the InfoGAN paper has a figure, 5 % error on digits: its networks, with about the images it had.
# What D and Q see is augmented: a code that is read from slant, place or single pixels is then not read any more.
PAPER: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "digits": {
            "recipe.name": "infogan",
            "recipe.augment": 0.5,
            "train.steps": 2200,
            "train.lr_final": 0.05,
        }
    }
)
MOST_SEEDS = 100  # of an ablation
# One ingredient taken out, put in, or exchanged at a time, on hiragana 10.
ABLATION: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "the recipe": {},
        "no labels on real images": {"recipe.label_real": 0.0},
        "no reward for Q's label": {"recipe.label_fake": 0.0},
        "no gradient penalty": {"recipe.r1": 0.0, "recipe.r2": 0.0},
        "R1 alone": {"recipe.r2": 0.0},
        "R2 alone": {"recipe.r1": 0.0},
        "gradient penalties of 1": {"recipe.r1": 1.0, "recipe.r2": 1.0},  # the recipe has 0.3
        "gradient penalties at every step": {"recipe.penalty_every": 1},
        "unpaired loss": {"recipe.adversarial": "saturating-free"},
        "no projection": {"recipe.projection": False},
        "no moving average": {"recipe.ema": 0.0},
        "no anchored codes": {"model.anchored": 0},
        "no free codes": {"model.codes": 2},
        "no continuous codes": {"model.codes": 0},
        "augmentation": {"recipe.augment": 0.5},
        "cosine Q": {"recipe.cosine": 16.0},
        "2K-way targets": {"recipe.fake_targets": True},
        "cosine Q, 2K-way targets": {"recipe.cosine": 16.0, "recipe.fake_targets": True},
        "conditioning ramp": {"recipe.ramp": 0.2},
        "images drawn alike": {"recipe.balanced": False},  # the same where every character has as many
        "constant learning rate": {"train.lr_final": 1.0},
        "nets of size S": {"model.size": "s"},
    }
)


def quality(sources: Mapping[str, str], only: Sequence[str] = (), *, share: float = 1.0, size: str = "") -> list[Cell]:
    """The quality table's runs; rows whose data was not named are left out, and those of GAINS.

    size: of every row's networks, xs .. xl; "": the rows' own. Another one: ConfigError.
    """
    cells = []
    for row in chosen({**QUALITY, **GAINS}, only):
        if row in GAINS:
            continue
        cells += _cells(row, QUALITY[row], "etl", {"model.size": size} if size else {}, sources, share)
    return cells


def gains(only: Sequence[str] = (), *, share: float = 1.0, size: str = "") -> dict[str, GainRow]:
    """The quality table's OCR gains by row; `share`, `size` as of the other rows."""
    rows = {}
    for row in chosen({**QUALITY, **GAINS}, only):
        if row in GAINS:
            plan, wanted = GAINS[row]
            steps = {
                name: max(10, round(getattr(plan, name) * share)) for name in ("steps", "pen_steps", "reader_steps")
            }
            rows[row] = GainRow(plan._replace(**steps, size=size or plan.size), wanted)
    return rows


def textbook(
    sources: Mapping[str, str], only: Sequence[str] = (), *, share: float = 1.0, classic_steps: int = 0
) -> list[Cell]:
    """Every experiment by every variant, the quick rows first. `sources`: etl, mnist where the user has them.

    classic_steps: at most so many for recipes without labels; 0: for `classic` as many as recipe `etl` has.
    """
    cells = []
    for row in chosen(TEXTBOOK, only):
        for variant, changes in variants(row).items():
            most = 0 if variant == "etl" else classic_steps
            cells += _cells(row, TEXTBOOK[row], variant, changes, sources, share, most_steps=most)
    return cells


def variants(row: str) -> Mapping[str, Mapping[str, Any]]:
    """By what a text-book experiment is done: names and changes."""
    return {**VARIANTS, "infogan, augmented": PAPER[row]} if row in PAPER else VARIANTS


def ablation(only: Sequence[str] = (), *, seeds: int = 1, share: float = 1.0) -> list[Cell]:
    """Hiragana 10, one ingredient at a time."""
    preset = QUALITY["hiragana 10"].preset
    return [
        Cell(row, "etl", _shortened(presets.resolve(preset, {**ABLATION[row], "seed": seed}), share))
        for seed in range(seeds)
        for row in chosen(ABLATION, only)
    ]


def chosen(table: Mapping[str, Any], only: Sequence[str]) -> list[str]:
    """Rows asked for, in that order; all where none is. Unknown: ConfigError."""
    if unknown := [row for row in only if row not in table]:
        raise ConfigError(f"no row {unknown[0]!r} in this study; there are: {'; '.join(table)}")
    return list(dict.fromkeys(only)) or list(table)


def _cells(
    row: str,
    experiment: Experiment,
    variant: str,
    differs: Mapping[str, Any],
    sources: Mapping[str, str],
    share: float,
    *,
    most_steps: int = 0,
) -> list[Cell]:
    """`differs`: the variant from the experiment. most_steps: 0 for as many as it has."""
    if experiment.needs and experiment.needs not in sources:
        return []
    changes = {**_source(experiment, sources), **differs}
    configs = [presets.resolve(experiment.preset, {**changes, "seed": seed}) for seed in range(experiment.seeds)]
    return [Cell(row, variant, _shortened(config, share, most_steps)) for config in configs]


def _source(experiment: Experiment, sources: Mapping[str, str]) -> dict[str, Any]:
    """The user's files in the place of the embedded handwriting, where they hold these characters."""
    digits = experiment.preset == "digits"
    name = experiment.needs or ("mnist" if digits and "mnist" in sources else "" if digits else "etl")
    return {"data.source": f"{name}:{sources[name]}", **experiment.own} if name in sources else {}


def _shortened(config: RunConfig, share: float, most: int = 0) -> RunConfig:
    """The same in `share` of its steps, which are `most` where there are more and it is not 0: a rehearsal."""
    steps = min(most or config.train.steps, config.train.steps)
    return override(config, {"train.steps": max(1, round(steps * share))})
