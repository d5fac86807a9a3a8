"""A study is a list of cells; a cell is one ordinary run. Cells are found again by their configuration, so a study that
was cut off goes on where it was: finished cells are not repeated, stopped and crashed ones are resumed.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch

from core import config as configs
from core.errors import ConfigError, RunError
from core.rundir import Home, RunDir
from core.runs import launcher
from core.runs.find import run_ids
from core.runs.state import state_of
from core.settings import RunConfig

POLL_SECONDS = 0.5
# How fast, not what: two runs that differ in nothing else are the same cell.
PACE = ("train.device", "train.threads", "train.compile", "train.keep", "train.target")

Tell = Callable[[str], None]


class Cell(NamedTuple):
    """One run of a study."""

    row: str  # the experiment, as the table calls it
    variant: str  # etl, classic, ...: a column, or a row of an ablation
    config: RunConfig

    @property
    def title(self) -> str:
        return f"{self.row}, {self.variant}, seed {self.config.seed}"


def identity(config: RunConfig) -> bytes:
    """Equal for two configurations that make the same characters: preset name and pace are left out."""
    usual = RunConfig()
    return configs.encode(configs.override(config, {name: configs.get(usual, name) for name in ("preset", *PACE)}))


def runs_of(home: Home, cells: Sequence[Cell]) -> Iterator[tuple[Cell, RunDir]]:
    """Every run that is one of the cells, newest first, whatever became of it; a cell may come several times."""
    wanted = {identity(cell.config): cell for cell in cells}
    for run_id in run_ids(home):
        run = home.run(run_id)
        try:
            cell = wanted.get(identity(configs.decode(run.config.read_bytes())))
        except (OSError, ConfigError):  # damaged, or of a newer etlgan: not one of ours
            continue
        if cell:
            yield cell, run


def found(home: Home, cells: Sequence[Cell]) -> dict[Cell, RunDir]:
    """The newest run of each cell, finished ones first."""
    runs: dict[Cell, RunDir] = {}
    for cell, run in runs_of(home, cells):
        if cell not in runs or (not finished(runs[cell]) and finished(run)):
            runs[cell] = run
    return runs


def trained(
    home: Home,
    cells: Sequence[Cell],
    *,
    study: str,
    jobs: int,
    tell: Tell,
    threads: int = 0,
    waiting: Callable[[], None] = lambda: None,
) -> Iterator[tuple[Cell, RunDir]]:
    """Each cell with its finished run, `jobs` at a time; those that are there already come first.

    threads: of a run; 0: all cores, or one where several train at once: on a CPU two such runs do more than one of two
    threads. What the caller does with a run it is given, judging for example, then gets one thread too; with one job it
    is done before the next run starts, since two that want all cores wait for each other and do a tenth of the work.
    A run that fails: told, and its cell is left out. An interrupt stops the live ones, which the next call resumes.
    """
    threads = threads or (1 if jobs > 1 else 0)
    if jobs > 1:
        torch.set_num_threads(1)
    known = found(home, cells)
    ended = [(cell, known[cell]) for cell in cells if cell in known and finished(known[cell])]
    todo = [cell for cell in cells if cell not in dict(ended)]
    live: dict[Cell, RunDir] = {}
    try:
        while todo or live or ended:
            ended += (over := [(cell, run) for cell, run in live.items() if not state_of(run).live])
            live = {cell: run for cell, run in live.items() if (cell, run) not in over}
            while todo and len(live) < jobs and (jobs > 1 or not ended):
                cell = todo.pop(0)
                live[cell] = _going(home, cell, known.get(cell), study=study, threads=threads)
                tell(f"{cell.title}: run {live[cell].id}, {len(todo)} more to come")
            if not ended:
                waiting()
                time.sleep(POLL_SECONDS)
                continue
            cell, run = ended.pop(0)
            if finished(run):
                yield cell, run
            else:
                state = state_of(run)
                tell(f"{cell.title}: run {run.id} ended as {state.kind} {state.message}; left out")
    finally:
        for run in live.values():
            with contextlib.suppress(RunError):  # it has ended by itself
                launcher.stop(run)


def _going(home: Home, cell: Cell, before: RunDir | None, *, study: str, threads: int) -> RunDir:
    if before is not None and (state_of(before).live or finished(before)):  # by now: it was live when it was found
        return before
    if before is not None and before.checkpoint_files():
        try:
            return launcher.resume(home, before)
        except RunError:  # other data by now, a damaged file: a new run tells
            pass
    config = configs.override(cell.config, {"train.threads": threads}) if threads else cell.config
    return launcher.start(home, config, tags=[study])


def finished(run: RunDir) -> bool:
    """Whether a run came to its end."""
    return state_of(run).kind == "finished"
