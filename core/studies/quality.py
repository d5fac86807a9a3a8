"""How good a preset comes out: ordinary runs with several seeds, then the judge's quick score card of each."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from core import presets
from core.errors import RunError
from core.gan.sample import Sampler
from core.judge.score import quick_card
from core.rundir import Home
from core.runs import launcher
from core.runs.state import state_of

POLL_SECONDS = 0.5


class Row(NamedTuple):
    """One run and what the judge says about it."""

    run: str
    seed: int
    seconds: float  # from the command to the final pictures
    generated: float  # share read as asked, 0 .. 1
    worst: float  # of the worst character
    worst_character: str
    real: float  # the judge's own share on held-out writers
    spread: float  # generated over real


def one(home: Home, preset: str, changes: Mapping[str, Any], *, per_char: int, tell: Callable[[str], None]) -> Row:
    """Launch, wait, judge the final checkpoint. A run that does not finish: RunError."""
    config = presets.resolve(preset, changes)
    start = time.monotonic()
    run = launcher.start(home, config, tags=["bench-quality"])
    tell(f"run {run.id}, seed {config.seed}: training")
    try:
        while state_of(run).live:
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        launcher.stop(run)
        raise
    seconds = time.monotonic() - start
    state = state_of(run)
    if state.kind != "finished":
        raise RunError(f"run {run.id} ended as {state.kind} {state.detail}: {state.message or 'see `etlgan logs`'}")
    tell("judging")
    sampler = Sampler.load(run, checkpoint="last")
    card = quick_card(lambda labels, seed: sampler.draw(labels, seed=seed), config.data, per_char=per_char)
    made = card.generated
    return Row(
        run.id, config.seed, seconds, made.overall, made.worst, made.worst_character, card.real.overall, card.spread
    )


def cells(row: Row) -> tuple[str, ...]:
    """A line of the table."""
    worst = f"{row.worst:.1%} ({row.worst_character})"
    return f"{row.run}", f"{row.seconds:.0f}", f"{row.generated:.2%}", worst, f"{row.real:.2%}", f"{row.spread:.2f}"


def told(row: Row) -> str:
    """The same in words."""
    return f"seed {row.seed}: {row.generated:.2%} read as asked, worst {row.worst_character} {row.worst:.1%}"


def summary(rows: Sequence[Row]) -> str:
    """Mean and spread over the seeds."""
    shares = [row.generated for row in rows]
    deviation = statistics.stdev(shares) if len(shares) > 1 else 0.0
    return (
        f"{len(rows)} seeds: {statistics.mean(shares):.2%} +- {deviation:.2%} read as asked, "
        f"worst character of all {min(row.worst for row in rows):.1%}, at most {max(row.seconds for row in rows):.0f} s"
    )
