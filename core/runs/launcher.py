"""Start, resume, stop and edit runs. Each call leaves a run that tells the truth."""

import contextlib
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from core import config as configs
from core import resuming
from core.errors import RunError
from core.rundir import Home, RunDir, cut_torn_line, read_json, write_atomic, write_json
from core.runs import alive, slots, tickets, waiter
from core.runs.alive import Holder
from core.runs.disk import folder_lock, telling
from core.runs.environment import environment
from core.runs.find import new_id, run_ids
from core.runs.meta import RunMeta, checked_name, checked_tags, cleaned_note, read_meta, write_meta
from core.runs.meta import edit_meta as edit_meta
from core.runs.slurm import job as jobs
from core.runs.slurm import submission
from core.runs.slurm.job import Job
from core.runs.spawn import spawn
from core.runs.state import State, at_rest, newest_attempt, reached, state_of
from core.runs.stop import cancel as cancel
from core.runs.stop import stop as stop
from core.runs.tickets import Ticket
from core.runs.trash import remove as remove
from core.runs.trash import restore as restore
from core.settings import RunConfig

Where = Literal["here", "slurm"]  # a run is to go
NAMES_COMPARED = 100  # more runs than are launched within a second


def start(
    home: Home,
    config: RunConfig,
    *,
    name: str = "",
    tags: Iterable[str] = (),
    note: str = "",
    parent: str = "",
    queued: bool = False,
    priority: int = 0,
    on: Where = "here",
) -> RunDir:
    """Make a run and set its first attempt going, or let it wait its turn, or give it to Slurm. It appears under runs/
    whole and locked, or whole and queued, or not at all.

    A folder or disk that cannot be written, a name that cannot be shown, a runner that does not come up: RunError.
    """
    if on == "slurm":
        submission.check(config)
    name, tags = checked_name(name) if name else "", checked_tags(tags)
    note, env = cleaned_note(note), environment(config)
    with telling(home.runs):
        home.runs.mkdir(parents=True, exist_ok=True)
        with folder_lock(home.runs):  # so that names are counted up one by one
            name = name or _next_name(home, config.preset or "run")
            meta = RunMeta("", name, time.time(), tags, note, priority, parent)
            run, descriptor = _make(home, config, meta, env, queued=queued, on=on)
        if queued:
            waiter.revive(home)
            return run
        if on == "slurm":
            _submit_new(run, config)
            return run
        try:
            slots.take(run, attempt=1, slot=-1, device=config.train.device)
            spawn(run, descriptor, cwd=Path.cwd())
        except (OSError, RunError):
            shutil.rmtree(run.path, ignore_errors=True)
            raise
        finally:
            os.close(descriptor)
    return run


def resume(
    home: Home,
    run: RunDir,
    *,
    steps: int | None = None,
    changes: Mapping[str, Any] = MappingProxyType({}),
    queued: bool = False,
    on: Where | None = None,
) -> RunDir:
    """The next attempt of the same run, now or at its turn; `steps` moves its end, `changes` are of settings that
    decide nothing of what is computed. Without a checkpoint it starts at step 0 again. A queued run goes at once, out
    of turn. `on` None: where the run went before.

    A live run, a damaged configuration, an end that lies behind: RunError, ConfigError, and nothing is changed.
    """
    with telling(run.path), alive.locked(run) as descriptor:
        if queued and run.ticket.exists():
            raise RunError(f"run {run.id} waits in the queue already; `etlgan queue` lists it")
        before = configuration(run)
        where: Where = on or ("slurm" if run.job.exists() and not queued else "here")
        if run.job.exists() and (state := at_rest(run)).kind in ("queued", "running"):
            raise RunError(f"run {run.id} is {state.kind} ({state.detail}); `etlgan stop {run.id}` takes it back")
        config = _otherwise(run, before, changes if steps is None else {**changes, "train.steps": steps}, on=where)
        if _at_its_end(run, at_rest(run), config):
            raise RunError(
                f"run {run.id} has finished, at step {reached(run):,}; "
                f"`etlgan resume {run.id} --steps N` with a larger N trains on"
            )
        with _rewritten(run, before, config):
            if where == "slurm":
                folder = _first_folder(read_json(run.env))
                submission.submit(run, config, attempt=newest_attempt(run) + 1, cwd=folder)
                return home.run(run.id)
            tickets.unlinked(run.job)  # it is no more that job's
            if queued:
                tickets.write(home, tickets.ticket_for(run.id, device=config.train.device))
            else:
                _go(run, descriptor, config, slot=-1)
    if queued:
        waiter.revive(home)
    return home.run(run.id)


