"""The generators of an OCR gain: ordinary runs on what a customer would have, found again when a study goes on."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from core import presets
from core.errors import ConfigError
from core.gan.saved import find
from core.rundir import Home, RunDir
from core.settings import RunConfig
from core.studies import cells
from core.studies.cells import Cell, Tell
from core.studies.gain.plan import PEN_SEED, Plan, amount
from core.studies.gain.subsets import Subset, written

Key = tuple[int, int]  # real images a character, seed


def trained(
    home: Home, plan: Plan, subsets: Mapping[Key, Subset], characters: tuple[str, ...], *, jobs: int, tell: Tell
) -> Iterator[tuple[Key, RunDir]]:
    """Each of `subsets` with its finished generator."""
    pen = _pen(home, plan, tell) if plan.warm else None
    if plan.how == "pen" and pen is not None:
        yield from ((key, pen) for key in subsets)
        return
    start = str(find(pen).path) if pen is not None else ""
    folder = home.studies / plan.name / "data"
    folder.mkdir(parents=True, exist_ok=True)
    table = {}
    for (few, seed), subset in subsets.items():
        place = written(folder, subset, characters)
        table[Cell(f"{amount(few)} real images", plan.how, _config(plan, place, seed, start))] = (few, seed)
    for cell, run in cells.trained(home, list(table), study=plan.name, jobs=jobs, threads=plan.threads, tell=tell):
        yield table[cell], run


def _pen(home: Home, plan: Plan, tell: Tell) -> RunDir:
    """The generator of embedded handwriting, shared by all; trained now if it is not there."""
    changes = {"train.steps": plan.pen_steps, "data.source": f"penman:{plan.look}"}
    cell = Cell("embedded handwriting", plan.how, _settled(plan, changes, seed=0))
    runs = [run for _, run in cells.trained(home, [cell], study=plan.name, jobs=1, threads=plan.threads, tell=tell)]
    if not runs:
        raise ConfigError("the run on embedded handwriting did not finish; `etlgan logs last` tells why")
    return runs[0]


def _config(plan: Plan, place: Path, seed: int, start: str) -> RunConfig:
    real = f"real=folder:{place}"
    changes: dict[str, Any] = {
        "train.steps": plan.steps,
        "train.init_from": start,
        "data.source": f"pen=penman:{plan.look}+{real}" if plan.how == "mixed" else real,
        "recipe.augment": plan.augment,
        "train.lr": plan.lr,
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
    }
    return presets.resolve("", usual | dict(plan.changes) | changes)
