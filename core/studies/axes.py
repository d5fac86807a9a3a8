"""The fields that a sweep varies: from the words of a command to values, listed or drawn from a range."""

import math
import random
from typing import Any, NamedTuple

from core import config as configs
from core.errors import ConfigError
from core.settings import RunConfig

DIGITS = 3  # significant, of a value drawn at random
LOG_RATIO = 5  # a range this wide that is all above 0 is drawn from on a logarithmic scale


class Axis(NamedTuple):
    """One swept field, and what it takes: values as typed, or a range to draw from."""

    name: str
    values: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0

    @property
    def is_range(self) -> bool:
        return not self.values

    @property
    def whole(self) -> bool:
        """Whether only whole numbers will do."""
        return _type(self.name) is int

    def drawn(self, dice: random.Random) -> str:
        """A value as a person would type it."""
        if self.values:
            return dice.choice(self.values)
        if self.whole:
            return str(dice.randint(*self.bounds))
        if self.log:
            return self.text(math.exp(dice.uniform(math.log(self.low), math.log(self.high))))
        return self.text(dice.uniform(self.low, self.high))

    def text(self, value: Any) -> str:
        """A value as a person would type it; one that rounding would put out of its range keeps all its digits."""
        if not isinstance(value, float):
            return str(value)
        text = f"{value:.{DIGITS}g}"
        return text if not self.is_range or self.low <= float(text) <= self.high else repr(value)

    def means(self, text: str, value: Any) -> bool:
        """Whether that is what the field's value is called here."""
        return bool(configs.get(configs.override(RunConfig(), {self.name: text}), self.name) == value)

    @property
    def bounds(self) -> tuple[int, int]:
        """The ends of a range of whole numbers."""
        return math.ceil(self.low), math.floor(self.high)

    @property
    def choices(self) -> float:
        """How many values it can take; infinity for a range of fractions."""
        if self.values:
            return len(self.values)
        return self.bounds[1] - self.bounds[0] + 1 if self.whole else math.inf

    @property
    def log(self) -> bool:
        """Whether it spreads over a logarithmic scale."""
        numbers = [self.low, self.high] if self.is_range else [_number(value) for value in self.values]
        return min(numbers) > 0 and max(numbers) >= LOG_RATIO * min(numbers)


def parse_axis(text: str, *, at_random: bool) -> Axis:
    """`train.lr=1e-4,2e-4` or, to draw from, `train.lr=1e-4..1e-3`. Anything else: ConfigError."""
    name, equals, told = text.partition("=")
    name, values = name.strip(), tuple(value.strip() for value in told.split(","))
    if not equals or not all(values):
        raise ConfigError(f"--grid {text}: must be NAME=VALUE,VALUE,... such as train.lr=1e-4,2e-4")
    if name in ("seed", "preset", "version"):
        raise ConfigError(f"--grid {text}: {name} cannot be swept; --seeds N makes N runs of each point")
    if ".." not in told or _type(name) not in (int, float):
        meant = [configs.get(configs.override(RunConfig(), {name: value}), name) for value in values]
        if any(meant.count(value) > 1 for value in meant):
            raise ConfigError(f"--grid {text}: a value is named twice")
        return Axis(name, values)
    low, high = _ends(text, told)
    if not at_random:
        raise ConfigError(f"--grid {text}: a range needs --random N or --search N, the number of configurations to try")
    for end in (low, high):
        configs.override(RunConfig(), {name: int(end) if _type(name) is int else end})
    return Axis(name, (), low, high)


def _ends(text: str, told: str) -> tuple[float, float]:
    try:
        low, high = (float(end) for end in told.split(".."))
    except ValueError:
        raise ConfigError(f"--grid {text}: a range is LOW..HIGH, such as 1e-4..1e-3") from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ConfigError(f"--grid {text}: a range goes from the smaller number to the larger one")
    return low, high


def _type(name: str) -> Any:
    return {field.name: field.type for field in configs.fields()}.get(name)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
