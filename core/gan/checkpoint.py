"""Checkpoints: safetensors for the numbers, readable JSON beside them. Nothing is ever unpickled.

`00020000.safetensors` holds everything that resuming needs; `00020000.json` says what it is, in words and shapes.
"""

from collections.abc import Callable
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as parse
from safetensors.torch import save as serialise
from torch import Tensor

from core.errors import RunError
from core.gan.saved import FORMAT, best_of, damaged, facts_path
from core.gan.saved import Checkpoint as Checkpoint
from core.gan.saved import everything as everything
from core.gan.saved import find as find
from core.rundir import RunDir, write_atomic, write_json


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
    write_json(facts_path(path), {"format": FORMAT, "step": step, "quality": quality, **facts, "shapes": shapes})
    found = everything(run)
    best = best_of(found)
    for old in found[: -keep or None]:
        if old.path != best.path and old.step < step:
            old.path.unlink(missing_ok=True)
            facts_path(old.path).unlink(missing_ok=True)
    return best.step == step


def read(checkpoint: Checkpoint) -> dict[str, Tensor]:
    """The tensors, checked against the shapes in the JSON. Damaged, not finite, or from elsewhere: RunError."""
    try:
        tensors = parse(checkpoint.path.read_bytes())
    except (OSError, SafetensorError) as error:
        raise RunError(f"checkpoint {checkpoint.path}: cannot be read ({error}); choose another checkpoint") from None
    shapes = {name: list(tensor.shape) for name, tensor in tensors.items()}
    if shapes != checkpoint.facts.get("shapes"):
        raise RunError(f"checkpoint {checkpoint.path}: its tensors are not those that its JSON lists; it is refused")
    if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
        raise RunError(f"checkpoint {checkpoint.path}: its numbers are not all finite; choose another checkpoint")
    return tensors


def newest_readable(run: RunDir, tell: Callable[[str], None]) -> tuple[Checkpoint, dict[str, Tensor]] | None:
    """The newest checkpoint that loads; None where there is none at all. What is passed over is told.

    Damaged newer ones are set aside, so that nobody takes them for the last or the best of what is done again. None
    loads: RunError, for to begin anew would overwrite what the run has.
    """
    bad = damaged(run)
    for checkpoint in reversed(everything(run)):
        try:
            found = checkpoint, read(checkpoint)
        except RunError:
            bad.append(checkpoint.path)
            continue
        for path in bad:
            facts_path(path).rename(path.with_suffix(".damaged"))
            tell(f"checkpoint {path.name} is damaged and is set aside; this goes on from step {found[0].step:,}")
        return found
    if bad:
        names = ", ".join(path.name for path in bad)
        raise RunError(
            f"run {run.id}: no checkpoint of it can be read ({names}), so it cannot go on; "
            f"`etlgan rerun {run.id}` makes it again, in a folder of its own"
        )
    return None


def prefixed(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """{'w': t} -> {'prefix.w': t}."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def part(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under a prefix, without it."""
    return {name[len(prefix) + 1 :]: tensor for name, tensor in tensors.items() if name.startswith(prefix + ".")}
