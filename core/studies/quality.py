"""How soon a preset is good: ordinary runs that the judge looks at as they train, up to train.target."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from core import presets
from core.errors import ConfigError
from core.history import History
from core.judge.scorer import scorer_for
from core.rundir import Home
from core.settings import RunConfig
from core.studies.watched import Watched, trained

LOOK_EVERY = 50  # steps, where train.score_every says nothing
FLOOR = {"recipe.name": "classic", "recipe.label_real": 1.0}  # the public recipe, corrected, with labels added
LONGER = 10  # times as long as the recipe took is the floor given


class Row(NamedTuple):
    """One run, up to its target or to where it was given up."""

    name: str  # what was trained, with the seed
    run: str
    reached: bool
    seconds: float  # of training until then; where it is not reached: in all
    wall: float  # seconds from the command until then: start, pictures, checkpoints and judging too
    judging: float  # of them, the judge's looks
    images: int  # trained on until then
    read: float  # share read as asked, at the last look
    worst: float  # of the worst character
    floor: bool = False  # the public recipe, given LONGER


def measure(
    home: Home, preset: str, changes: Mapping[str, Any], *, seeds: int, floor: bool, tell: Callable[[str], None]
) -> list[Row]:
    """`seeds` runs, then, if the floor is wanted, one of it that gets LONGER times their median.

    Embedded handwriting is as the pen draws it where `changes` name no other, as it was for every figure that is kept.
    """
    every = {"data.style": "clean", "train.score_every": LOOK_EVERY}
    if not presets.resolve(preset, every | dict(changes)).train.score_every:
        raise ConfigError("train.score_every=0: without the judge's looks nothing tells when a run is good")
    rows = []
    for seed in range(seeds):
        rows.append(_one(home, preset, presets.resolve(preset, every | {**changes, "seed": seed}), None, tell))
        tell(told(rows[-1]))
    if floor:
        limit = LONGER * statistics.median(row.seconds for row in rows)
        config = presets.resolve(preset, every | {**changes, **FLOOR, "train.steps": 10_000_000})
        rows.append(_one(home, f"{preset}, classic with labels", config, limit, tell)._replace(floor=True))
        tell(told(rows[-1]))
    return rows


def _one(home: Home, name: str, config: RunConfig, limit: float | None, tell: Callable[[str], None]) -> Row:
    scorer_for(config, progress=lambda words, done, all_: tell(words) if done == all_ else None)  # a warm cache
    tell(f"{name}, seed {config.seed}: training")

    def enough(history: History) -> bool:
        late = bool(limit and history.seconds and history.seconds[-1] >= limit)
        return history.seconds_to_target is not None or late

    return _row(f"{name}, seed {config.seed}", config, trained(home, config, tag="bench-quality", enough=enough))


def _row(name: str, config: RunConfig, watched: Watched) -> Row:
    history = watched.history
    looks = [event for event in history.scored if event.seconds is not None]
    at = next((event for event in looks if event.passed), looks[-1])
    spent = history.finished[-1].spent
    return Row(
        name=name,
        run=watched.run.id,
        reached=bool(at.passed),
        seconds=float(at.seconds or 0.0),
        wall=at.time - watched.asked,
        judging=spent.get("scores", 0.0) * (looks.index(at) + 1) / len(looks),
        images=at.step * config.train.batch_size,
        read=at.scores.get("gan_test") or 0.0,
        worst=at.scores.get("gan_test_worst") or 0.0,
    )


def told(row: Row) -> str:
    """In words."""
    how = f"reached after {row.seconds:.1f} s" if row.reached else f"not reached in {row.seconds:.0f} s"
    return f"{row.name}: {how} of training, {row.read:.2%} read as asked, worst {row.worst:.1%}"


def summary(rows: Sequence[Row]) -> dict[str, float | None]:
    """Median and slowest of the recipe's runs (None: one did not get there), and how many times sooner than the floor.

    A floor that was given up is told by the time that it got: at least so many times sooner.
    """
    own = [row for row in rows if not row.floor]
    floor = [row.seconds for row in rows if row.floor]
    there = all(row.reached for row in own)
    median = statistics.median(row.seconds for row in own) if there else None
    return {
        "median": median,
        "lowest": min(row.seconds for row in own) if there else None,
        "highest": max(row.seconds for row in own) if there else None,
        "wall": max(row.wall for row in own) if there else None,
        "sooner_than_classic": floor[0] / median if floor and median else None,
    }
