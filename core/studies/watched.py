"""An ordinary run, started for a measurement and followed to its end, or to where enough is known."""

import contextlib
import time
from collections.abc import Callable
from typing import NamedTuple

from core.errors import RunError
from core.history import History, Tail
from core.rundir import Home, RunDir
from core.runs import launcher
from core.runs.state import state_of
from core.settings import RunConfig

POLL_SECONDS = 0.1


class Watched(NamedTuple):
    """A run that has ended."""

    run: RunDir
    asked: float  # Unix seconds at which it was asked for
    history: History


def trained(home: Home, config: RunConfig, *, tag: str, enough: Callable[[History], bool] = lambda _: False) -> Watched:
    """Start a run, and stop it as soon as `enough` says so of its history. One that fails, or that somebody else stops:
    RunError. An interrupt stops it."""
    asked = time.time()
    run = launcher.start(home, config, tags=[tag])
    tail, history, stopping = Tail(run.events), History(), False
    try:
        while state_of(run).live:
            for batch in tail.read_all():
                history.add(batch)
            if not stopping and enough(history):
                stopping = True
                with contextlib.suppress(RunError):  # it ended by itself meanwhile
                    launcher.stop(run)
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        with contextlib.suppress(RunError):
            launcher.stop(run)
        raise
    for batch in tail.read_all():
        history.add(batch)
    state = state_of(run)
    if state.kind != "finished" and not (stopping and state.kind == "stopped"):
        raise RunError(f"run {run.id} ended as {state.kind} {state.detail}: {state.message or 'see `etlgan logs`'}")
    return Watched(run, asked, history)
