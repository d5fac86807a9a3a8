"""Start, resume and stop runs; move them to the trash and back. Each call leaves a run that tells the truth."""

import contextlib
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from core import config as configs
from core.config import RunConfig
from core.errors import RunError
from core.rundir import Home, RunDir, read_json, write_atomic, write_json
from core.runs import alive
from core.runs.alive import Holder
from core.runs.environment import environment
from core.runs.find import is_id, run_ids
from core.runs.meta import (
    RunMeta,
    checked_name,
    checked_tags,
    cleaned_note,
    folder_lock,
    printable,
    read_meta,
    write_meta,
)
from core.runs.meta import edit_meta as edit_meta
from core.runs.runner import ending
from core.runs.state import newest_attempt, reached

ID_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
CONFIRM_SECONDS = 10.0  # for the runner to note its pid; it takes about 0.05
EXIT_SECONDS = 3.0  # for the runner to write exit.json once its trainer is gone


def start(
    home: Home, config: RunConfig, *, name: str = "", tags: Iterable[str] = (), note: str = "", parent: str = ""
) -> RunDir:
    """Make a run and set its first attempt going. It appears under runs/ whole and locked, or not at all.

    A folder or disk that cannot be written, a name that cannot be shown, a runner that does not come up: RunError.
    """
    name, tags = checked_name(name) if name else "", checked_tags(tags)
    note = cleaned_note(note)
    with _telling(home.runs):
        home.runs.mkdir(parents=True, exist_ok=True)
        with folder_lock(home.runs):  # so that names are counted up one by one
            meta = RunMeta("", name or _next_name(home, config.preset or "run"), time.time(), tags, note, 0, parent)
            run, descriptor = _make(home, config, meta)
        try:
            _spawn(run, descriptor, cwd=Path.cwd())
        except BaseException:
            shutil.rmtree(run.path, ignore_errors=True)
            raise
        finally:
            os.close(descriptor)
    return run


def resume(home: Home, run: RunDir, *, steps: int | None = None) -> RunDir:
    """The next attempt of the same run; `steps` moves its end. Without a checkpoint it starts at step 0 again.

    A live run, a damaged configuration, an end that lies behind: RunError, and nothing is changed.
    """
    with _telling(run.path), _locked(run) as descriptor:
        before = alive.read(run)
        if alive.lives_without_lock(run, before):
            raise RunError(f"run {run.id} is live; `etlgan stop {run.id}` ends it")
        config = configs.decode(run.config.read_bytes(), where=str(run.config))
        _cut_torn_line(run)
        if steps is not None:
            config = _extended(run, config, steps)
        env = read_json(run.env)
        attempt = newest_attempt(run) + 1
        again = environment(config) | {"attempt": attempt}
        write_json(run.env, env | {"resumed": [*_list(env.get("resumed")), again]})
        alive.write(descriptor, _holder(run, attempt))
        try:
            _spawn(run, descriptor, cwd=_first_folder(env))
        except BaseException:
            alive.write(descriptor, before)
            raise
    return home.run(run.id)


def stop(run: RunDir, *, kill_after: float | None = None, wait: float = 0.0) -> str:
    """SIGTERM to trainer and runner; says what came of it within `wait` (or `kill_after`) seconds.

    The trainer finishes its step, saves, and ends as stopped. SIGKILL follows only after `kill_after` seconds, when
    that is given. A run that is not live, or lives on another host: RunError.
    """
    holder = _live_holder(run)
    if not alive.signal_group(holder, signal.SIGTERM):
        return f"run {run.id} had ended already"
    alive.signal_group(holder, signal.SIGCONT)  # a suspended one could not finish its step
    if _ended(run, wait if kill_after is None else kill_after):
        return f"run {run.id} stopped"
    if kill_after is None:
        return f"run {run.id} was asked to stop; it finishes its step and saves first"
    _kill(run, alive.read(run))
    return f"run {run.id} did not stop in {kill_after:g} s and was killed; its last checkpoint is kept"


def remove(home: Home, run: RunDir) -> Path:
    """Move a run to the trash and say where it is now. A live run: RunError."""
    with _telling(home.trash), _locked(run):
        if alive.lives_without_lock(run, alive.read(run)):
            raise RunError(f"run {run.id} is live; `etlgan stop {run.id}` ends it")
        home.trash.mkdir(parents=True, exist_ok=True)
        target, n = home.trash / run.id, 1
        while target.exists():
            n += 1
            target = home.trash / f"{run.id}.{n}"
        shutil.move(run.path, target)
    return target


def restore(home: Home, run_id: str) -> RunDir:
    """Bring a run back from the trash. Not there, or in the way of one that is: RunError."""
    there = sorted(entry.name for entry in home.trash.iterdir()) if home.trash.is_dir() else []
    if run_id not in there or not is_id(run_id):
        raise RunError(f"no run {printable(run_id)!r} in {home.trash}; it holds {', '.join(there[:5]) or 'nothing'}")
    run = home.run(run_id)
    if run.path.exists():
        raise RunError(f"run {run_id} exists in {home.runs} already; remove that one first")
    with _telling(home.runs):
        home.runs.mkdir(parents=True, exist_ok=True)
        shutil.move(home.trash / run_id, run.path)
    return run


# --- making a run -----------------------------------------------------------------------------------------------


