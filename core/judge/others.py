"""What other runs of the home say on a run's card: the `classic` column, and row 3 from `etlgan ocr-gain`."""

import shlex
from collections.abc import Iterator
from typing import Any, NamedTuple

from core import config as configs
from core import presets
from core.errors import ConfigError
from core.judge.quantities import CLASSIC, GENERATED
from core.judge.rows import Numbers
from core.rundir import Home, RunDir, read_json
from core.runs.find import run_ids
from core.runs.state import state_of
from core.settings import RunConfig


class Gain(NamedTuple):
    """Row 3 at one number of real images: what generated images add to a recogniser, with its interval."""

    real_per_char: int
    gain: float  # of accuracy, over real images with classical augmentation
    low: float  # of the 95 % interval
    high: float


def classic_column(home: Home, run: RunDir, config: RunConfig, missing: dict[str, str]) -> dict[str, Numbers]:
    """The newest scored `classic` run on the same data, as a column; what to do where there is none, in `missing`."""
    if config.recipe.name == CLASSIC:
        return {}
    unscored = ""
    for other, theirs in _configs(home):
        if other.id == run.id or theirs.recipe.name != CLASSIC or theirs.data != config.data:
            continue
        if state_of(other).kind != "finished":
            continue
        numbers = _numbers(read_json(other.scores).get("columns", {}), GENERATED)
        if numbers:
            return {CLASSIC: numbers}
        unscored = unscored or other.id
    missing[CLASSIC] = f"etlgan score {unscored}" if unscored else _command(config)
    return {}


def ocr_gain(home: Home, config: RunConfig, missing: dict[str, str]) -> list[Gain]:
    """Row 3: from a run's or study's scores.json of kind `ocr-gain` with the same characters and source."""
    studies = [RunDir(path) for path in sorted(home.root.glob("studies/*"), reverse=True)]
    for place in [*studies, *(home.run(run_id) for run_id in run_ids(home))]:
        tree = read_json(place.scores)
        about = tree.get("data")
        if tree.get("kind") != "ocr-gain" or not isinstance(about, dict):
            continue
        same = all(about.get(name) == getattr(config.data, name) for name in ("source", "chars", "style"))
        entries = tree.get("gain")
        if same and isinstance(entries, list):
            return [gain for entry in entries if (gain := _gain(entry))]
    missing["3"] = "etlgan ocr-gain"
    return []


def _command(config: RunConfig) -> str:
    """What starts a `classic` run on the same data."""
    known = config.preset in presets.PRESETS
    usual = presets.resolve(config.preset if known else "").data
    words = ["etlgan", "run", *([config.preset] if known else [])]
    for name in config.data.__struct_fields__:
        value = getattr(config.data, name)
        if value != getattr(usual, name):
            words += ["--set", f"data.{name}={str(value).lower() if isinstance(value, bool) else value}"]
    return shlex.join([*words, "--set", "recipe.name=classic"])


def _configs(home: Home) -> Iterator[tuple[RunDir, RunConfig]]:
    """Newest first; what cannot be read is passed over."""
    for run_id in run_ids(home):
        run = home.run(run_id)
        try:
            yield run, configs.decode(run.config.read_bytes())
        except (OSError, ConfigError):
            continue


def _numbers(columns: Any, name: str) -> Numbers:
    found = columns.get(name) if isinstance(columns, dict) else None
    if not isinstance(found, dict):
        return {}
    return {key: float(value) for key, value in found.items() if isinstance(value, int | float)}


def _gain(entry: Any) -> Gain | None:
    try:
        return Gain(int(entry["real_per_char"]), *(float(entry[name]) for name in ("gain", "low", "high")))
    except (KeyError, TypeError, ValueError):
        return None
