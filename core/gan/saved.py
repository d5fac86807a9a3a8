"""What checkpoints there are, and which one a run begins with: told by the JSON beside them, without torch."""

from pathlib import Path
from typing import Any, NamedTuple

from core import config as configs
from core.errors import ConfigError, RunError
from core.rundir import RunDir, expanded, read_json
from core.settings import RunConfig

FORMAT = 1
MARGIN = 0.02  # of quality, 0 .. 1: differences below it are chance
ARCHITECTURE = ("size", "noise", "codes", "anchored")  # of model.*: what a warm start's networks must have in common


class Checkpoint(NamedTuple):
    """One checkpoint on disk."""

    path: Path  # the safetensors file
    step: int
    quality: float  # what `best` goes by; higher is better
    facts: dict[str, Any]  # the JSON beside it


def everything(run: RunDir) -> list[Checkpoint]:
    """All whole checkpoints, oldest first."""
    return [found for path in run.checkpoint_files() if (found := _told_by(path))]


def damaged(run: RunDir) -> list[Path]:
    """Checkpoints whose JSON does not say what they are. One without a JSON is being written, or was not to its end."""
    return [path for path in run.checkpoint_files() if facts_path(path).exists() and not _told_by(path)]


def _told_by(path: Path) -> Checkpoint | None:
    facts = read_json(facts_path(path))
    step, quality = facts.get("step"), facts.get("quality")
    if facts.get("format") != FORMAT or not isinstance(step, int) or not isinstance(quality, int | float):
        return None
    return Checkpoint(path, step, float(quality), facts)


def find(run: RunDir, which: str = "best") -> Checkpoint:
    """`best`, `last`, or a step number. None there, or a JSON that does not tell: RunError that says what there is."""
    found = everything(run)
    if not found:
        raise RunError(why_none(run))
    steps = ", ".join(str(checkpoint.step) for checkpoint in found)
    if which in ("best", "last"):
        if unclear := damaged(run):
            raise RunError(
                f"run {run.id}: which checkpoint is the {which} cannot be told, for {facts_path(unclear[0])} is "
                f"damaged; remove it, or choose a step: {steps}"
            )
        return found[-1] if which == "last" else best_of(found)
    for checkpoint in found:
        if which.isdecimal() and checkpoint.step == int(which):
            return checkpoint
    raise RunError(f"run {run.id} has no checkpoint {which!r}; it has best, last, {steps}")


def why_none(run: RunDir) -> str:
    """What to say of a run without a whole checkpoint: their JSON is not there, it ended so, or they come yet."""
    bare = [path.name for path in run.checkpoint_files()]
    if bare:
        names = ", ".join(bare[:3]) + (" ..." if len(bare) > 3 else "")
        return (
            f"run {run.id}: its checkpoints have no JSON beside them that says what they are (not written by etlgan, "
            f"or damaged): {names}"
        )
    if _ended(run):
        return f"run {run.id} has no checkpoint, and it has ended: none was written, or they were removed"
    return f"run {run.id} has no checkpoint yet; it writes one every train.save_every steps and at its end"


def _ended(run: RunDir) -> bool:
    """Whether the newest attempt is over, by its files: a resumed run still has the exit.json of the one before."""
    told = read_json(run.exit).get("attempt")
    return told is not None and read_json(run.lock).get("attempt", told) == told


def facts_path(path: Path) -> Path:
    return path.with_suffix(".json")


def best_of(found: list[Checkpoint]) -> Checkpoint:
    """The newest whose quality is not clearly below the highest: strokes go on improving after Q reads them all.

    Only those count that were ranked as the newest was, by a judge or by Q: a resumed run may have changed that.
    """
    judged = found[-1].facts.get("judged")
    alike = [checkpoint for checkpoint in found if checkpoint.facts.get("judged") == judged]
    top = max(checkpoint.quality for checkpoint in alike)
    return [checkpoint for checkpoint in alike if checkpoint.quality >= top - MARGIN][-1]


def names(facts: dict[str, Any], key: str, usual: tuple[str, ...] | None = None) -> tuple[str, ...]:
    """A list of names in a checkpoint's JSON, such as its characters; `usual` where it tells none. RunError."""
    found = facts.get(key, list(usual) if usual else None)
    if not isinstance(found, list) or not found or not all(isinstance(name, str) for name in found):
        raise RunError(f"the checkpoint's JSON does not list its {key}; it is refused")
    return tuple(found)


def initial(config: RunConfig, runs: Path) -> Checkpoint:
    """The checkpoint that train.init_from names: a .safetensors file, a run's folder, or an id in `runs`.

    Of a run, the best one. None there, or networks of another architecture: RunError.
    """
    text = config.train.init_from
    path = expanded(text)
    folder = path if path.is_dir() else runs / text
    if path.suffix == ".safetensors":
        found = _single(path)
    elif folder.is_dir():
        found = find(RunDir(folder))
    else:
        raise RunError(f"train.init_from={text}: is no run in {runs} and no .safetensors file of one")
    _same_networks(config, found)
    return found


def _single(path: Path) -> Checkpoint:
    facts = read_json(facts_path(path))
    step = facts.get("step")
    if not path.is_file():
        raise RunError(f"train.init_from={path}: there is no such file")
    if facts.get("format") != FORMAT or not isinstance(step, int):
        raise RunError(f"train.init_from={path}: no etlgan checkpoint: {facts_path(path).name} beside it must say so")
    return Checkpoint(path, step, 0.0, facts)


def _same_networks(config: RunConfig, found: Checkpoint) -> None:
    """RunError naming the first setting that differs."""
    theirs = _told(found)
    ours = {"recipe.name": config.recipe.name, "data.size": config.data.size}  # first: a recipe has usual networks
    ours |= {f"model.{name}": getattr(config.model, name) for name in ARCHITECTURE}
    for name, value in ours.items():
        if name in theirs and theirs[name] != value:
            raise RunError(
                f"train.init_from: {found.path} was trained with {name}={theirs[name]}, this run has {name}={value}; "
                f"give both the same networks (--set {name}={theirs[name]})"
            )


def _told(found: Checkpoint) -> dict[str, Any]:
    """Settings of the checkpoint's run, by dotted name: its own JSON's, else those of the config.json of its run."""
    facts = found.facts
    try:
        beside = configs.decode(RunDir(found.path.parent.parent).config.read_bytes())
        theirs = {"recipe.name": beside.recipe.name, "data.size": beside.data.size}
    except (OSError, ConfigError):
        theirs = {}
    model = facts.get("model")
    theirs |= {f"model.{name}": value for name, value in (model if isinstance(model, dict) else {}).items()}
    told = {"recipe.name": facts.get("recipe"), "data.size": facts.get("pixels")}
    return theirs | {name: value for name, value in told.items() if value is not None}
