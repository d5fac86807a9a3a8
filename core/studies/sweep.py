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
from pathlib import Path
from typing import Any, NamedTuple

from core import config as configs
from core import presets
from core.errors import ConfigError, EtlganError, RunError
from core.rundir import Home, read_json, write_json
from core.runs import launcher
from core.runs.disk import folder_lock, telling
from core.runs.launcher import Where
from core.runs.state import State, state_of
from core.runs.store import Row, Store
from core.runs.sync import sync
from core.settings import RunConfig
from core.studies.axes import Axis, parse_axis

MOST_POINTS = 10_000
TRIES = 100  # for each point drawn at random: a narrow range may hold fewer numbers of a few digits than are wanted
ID = re.compile(r"sweep-[0-9a-f]{8}")


class Sweep(NamedTuple):
    """What was asked for."""

    id: str
    preset: str
    base: RunConfig  # what all points share
    axes: tuple[Axis, ...]
    draws: int = 0  # points drawn at random; 0: the whole grid
    seeds: int = 1  # runs of each point
    created: float = 0.0
    search: int = 0  # points that are proposed one after another, each by what came of those before
    by: str = ""  # of a search: the number that it goes by
    prune: bool = False  # of a search: stop what does worse on the way than half of the others did

    @property
    def wanted(self) -> int:
        """Runs in all."""
        return self.seeds * (self.search or sum(1 for _ in _combinations(self)))


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


def plan(
    preset: str,
    changes: Mapping[str, Any],
    grids: Sequence[str],
    *,
    draws: int = 0,
    seeds: int = 1,
    search: int = 0,
    by: str = "",
    prune: bool = False,
) -> Sweep:
    """What a command asks for. Unknown fields, bad values, too many points: ConfigError."""
    if draws and search:
        raise ConfigError("--random draws, --search proposes: choose one")
    axes = tuple(parse_axis(text, at_random=draws > 0 or search > 0) for text in grids)
    names = [axis.name for axis in axes]
    if not axes:
        raise ConfigError("nothing to sweep; give --grid NAME=VALUE,VALUE once or more")
    if twice := {name for name in names if names.count(name) > 1 or name in changes}:
        raise ConfigError(f"{', '.join(sorted(twice))}: set twice; a swept field is named once, in --grid")
    base = presets.resolve(preset, changes)
    sweep = Sweep("", preset, base, axes, draws, seeds, time.time(), search, by, prune)
    asked = seeds * (search or draws or math.prod(len(axis.values) for axis in axes))
    if asked > MOST_POINTS:
        raise ConfigError(f"{asked:,} runs are too many for a sweep; at most {MOST_POINTS:,}")
    return sweep._replace(id=_id(sweep))


def _id(sweep: Sweep) -> str:
    """The same for the same command; a search may be made longer, so its length does not count."""
    tree = _tree(sweep) | {"created": 0}
    tree.pop("search", None)
    tree.pop("prune", None)
    told = json.dumps(tree, sort_keys=True, ensure_ascii=False)
    return f"sweep-{hashlib.sha256(told.encode()).hexdigest()[:8]}"


def points(sweep: Sweep) -> Iterator[Point]:
    """Every run that the sweep wants, always the same ones in the same order: seeds last. None of a search's: they
    are not known before."""
    for changes in _combinations(sweep):
        for number in range(sweep.seeds):
            seed = sweep.base.seed + number
            yield Point(changes, seed, configs.override(sweep.base, {**changes, "seed": seed}))


def _combinations(sweep: Sweep) -> Iterator[dict[str, str]]:
    names = [axis.name for axis in sweep.axes]
    if sweep.search:
        return
    if not sweep.draws:
        for values in itertools.product(*(axis.values for axis in sweep.axes)):
            yield dict(zip(names, values, strict=True))
        return
    dice, seen = random.Random(0), set[tuple[str, ...]]()
    goal = min(sweep.draws, math.prod(axis.choices for axis in sweep.axes))
    for _ in range(TRIES * sweep.draws):
        if len(seen) == goal:
            return
        values = tuple(axis.drawn(dice) for axis in sweep.axes)
        if values not in seen:
            seen.add(values)
            yield dict(zip(names, values, strict=True))


