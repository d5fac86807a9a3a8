"""Sweeps: many runs of one preset that differ in a few fields, each an ordinary queued run with the sweep as parent.

What was asked for is kept in `sweeps/<id>/sweep.json`; the id is made from it, so that the same command goes on where
an earlier one stopped. Which run belongs to which point is seen by comparing configurations: nothing can go stale.
"""

import hashlib
import itertools
import json
import math
import random
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from core import config as configs
from core import presets
from core.config import RunConfig
from core.errors import ConfigError, EtlganError, RunError
from core.rundir import Home, read_json, write_json
from core.runs import launcher
from core.runs.disk import folder_lock, telling
from core.runs.state import State, state_of
from core.runs.store import Row, Store
from core.runs.sync import sync

MOST_POINTS = 10_000
DIGITS = 3  # significant, of a value drawn at random
LOG_RATIO = 5  # a range this wide that is all above 0 is drawn from on a logarithmic scale
ID = re.compile(r"sweep-[0-9a-f]{8}")


class Axis(NamedTuple):
    """One swept field, and what it takes: values as typed, or a range to draw from."""

    name: str
    values: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0

    @property
    def is_range(self) -> bool:
        return not self.values

    def drawn(self, dice: random.Random) -> str:
        """A value as a person would type it."""
        if self.values:
            return dice.choice(self.values)
        if _type(self.name) is int:
            return str(dice.randint(math.ceil(self.low), math.floor(self.high)))
        if self.log:
            return f"{math.exp(dice.uniform(math.log(self.low), math.log(self.high))):.{DIGITS}g}"
        return f"{dice.uniform(self.low, self.high):.{DIGITS}g}"

    @property
    def log(self) -> bool:
        """Whether it spreads over a logarithmic scale."""
        numbers = [self.low, self.high] if self.is_range else [_number(value) for value in self.values]
        return min(numbers) > 0 and max(numbers) >= LOG_RATIO * min(numbers)


class Sweep(NamedTuple):
    """What was asked for."""

    id: str
    preset: str
    base: RunConfig  # what all points share
    axes: tuple[Axis, ...]
    draws: int = 0  # points drawn at random; 0: the whole grid
    seeds: int = 1  # runs of each point
    created: float = 0.0


class Point(NamedTuple):
    """One run that the sweep wants."""

    changes: Mapping[str, str]  # of the swept fields, as typed
    seed: int
    config: RunConfig


class Child(NamedTuple):
    """A point and the run that it has, if any."""

    point: Point
    row: Row | None
    state: State | None


def parse_axis(text: str, *, at_random: bool) -> Axis:
    """`train.lr=1e-4,2e-4` or, to draw from, `train.lr=1e-4..1e-3`. Anything else: ConfigError."""
    name, equals, told = text.partition("=")
    name, values = name.strip(), tuple(value.strip() for value in told.split(","))
    if not equals or not all(values):
        raise ConfigError(f"--grid {text}: must be NAME=VALUE,VALUE,... such as train.lr=1e-4,2e-4")
    if name in ("seed", "preset", "version"):
        raise ConfigError(f"--grid {text}: {name} cannot be swept; --seeds N makes N runs of each point")
    if len(values) != len(set(values)):
        raise ConfigError(f"--grid {text}: a value is named twice")
    if ".." not in told or _type(name) not in (int, float):
        for value in values:
            configs.override(RunConfig(), {name: value})
        return Axis(name, values)
    low, high = _ends(text, told)
    if not at_random:
        raise ConfigError(f"--grid {text}: a range needs --random N, the number of points to draw")
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


def plan(preset: str, changes: Mapping[str, Any], grids: Sequence[str], *, draws: int = 0, seeds: int = 1) -> Sweep:
    """What a command asks for. Unknown fields, bad values, too many points: ConfigError."""
    axes = tuple(parse_axis(text, at_random=draws > 0) for text in grids)
    names = [axis.name for axis in axes]
    if not axes:
        raise ConfigError("nothing to sweep; give --grid NAME=VALUE,VALUE once or more")
    if twice := {name for name in names if names.count(name) > 1 or name in changes}:
        raise ConfigError(f"{', '.join(sorted(twice))}: set twice; a swept field is named once, in --grid")
    base = presets.resolve(preset, changes)
    sweep = Sweep("", preset, base, axes, draws, seeds, time.time())
    runs = seeds * (draws or math.prod(len(axis.values) for axis in axes))
    if runs > MOST_POINTS:
        raise ConfigError(f"{runs:,} runs are too many for a sweep; at most {MOST_POINTS:,}")
    told = json.dumps(_tree(sweep) | {"created": 0}, sort_keys=True, ensure_ascii=False)
    return sweep._replace(id=f"sweep-{hashlib.sha256(told.encode()).hexdigest()[:8]}")