def at_its_end(run: RunDir) -> bool:
    """Whether it has finished, and only a later end (`steps`) lets it go on. A damaged configuration: ConfigError,
    RunError.
    """
    return _at_its_end(run, state_of(run), configuration(run))


def _at_its_end(run: RunDir, state: State, config: RunConfig) -> bool:
    return state.kind == "finished" and reached(run) >= config.train.steps


def launch(run: RunDir, ticket: Ticket, slot: int) -> None:
    """Set a queued run going in its slot. Its runner takes the ticket away. Not to be done: RunError, OSError."""
    with alive.locked(run) as descriptor:
        variables = slots.variables(slot, ticket.device)
        _go(run, descriptor, configuration(run), slot=slot, variables=variables | tickets.variables(ticket))


def _go(
    run: RunDir, descriptor: int, config: RunConfig, *, slot: int, variables: Mapping[str, str] = MappingProxyType({})
) -> None:
    before, attempt = alive.read(run), newest_attempt(run) + 1
    folder = ready(run, descriptor, config, attempt=attempt)
    try:
        slots.take(run, attempt=attempt, slot=slot, device=config.train.device)
        spawn(run, descriptor, cwd=folder, variables=variables)
    except (OSError, RunError):
        alive.write(descriptor, before)
        raise


def ready(run: RunDir, descriptor: int, config: RunConfig, *, attempt: int) -> Path:
    """Note the attempt that is about to begin here, in the lock and in env.json; gives the folder that it works in."""
    cut_torn_line(run.events)
    folder = _note_environment(run, config, attempt)
    alive.write(descriptor, _holder(run, attempt))
    return folder


def configuration(run: RunDir) -> RunConfig:
    """What the run is to compute: damaged, or not what its checkpoints were computed with: ConfigError, RunError."""
    return _unchanged(run, _config(run))


def _submit_new(run: RunDir, config: RunConfig) -> None:
    """The first attempt goes to Slurm; refused: there is no run."""
    try:
        submission.submit(run, config, attempt=1, cwd=Path.cwd())
    except (OSError, RunError):
        shutil.rmtree(run.path, ignore_errors=True)
        raise


def _note_environment(run: RunDir, config: RunConfig, attempt: int) -> Path:
    """With what this attempt goes, in env.json; gives the folder that the run belongs to."""
    env = read_json(run.env)
    folder = _first_folder(env)
    with contextlib.chdir(folder):  # the queue's waiter stands elsewhere
        now = environment(config)
    if attempt > 1:
        new = {name: value for name, value in now.items() if env.get(name) != value}  # a diff may be large
        tree = {"config": now["config"], "resumed": [*_list(env.get("resumed")), new | {"attempt": attempt}]}
        write_json(run.env, env | tree)
    else:
        write_json(run.env, env | now | {"argv": env.get("argv"), "queued": env.get("time")})
    return folder


# --- making a run -----------------------------------------------------------------------------------------------


