"""What is compared in the OCR gain: which real images, which generators, which recognisers."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from core import config as configs
from core import presets
from core.errors import ConfigError
from core.settings import DataConfig, RunConfig

ARMS = ("real", "augmented", "+ embedded", "+ generated", "+ both")
REAL, BASE, EMBEDDED, GENERATED, BOTH = ARMS
COMPARED = ((GENERATED, BASE), (GENERATED, EMBEDDED), (BOTH, EMBEDDED))  # an arm, over another
EXTRA = 300  # embedded and generated images a character that a recogniser gets
ALL = 1_000_000  # images a character: more than any source has
PEN_SEED = 4242  # the embedded helpers' own writers: never those of an embedded "real" domain

How = Literal["subset", "warm", "mixed"]
Look = Literal["clean", "prepared"]


class Plan(NamedTuple):
    """One study. The steps are a budget for an hour of one CPU core at 46 characters, two numbers and three seeds."""

    data: DataConfig  # the real domain: its training side is what there is to choose from, its held-out side the test
    few: tuple[int, ...]  # real images a character; in `half` of the poor half only
    seeds: int
    how: How = (
        "mixed"  # subset: G sees these images only; warm: after embedded ones; mixed: also beside them, by domain
    )
    half: bool = False  # every second character is poor, the others have all their images; tested on the poor ones
    steps: int = 800  # of each generator
    pen_steps: int = 3000  # of the one that learns embedded handwriting, from which all others begin; 0: none
    reader_steps: int = 600  # of each recogniser
    mix: float = 0.5  # share of added images in a recogniser's batch; embedded and generated ones share it evenly
    look: Look = "prepared"  # of the embedded handwriting that helps, in a recogniser's batches and before a generator
    augment: float = 0.5  # of D
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
        return {"data": msgspec.to_builtins(self.data), "settings": asked}

    @property
    def warm(self) -> bool:
        """Whether generators begin with what embedded handwriting taught."""
        return self.how != "subset" and self.pen_steps > 0


def check(plan: Plan) -> None:
    """What cannot be done: ConfigError."""
    configs.override(RunConfig(), {"model.size": plan.size})
    if not plan.half and min(plan.few, default=0) < 1:
        raise ConfigError("--n: at least one real image a character; none is possible with --half only")
    if plan.half and plan.how != "mixed":
        raise ConfigError("--half: a character of one domain is drawn in the look of another; --gan mixed")
    if plan.how == "warm" and not plan.warm:
        raise ConfigError("--pen-steps 0: nothing to begin with; --gan subset or mixed")


def real_domain(source: str, chars: str, *, style: str = "", pool: int = 700, held_out: int = 200) -> DataConfig:
    """The real domain's settings. `style`: of embedded handwriting, which stands for it as a scanner saw it unless told
    otherwise; other sources have none: ConfigError.
    """
    if style and source != "penman":
        raise ConfigError(f"--style {style}: only embedded handwriting, --data penman, has one")
    style = style or ("scanned" if source == "penman" else "clean")
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


def amount(few: int) -> int | str:
    """A number of images a character, or "all"."""
    return "all" if few == ALL else few
