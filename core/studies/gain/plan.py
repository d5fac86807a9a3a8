"""What is compared in the OCR gain: which real images, which generators, which recognisers."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import msgspec

from core import config as configs
from core import presets
from core.errors import ConfigError
from core.glyphs import repertoire
from core.settings import DataConfig, RunConfig

ARMS = ("real", "augmented", "+ embedded", "+ generated", "+ both")
REAL, BASE, EMBEDDED, GENERATED, BOTH = ARMS
COMPARED = ((GENERATED, BASE), (GENERATED, EMBEDDED), (BOTH, EMBEDDED))  # an arm, over another
ALL = 1_000_000  # images a character: more than any source has
PEN_SEED = 4242  # the embedded helpers' own writers: never those of an embedded "real" domain

# Of generators that are to add to 20 real images: many hands, and no reward for being read, which takes the rare ones.
CHANGES = (
    ("data.per_char", 3000),
    ("recipe.label_fake", 0.0),
    ("recipe.r1", 1.0),
    ("recipe.r2", 1.0),
    ("train.sample_every", 1000),
)
HELD_OUT = 200  # test images a character
MANY_HELD_OUT = 1000  # of embedded handwriting, which has as many: of 200, chance moves a gain by 0.15 points

How = Literal["pen", "subset", "warm", "mixed"]
Look = Literal["clean", "prepared"]


class Plan(NamedTuple):
    """One study. The steps are a budget for an hour of one CPU core at 46 characters, two numbers and three seeds."""

    data: DataConfig  # the real domain: its training side is what there is to choose from, its held-out side the test
    few: tuple[int, ...]  # real images a character; in `half` of the poor half only
    seeds: int
    # What a generator sees. pen: embedded handwriting; subset: these images; warm: the one, then the other; mixed: the
    # one, then both by domain.
    how: How = "pen"
    half: bool = False  # every second character is poor, the others have all their images; tested on the poor ones
    steps: int = 400  # of each generator that sees these images
    lr: float = 1e-4  # of these steps: a fifth of the pen's, or what it taught is lost
    pen_steps: int = 6500  # of the one that learns embedded handwriting, from which all others begin; 0: none
    reader_steps: int = 600  # of each recogniser
    mix: float = 0.5  # share of added images in a recogniser's batch; embedded and generated ones share it evenly
    extra: int = 600  # embedded and generated images a character that a recogniser gets
    temperature: float = 1.3  # of generated images: as hard to read as the pen's, where 1 is easier
    look: Look = "prepared"  # of the embedded handwriting that helps, in a recogniser's batches and before a generator
    augment: float = 0.0  # of D, after the pen
    changes: tuple[tuple[str, Any], ...] = CHANGES  # of the generators' settings
    size: str = "xs"
    threads: int = 0  # of a generator; 0: of all cores, or one where several train at once

    @property
    def name(self) -> str:
        """Which experiment. Its folder among the studies keeps what all such studies share: subsets and readings."""
        return "ocr-gain-half" if self.half else "ocr-gain"

    @property
    def question(self) -> dict[str, Any]:
        """All that two studies must agree in to be parts of one table: without which numbers, how many seeds, how fast.
        Plain values, as JSON holds them.
        """
        asked = {key: value for key, value in self._asdict().items() if key not in ("data", "few", "seeds", "threads")}
        return {"data": msgspec.to_builtins(self.data), "settings": asked | {"changes": dict(self.changes)}}

    @property
    def warm(self) -> bool:
        """Whether generators begin with what embedded handwriting taught."""
        return self.how != "subset" and self.pen_steps > 0


# Where less is known, or more is to be learned, than a little beside the pen: a rate and a length of the recipe's own.
ALONE: Mapping[str, Any] = MappingProxyType({"steps": 800, "lr": 5e-4, "augment": 0.5})
HALF: Mapping[str, Any] = MappingProxyType(
    {
        "half": True,
        "how": "mixed",
        "steps": 1200,
        "lr": 5e-4,
        "augment": 0.5,
        "pen_steps": 6000,
        "look": "clean",  # shapes are the pen's, the look of scans is the other half's
        "extra": 300,
        "temperature": 1.0,
        "changes": (("data.per_char", 700), ("train.sample_every", 500)),
    }
)


def usual(*, how: str | None, half: bool) -> Mapping[str, Any]:
    """What differs from Plan's own defaults in such a study."""
    if half:
        return HALF
    return ALONE if how == "subset" else {}


def check(plan: Plan) -> None:
    """What cannot be done: ConfigError."""
    configs.override(RunConfig(), {"model.size": plan.size, "train.lr": plan.lr})
    if len(repertoire.characters(plan.data.chars)) < 2:
        raise ConfigError(f"--chars {plan.data.chars}: a recogniser needs two characters to tell apart")
    if not plan.half and min(plan.few, default=0) < 1:
        raise ConfigError("--n: at least one real image a character; none is possible with --half only")
    if plan.half and plan.how != "mixed":
        raise ConfigError("--half: a character of one domain is drawn in the look of another; --gan mixed")
    if plan.how in ("pen", "warm") and not plan.warm:
        raise ConfigError("--pen-steps 0: nothing to begin with; --gan subset or mixed")


def changed(changes: tuple[tuple[str, Any], ...], assignments: Mapping[str, str]) -> tuple[tuple[str, Any], ...]:
    """Settings with others, such as {"recipe.r1": "0.3"}, in their place or beside them. Unknown or out of range:
    ConfigError.
    """
    names = {**dict(changes), **assignments}
    config = configs.override(RunConfig(), names)
    return tuple((name, configs.get(config, name)) for name in sorted(names))


def real_domain(source: str, chars: str, *, style: str = "", pool: int = 700, held_out: int = HELD_OUT) -> DataConfig:
    """The real domain's settings. `style`: of embedded handwriting, which stands for it; other sources have none:
    ConfigError.
    """
    if style and source != "penman":
        raise ConfigError(f"--style {style}: only embedded handwriting, --data penman, has one")
    changes = {"source": source, "chars": chars, "per_char": pool, "held_out": held_out}
    changes |= {"style": style} if style else {}
    return presets.resolve("", {f"data.{name}": value for name, value in changes.items()}).data


def grid(texts: Sequence[str]) -> tuple[int, ...]:
    """['5', '20', 'all'] -> (5, 20, ALL). Anything else: ConfigError."""
    found = []
    for text in texts:
        if text != "all" and not (text.isascii() and text.isdecimal()):
            raise ConfigError(f"--n {text}: must be a number of images, or all")
        found.append(ALL if text == "all" else int(text))
    return tuple(dict.fromkeys(found))


def amount(few: int) -> int | str:
    """A number of images a character, or "all"."""
    return "all" if few == ALL else few