def _make(
    home: Home, config: RunConfig, meta: RunMeta, env: dict[str, Any], *, queued: bool, on: Where = "here"
) -> tuple[RunDir, int]:
    """A whole run directory, locked: put together under a dotted name, then renamed. Returns the lock's descriptor.

    A queued one is not locked (-1): its ticket, which counts once the run is there, is written before. Nor is one for
    Slurm, which says so from the beginning.
    """
    while True:
        run_id = new_id()
        draft, run = home.draft(run_id), home.run(run_id)
        try:
            draft.path.mkdir()
        except FileExistsError:
            continue
        descriptor = -1
        try:
            draft.checkpoints.mkdir()
            draft.samples.mkdir()
            write_atomic(draft.config, configs.encode(config))
            write_meta(draft, meta._replace(id=run_id))
            write_json(draft.env, env)
            draft.events.touch()
            if queued:
                draft.lock.touch()
                tickets.write(home, tickets.ticket_for(run_id, device=config.train.device))
            elif on == "slurm":
                draft.lock.touch()
                jobs.write(draft, Job(attempt=1, submitted=time.time()))
            else:
                descriptor = alive.take(draft)
                alive.write(descriptor, _holder(draft, 1))
            if not run.path.exists():
                draft.path.rename(run.path)
                return run, descriptor
        except BaseException:
            if descriptor >= 0:
                os.close(descriptor)
            tickets.unlinked(run.ticket)
            shutil.rmtree(draft.path, ignore_errors=True)
            raise
        if descriptor >= 0:
            os.close(descriptor)
        shutil.rmtree(draft.path, ignore_errors=True)


def _holder(run: RunDir, attempt: int) -> Holder:
    return Holder(attempt=attempt, host=alive.host(), time=time.time(), flock=alive.works(run.lock))


def _next_name(home: Home, stem: str) -> str:
    """<stem>-<n>: one more than the newest runs of such a name (several: ids tell them apart only by the second)."""
    pattern = re.compile(re.escape(stem) + r"-(\d{1,9})")
    names = (read_meta(home.run(run_id)).name for run_id in run_ids(home))
    numbers = (int(match[1]) for name in names if (match := pattern.fullmatch(name)))
    return f"{stem}-{max(islice(numbers, NAMES_COMPARED), default=0) + 1}"


# --- resuming ---------------------------------------------------------------------------------------------------


def _config(run: RunDir) -> RunConfig:
    try:
        return configs.decode(run.config.read_bytes(), where=str(run.config))
    except OSError as error:
        raise RunError(f"cannot read {run.config}: {error.strerror}; without it run {run.id} cannot go on") from None


def _unchanged(run: RunDir, config: RunConfig) -> RunConfig:
    """The configuration, if what was computed so far was computed with it; else RunError that names what changed."""
    before = read_json(run.env).get("config")
    if isinstance(before, dict) and run.checkpoint_files():
        resuming.check(before, config, where=f"run {run.id}: config.json")
    return config


def _otherwise(run: RunDir, config: RunConfig, changes: Mapping[str, Any], *, on: Where) -> RunConfig:
    config = resuming.changed(config, changes)
    if on == "slurm":
        submission.check(config)
    if "train.steps" in changes and config.train.steps <= reached(run):
        raise RunError(f"run {run.id} has reached step {reached(run):,} already; --steps must be more")
    return config


@contextlib.contextmanager
def _rewritten(run: RunDir, before: RunConfig, config: RunConfig) -> Iterator[None]:
    """With the new config.json, which a job may read at once; an attempt that cannot be set going has the old one."""
    text = run.config.read_bytes()
    if config != before:
        write_atomic(run.config, configs.encode(config))
    try:
        yield
    except (OSError, RunError):
        if config != before:
            with contextlib.suppress(OSError):
                write_atomic(run.config, text)
        raise


def _first_folder(env: dict[str, Any]) -> Path:
    """Paths in a configuration may be relative: to the folder that the run was first started from."""
    folder = Path(str(env.get("cwd") or ""))
    return folder if folder.is_absolute() and folder.is_dir() else Path.cwd()


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