def _make(home: Home, config: RunConfig, meta: RunMeta) -> tuple[RunDir, int]:
    """A whole run directory, locked: put together under a dotted name, then renamed. Returns the lock's descriptor."""
    while True:
        run_id = time.strftime("%y%m%d-%H%M%S-") + "".join(secrets.choice(ID_LETTERS) for _ in range(3))
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
            write_json(draft.env, environment(config))
            draft.events.touch()
            descriptor = alive.take(draft)
            alive.write(descriptor, _holder(draft, 1))
            if not run.path.exists():
                draft.path.rename(run.path)
                return run, descriptor
        except BaseException:
            if descriptor >= 0:
                os.close(descriptor)
            shutil.rmtree(draft.path, ignore_errors=True)
            raise
        os.close(descriptor)
        shutil.rmtree(draft.path, ignore_errors=True)


def _holder(run: RunDir, attempt: int) -> Holder:
    return Holder(attempt=attempt, host=alive.host(), time=time.time(), flock=alive.works(run.lock))


def _next_name(home: Home, stem: str) -> str:
    """<stem>-<n>: one more than the newest run that bears such a name."""
    pattern = re.compile(re.escape(stem) + r"-(\d{1,9})")
    for run_id in run_ids(home):
        if match := pattern.fullmatch(read_meta(home.run(run_id)).name):
            return f"{stem}-{int(match[1]) + 1}"
    return f"{stem}-1"


# --- processes --------------------------------------------------------------------------------------------------


def _spawn(run: RunDir, descriptor: int, *, cwd: Path) -> None:
    """Set the runner going and wait until it has noted itself in the lock. It died first: RunError with its reason."""
    command = [sys.executable, "-P", "-m", "core.runs.runner", str(run.path)]
    variables = os.environ | {alive.LOCK_FD: str(descriptor), "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
    with run.console.open("ab") as console, _sigterm_blocked():
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            env=variables,
            cwd=cwd,
            pass_fds=(descriptor,),
            start_new_session=True,
        )
    # reaps it: a dashboard lives longer than its runs, and must not collect zombies
    threading.Thread(target=child.wait, daemon=True).start()
    deadline = time.monotonic() + CONFIRM_SECONDS
    while alive.read(run).pid != child.pid and time.monotonic() < deadline:
        if not alive.started_of(child.pid) and alive.read(run).pid != child.pid:
            raise RunError(f"run {run.id} did not start: {_last_line(run.console)}")
        time.sleep(0.005)


@contextlib.contextmanager
def _sigterm_blocked() -> Iterator[None]:
    """A child inherits the mask: a stop that comes before the runner is ready waits for it, instead of ending it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _live_holder(run: RunDir) -> Holder:
    """Who to signal; waits for a runner that is just coming up."""
    deadline = time.monotonic() + CONFIRM_SECONDS
    while alive.held(run, holder := alive.read(run)):
        if holder.host != alive.host():
            raise RunError(f"run {run.id} lives on {printable(holder.host)}; stop it there")
        if holder.pid:
            return holder
        if time.monotonic() > deadline:
            raise RunError(f"run {run.id} is locked, but does not say by which process; see {run.lock}")
        time.sleep(0.01)
    raise RunError(f"run {run.id} is not live; nothing to stop")


def _ended(run: RunDir, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while alive.held(run):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
    return True


def _kill(run: RunDir, holder: Holder) -> None:
    """SIGKILL to the trainer and its children, so that the runner can still write how it ended; then to all."""
    import psutil

    with contextlib.suppress(psutil.Error):
        if holder.pid in alive.processes(holder):
            for process in psutil.Process(holder.pid).children(recursive=True):
                process.kill()
    if not _ended(run, EXIT_SECONDS):
        alive.signal_group(holder, signal.SIGKILL)
        _ended(run, EXIT_SECONDS)
    if read_json(run.exit).get("attempt") != holder.attempt:
        with _telling(run.path), _locked(run):
            write_json(run.exit, ending(holder.attempt, -signal.SIGKILL, stopped=True))


# --- resuming ---------------------------------------------------------------------------------------------------


def _cut_torn_line(run: RunDir) -> None:
    """A trainer that died while writing leaves half a line; the next attempt's first event must not be glued to it."""
    with contextlib.suppress(FileNotFoundError), run.events.open("r+b") as events:
        size = end = events.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - (1 << 16))
            events.seek(start)
            newline = events.read(end - start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end < size:
            events.truncate(end)


def _extended(run: RunDir, config: RunConfig, steps: int) -> RunConfig:
    config = configs.override(config, {"train.steps": steps})
    if steps <= reached(run):
        raise RunError(f"run {run.id} has reached step {reached(run):,} already; --steps must be more")
    write_atomic(run.config, configs.encode(config))
    return config


def _first_folder(env: dict[str, Any]) -> Path:
    """Paths in a configuration may be relative: to the folder that the run was first started from."""
    folder = Path(str(env.get("cwd") or ""))
    return folder if folder.is_absolute() and folder.is_dir() else Path.cwd()


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


@contextlib.contextmanager
def _locked(run: RunDir) -> Iterator[int]:
    """The run's lock, for as long as nothing may start. Closing our descriptor leaves it to those who inherited it."""
    if not run.path.is_dir():
        raise RunError(f"no run {run.id} in {run.path.parent}; `etlgan ls` lists them")
    descriptor = alive.take(run)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _telling(folder: Path) -> Iterator[None]:
    """Full disks, read-only folders and the like become one line that names the folder."""
    try:
        yield
    except OSError as error:
        raise RunError(f"cannot write {folder}: {error.strerror or error}; is the disk full or read-only?") from None


def _last_line(console: Path) -> str:
    with contextlib.suppress(OSError):
        lines = console.read_text(errors="replace").strip().splitlines()
        return printable(lines[-1]) if lines else f"see {console}"
    return f"see {console}"
