"""Checkpoints: safetensors for the numbers, readable JSON beside them. Nothing is ever unpickled.

`00020000.safetensors` holds everything that resuming needs; `00020000.json` says what it is, in words and shapes.
"""

from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse
from safetensors.torch import save as serialise
from torch import Tensor

from core.errors import RunError
from core.rundir import RunDir, read_json, write_atomic, write_json

FORMAT = 1
MARGIN = 0.02  # of quality, 0 .. 1: differences below it are chance


class Checkpoint(NamedTuple):
    """One checkpoint on disk."""

    path: Path  # the safetensors file
    step: int
    quality: float  # what `best` goes by; higher is better
    facts: dict[str, Any]  # the JSON beside it


def save(
    run: RunDir, step: int, tensors: dict[str, Tensor], facts: dict[str, Any], *, quality: float, keep: int
) -> bool:
    """Write checkpoint `step`, then drop old ones: the newest `keep` and the best stay. True if this is the best.

    The JSON comes last, so that a checkpoint with a JSON is whole. A full disk raises OSError and harms no older one.
    """
    path = run.checkpoint(step)
    flat = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    shapes = {name: list(tensor.shape) for name, tensor in flat.items()}
    write_atomic(path, serialise(flat))
    write_json(_facts_path(path), {"format": FORMAT, "step": step, "quality": quality, **facts, "shapes": shapes})
    found = everything(run)
    best = _best(found)
    for old in found[: -keep or None]:
        if old.path != best.path and old.step < step:
            old.path.unlink(missing_ok=True)
            _facts_path(old.path).unlink(missing_ok=True)
    return best.step == step


def everything(run: RunDir) -> list[Checkpoint]:
    """All whole checkpoints, oldest first."""
    found = []
    for path in sorted(run.checkpoints.glob("*.safetensors")):
        facts = read_json(_facts_path(path))
        step, quality = facts.get("step"), facts.get("quality")
        if facts.get("format") == FORMAT and isinstance(step, int) and isinstance(quality, int | float):
            found.append(Checkpoint(path, step, float(quality), facts))
    return found


def find(run: RunDir, which: str = "best") -> Checkpoint:
    """`best`, `last`, or a step number. None there: RunError that says what there is."""
    found = everything(run)
    if not found:
        raise RunError(f"run {run.id} has no checkpoint yet; it writes one every train.save_every steps and at its end")
    if which == "last":
        return found[-1]
    if which == "best":
        return _best(found)
    for checkpoint in found:
        if which.isdecimal() and checkpoint.step == int(which):
            return checkpoint
    steps = ", ".join(str(checkpoint.step) for checkpoint in found)
    raise RunError(f"run {run.id} has no checkpoint {which!r}; it has best, last, {steps}")


def read(checkpoint: Checkpoint) -> dict[str, Tensor]:
    """The tensors, checked against the shapes in the JSON. Damaged, or from elsewhere: RunError."""
    try:
        tensors = parse(checkpoint.path.read_bytes())
    except (OSError, SafetensorError) as error:
        raise RunError(
            f"checkpoint {checkpoint.path}: cannot be read ({error}); choose another with --checkpoint"
        ) from None
    shapes = {name: list(tensor.shape) for name, tensor in tensors.items()}
    if shapes != checkpoint.facts.get("shapes"):
        raise RunError(f"checkpoint {checkpoint.path}: its tensors are not those that its JSON lists; it is refused")
    return tensors


def newest_readable(run: RunDir) -> tuple[Checkpoint, dict[str, Tensor]] | None:
    """The newest checkpoint that loads, damaged ones passed over; None where there is none."""
    for checkpoint in reversed(everything(run)):
        try:
            return checkpoint, read(checkpoint)
        except RunError as error:
            print(f"{error}; trying an older one")
    return None


def prefixed(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """{'w': t} -> {'prefix.w': t}."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def part(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under a prefix, without it."""
    return {name[len(prefix) + 1 :]: tensor for name, tensor in tensors.items() if name.startswith(prefix + ".")}


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """An optimiser's state by parameter number: {'0.exp_avg': ...}."""
    state = optimiser.state_dict()["state"]
    return {
        f"{number}.{name}": torch.as_tensor(value) for number, entry in state.items() for name, value in entry.items()
    }


def load_optimiser(optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """The inverse of `optimiser_tensors`."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        number, _, key = name.partition(".")
        state.setdefault(int(number), {})[key] = tensor
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
    for parameter, entry in optimiser.state.items():
        for key, value in entry.items():
            if value.shape == parameter.shape:  # laid out as the parameter is: fused Adam pairs them by their place
                entry[key] = torch.empty_like(parameter, requires_grad=False).copy_(value)


def _facts_path(path: Path) -> Path:
    return path.with_suffix(".json")


def _best(found: list[Checkpoint]) -> Checkpoint:
    """The newest whose quality is not clearly below the highest: strokes go on improving after Q reads them all."""
    top = max(checkpoint.quality for checkpoint in found)
    return [checkpoint for checkpoint in found if checkpoint.quality >= top - MARGIN][-1]
