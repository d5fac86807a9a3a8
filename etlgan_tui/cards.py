"""The score card of a run, as `etlgan score` kept it. No terminal in here."""

from __future__ import annotations

import math
from typing import Any

from core.judge.quantities import GENERATED
from core.rundir import RunDir, read_json
from core.runs.meta import printable

SCORE = "overall"  # right labels x variety x coverage: what a training's quick cards call `score`


def card(run: RunDir) -> dict[str, float]:
    """Its numbers by name, the step first; {} for a run that was not judged. What is no number is left out."""
    tree = read_json(run.scores)
    columns: Any = tree.get("columns")
    generated: Any = columns.get(GENERATED) if isinstance(columns, dict) else None
    numbers: dict[Any, Any] = {"step": tree.get("step"), "overall": tree.get("overall")}
    numbers |= generated if isinstance(generated, dict) else {}
    return {
        printable(str(name)): value
        for name, value in numbers.items()
        if type(value) in (int, float) and math.isfinite(value)
    }


def score(run: RunDir) -> float | None:
    """The one number that checkpoints are ranked by, 0 .. 1; None for a run that was not judged."""
    return card(run).get(SCORE) if run.scores.exists() else None