def keep(home: Home, sweep: Sweep) -> Sweep:
    """Write it down, or read what an earlier command wrote. A folder that cannot be written: RunError."""
    path = home.sweeps / sweep.id / "sweep.json"
    before = read(home, sweep.id) if path.exists() else None
    if before:
        sweep = before._replace(search=sweep.search, prune=sweep.prune)
    if sweep != before:
        with telling(home.sweeps):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, _tree(sweep))
    return sweep


def _tree(sweep: Sweep) -> dict[str, Any]:
    axes = [axis._asdict() | {"values": list(axis.values)} for axis in sweep.axes]
    tree = sweep._asdict() | {"base": configs.to_tree(sweep.base), "axes": axes}
    return tree if sweep.search else {name: tree[name] for name in tree if name not in ("search", "by", "prune")}


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
    return _decoded(home.sweeps / found[0] / "sweep.json", found[0])


def _decoded(path: Path, sweep_id: str) -> Sweep:
    tree = read_json(path)
    try:
        axes = tuple(
            Axis(str(axis["name"]), tuple(map(str, axis["values"])), float(axis["low"]), float(axis["high"]))
            for axis in tree["axes"]
        )
        if unknown := {axis.name for axis in axes} - {field.name for field in configs.fields()}:
            raise ValueError(f"no such field: {', '.join(sorted(unknown))}")  # nor a path
        base = configs.decode(json.dumps(tree["base"]).encode(), where=str(path))
        return Sweep(
            sweep_id,
            str(tree["preset"]),
            base,
            axes,
            int(tree["draws"]),
            max(1, int(tree["seeds"])),
            _seconds(tree.get("created")),
            max(0, int(tree.get("search", 0))),
            str(tree.get("by", "")),
            tree.get("prune") is True,
        )
    except (KeyError, TypeError, ValueError, EtlganError) as error:
        raise RunError(f"{path}: damaged ({error}); the same command that made it makes it anew") from None


def children(home: Home, store: Store, sweep: Sweep) -> list[Child]:
    """Every point with its run; of a search the points that were tried so far."""
    found = runs_of(home, store, sweep)
    if sweep.search:
        return [Child(_point(sweep, row), row, state) for row, state in found.values()]
    return [Child(point, *found.get(configs.encode(point.config), (None, None))) for point in points(sweep)]


def runs_of(home: Home, store: Store, sweep: Sweep) -> dict[bytes, tuple[Row, State]]:
    """The run of each configuration, by the text of its config.json, in the order in which they were made; of
    several alike the newest that finished, else the newest."""
    rows = store.runs(limit=MOST_POINTS * 2, parent=sweep.id, descending=False)
    found: dict[bytes, tuple[Row, State]] = {}
    for row in rows:
        state, key = state_of(home.run(row.id)), _key(row.config)
        if key and (key not in found or found[key][1].kind != "finished" or state.kind == "finished"):
            found[key] = (row, state)
    return found


def _point(sweep: Sweep, row: Row) -> Point:
    """What a run of a search has in the swept fields."""
    config = configs.decode(row.config.encode())
    changes = {}
    for axis in sweep.axes:
        value = configs.get(config, axis.name)
        changes[axis.name] = next((text for text in axis.values if axis.means(text, value)), axis.text(value))
    return Point(changes, config.seed, config)


def _key(config: str) -> bytes:
    try:
        return configs.encode(configs.decode(config.encode()))
    except ConfigError:
        return b""


def go_on(home: Home, store: Store, sweep: Sweep, *, priority: int = 0, on: Where = "here") -> tuple[int, int]:
    """Queue what is missing and what did not finish, here or with Slurm; what finished, runs or waits is left alone.

    How many were queued anew, and how many go on. Two commands at once do not queue anything twice.
    """
    new = again = 0
    folder = home.sweeps / sweep.id
    with telling(folder), folder_lock(folder):
        sync(home, store)
        for number, child in enumerate(children(home, store, sweep), 1):
            if child.row is None:
                name = f"{sweep.preset or 'sweep'}-{sweep.id[-4:]}-{number}"
                launcher.start(
                    home,
                    child.point.config,
                    name=name,
                    parent=sweep.id,
                    queued=on == "here",
                    priority=priority,
                    on=on,
                )
                new += 1
            elif child.state and child.state.kind in ("stopped", "failed", "killed", "crashed"):
                launcher.resume(home, home.run(child.row.id), queued=on == "here", on=on)
                again += 1
    return new, again


def _seconds(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