def points(sweep: Sweep) -> Iterator[Point]:
    """Every run that the sweep wants, always the same ones in the same order: seeds last."""
    for changes in _combinations(sweep):
        for number in range(sweep.seeds):
            seed = sweep.base.seed + number
            yield Point(changes, seed, configs.override(sweep.base, {**changes, "seed": seed}))


def _combinations(sweep: Sweep) -> Iterator[dict[str, str]]:
    names = [axis.name for axis in sweep.axes]
    if not sweep.draws:
        for values in itertools.product(*(axis.values for axis in sweep.axes)):
            yield dict(zip(names, values, strict=True))
        return
    dice = random.Random(0)
    for _ in range(sweep.draws):
        yield {axis.name: axis.drawn(dice) for axis in sweep.axes}


def keep(home: Home, sweep: Sweep) -> Sweep:
    """Write it down, or read what an earlier command wrote. A folder that cannot be written: RunError."""
    path = home.sweeps / sweep.id / "sweep.json"
    if path.exists():
        return read(home, sweep.id)
    with telling(home.sweeps):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, _tree(sweep))
    return sweep


def _tree(sweep: Sweep) -> dict[str, Any]:
    axes = [axis._asdict() | {"values": list(axis.values)} for axis in sweep.axes]
    return sweep._asdict() | {"base": configs.to_tree(sweep.base), "axes": axes}


def read(home: Home, text: str) -> Sweep:
    """A sweep by its id or a unique beginning of it, or `last`. None such, or damaged: RunError."""
    known = sorted(path.name for path in home.sweeps.glob("sweep-*") if ID.fullmatch(path.name))
    begin = text.removeprefix("sweep-")
    found = [name for name in known if begin and name.startswith(f"sweep-{begin}")]
    if text == "last" and known:
        found = [max(known, key=lambda name: _seconds(read_json(home.sweeps / name / "sweep.json").get("created")))]
    if len(found) != 1:
        listed = ", ".join(known[:5]) or "none yet; `etlgan sweep PRESET --grid ...` starts one"
        raise RunError(f"{'no' if not found else 'more than one'} sweep {text!r} in {home.sweeps}; there is {listed}")
    path = home.sweeps / found[0] / "sweep.json"
    tree = read_json(path)
    try:
        axes = tuple(
            Axis(str(axis["name"]), tuple(map(str, axis["values"])), float(axis["low"]), float(axis["high"]))
            for axis in tree["axes"]
        )
        if unknown := {axis.name for axis in axes} - {field.name for field in configs.fields()}:
            raise ValueError(f"no such field: {', '.join(sorted(unknown))}")  # nor a path
        base = configs.decode(json.dumps(tree["base"]).encode(), where=str(path))
        sweep = Sweep(found[0], str(tree["preset"]), base, axes, int(tree["draws"]), max(1, int(tree["seeds"])))
        return sweep._replace(created=_seconds(tree.get("created")))
    except (KeyError, TypeError, ValueError, EtlganError) as error:
        raise RunError(f"{path}: damaged ({error}); the same command that made it makes it anew") from None


def children(home: Home, store: Store, sweep: Sweep) -> list[Child]:
    """Every point with its run: of several alike the newest that finished, else the newest."""
    rows = store.runs(limit=MOST_POINTS * 2, parent=sweep.id, descending=False)
    found: dict[bytes, tuple[Row, State]] = {}
    for row in rows:
        state, key = state_of(home.run(row.id)), _key(row.config)
        if key not in found or found[key][1].kind != "finished" or state.kind == "finished":
            found[key] = (row, state)
    return [Child(point, *found.get(configs.encode(point.config), (None, None))) for point in points(sweep)]


def _key(config: str) -> bytes:
    try:
        return configs.encode(configs.decode(config.encode()))
    except ConfigError:
        return b""


def go_on(home: Home, store: Store, sweep: Sweep, *, priority: int = 0) -> tuple[int, int]:
    """Queue what is missing and what did not finish; what finished, runs or waits is left alone.

    How many were queued anew, and how many go on. Two commands at once do not queue anything twice.
    """
    new = again = 0
    folder = home.sweeps / sweep.id
    with telling(folder), folder_lock(folder):
        sync(home, store)
        for number, child in enumerate(children(home, store, sweep), 1):
            if child.row is None:
                name = f"{sweep.preset or 'sweep'}-{sweep.id[-4:]}-{number}"
                launcher.start(home, child.point.config, name=name, parent=sweep.id, queued=True, priority=priority)
                new += 1
            elif child.state and child.state.kind in ("stopped", "failed", "killed", "crashed"):
                launcher.resume(home, home.run(child.row.id), queued=True)
                again += 1
    return new, again


def _type(name: str) -> Any:
    return {field.name: field.type for field in configs.fields()}.get(name)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _seconds(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
