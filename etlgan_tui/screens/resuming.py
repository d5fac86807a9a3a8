"""A run goes on: as far as it was to go, or, where it is there already, to a later end that is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core import config as configs
from core.errors import ConfigError
from core.rundir import RunDir
from core.runs import launcher
from core.runs.meta import read_meta
from core.runs.state import reached
from core.settings import RunConfig
from etlgan_tui.background import once
from etlgan_tui.screens.base import Changed
from etlgan_tui.screens.prompt import Prompt

if TYPE_CHECKING:
    from etlgan_tui.screens.run_actions import RunActions

KEYS = "Enter trains on, Escape leaves it as it is"


def ask(screen: RunActions, run: RunDir, *, queued: bool) -> None:
    """Let it go on, now or at its turn in the queue. Reads its directory in the background before it asks."""

    def looked(at: int | None) -> None:
        if at is None:
            _go_on(screen, run, None, queued=queued)
        else:
            _ask_further(screen, run, at, queued=queued)

    once(screen.app, lambda: reached(run) if launcher.at_its_end(run) else None, done=looked, failed=screen.tell)


def _ask_further(screen: RunActions, run: RunDir, at: int, *, queued: bool) -> None:
    """`at`: the steps that it has trained."""

    def later(text: str) -> int:
        steps = configs.override(RunConfig(), {"train.steps": text}).train.steps
        if steps <= at:
            raise ConfigError(f"it has trained {at:,} steps already; give a larger number")
        return steps

    def answered(text: str | None) -> None:
        if text is not None:
            _go_on(screen, run, later(text), queued=queued)

    title = f"{read_meta(run).name} has finished; train on until step"
    prompt = Prompt(title, value=str(2 * at), check=later, hint=f"it has trained {at:,}", keys=KEYS)
    screen.app.push_screen(prompt, answered)


def _go_on(screen: RunActions, run: RunDir, steps: int | None, *, queued: bool) -> None:
    home = screen.home

    def work() -> Changed:
        launcher.resume(home, run, steps=steps, queued=queued)
        return Changed(f"run {run.id} {'is in the queue' if queued else 'goes on'}", run.id)

    screen.perform(work)
