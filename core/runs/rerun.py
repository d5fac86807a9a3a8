"""Making a run again: the same configuration with what was resolved then, and a comparison of what both said."""

import shlex
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from core import config as configs
from core import history
from core.errors import EtlganError, RunError
from core.events import TIME_FIELDS, Started
from core.rundir import RunDir, read_json
from core.runs import differences
from core.runs.environment import SOURCES, environment, stat_of_changes
from core.runs.meta import printable
from core.settings import RunConfig

RESOLVED = ("device", "precision", "threads", "batch_size")  # of train: what was left open
CLOCK = TIME_FIELDS - {"path"}  # names of files hold no time
VERSIONS = ("torch", "numpy", "scipy", "pillow")  # whose arithmetic a run goes through


class Again(NamedTuple):
    """How a run is to be made again."""

    config: RunConfig
    data: str  # fingerprint of what it was trained on, "" where that was not recorded
    notes: list[str]  # what is not as it was, for people; code first
    changes: list[str]  # of etlgan's files since, a line a file, and the command that shows every line


def plan(run: RunDir) -> Again:
    """The configuration with the device, precision and threads that the run had. Damaged configuration: ConfigError,
    a missing one: RunError."""
    env = read_json(run.env)
    try:
        config = configs.decode(run.config.read_bytes(), where=f"run {run.id}: config.json")
    except OSError as error:
        raise RunError(f"run {run.id}: cannot read {run.config}: {error.strerror}") from None
    resolved = env.get("resolved") if isinstance(env.get("resolved"), dict) else {}
    known = {f"train.{name}": resolved[name] for name in RESOLVED if resolved and resolved.get(name)}
    now, data = environment(config), resolved.get("data") if resolved else ""
    try:
        config = configs.override(config, known)
    except EtlganError as error:
        raise RunError(f"run {run.id}: env.json: resolved: {error}") from None
    before, today = (differences.code_of(facts) for facts in (env, now))
    notes = [*_code_notes(before, today), *_machine_notes(env, now), *_extended_note(run, config)]
    commits = [str(code.get("commit", "")) for code in (before, today)]
    changes = stat_of_changes(SOURCES.parent, *commits)
    if changes:
        which = " ".join(commit[:12] for commit in commits)
        changes.append(f"every line: git -C {shlex.quote(str(SOURCES.parent))} diff {which}")
    return Again(config, data if isinstance(data, str) else "", list(map(printable, notes)), changes)


def first_difference(first: RunDir, second: RunDir) -> str:
    """Where two runs' events part, what the clock says aside; "" where all are equal to the last digit."""
    for number, (one, other) in enumerate(zip_longest(_timeless(first.events), _timeless(second.events)), 1):
        if one == other:
            continue
        if one is None or other is None:
            return f"{second.id if one is None else first.id} says more: event {number:,} is {one or other}"
        names = ", ".join(
            f"{name} {one.get(name)} against {other.get(name)}"
            for name in dict.fromkeys([*one, *other])
            if one.get(name) != other.get(name)
        )
        return f"event {number:,} ({one.get('type')}, step {one.get('step')}): {names}"
    return ""


def _timeless(path: Path) -> list[dict[str, Any]]:
    """Every event in the order of the file, without times and numbers of attempts."""
    tail = history.Tail(path)
    drop = CLOCK | {"attempt"}
    return [
        {"type": type(event).__name__}
        | {name: value for name, value in msgspec.to_builtins(event).items() if name not in drop}
        for batch in tail.read_all()
        for event in batch
    ]


def _code_notes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    if before.get("commit") and before.get("commit") != now.get("commit"):
        notes = [f"etlgan's code is another: commit {before['commit'][:12]} then, {_short(now.get('commit'))} now"]
    elif before.get("sha256") and before["sha256"] != now.get("sha256"):
        notes = ["etlgan's code is another: its files were changed since, without a commit that says so"]
    else:
        return [] if before else ["which code the run was made with is not recorded"]
    uncommitted = before.get("uncommitted changes", "none")
    return notes if uncommitted == "none" else [*notes, f"uncommitted then: {uncommitted}, kept in env.json"]


def _machine_notes(env: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What can change a last digit."""
    then = env.get("versions") if isinstance(env.get("versions"), dict) else {}
    pairs = [(name, (then or {}).get(name), now["versions"].get(name)) for name in VERSIONS]
    pairs += [(name, env.get(name), now[name]) for name in ("cpu", "python")]
    return [f"{name} was {old}, is {new}" for name, old, new in pairs if old and old != new]


def _extended_note(run: RunDir, config: RunConfig) -> list[str]:
    """Learning rate, averaging and ramp go by the number of steps: an end that was moved cannot be made again."""
    tail = history.Tail(run.events)
    ends = {event.steps for batch in tail.read_all() for event in batch if isinstance(event, Started)}
    if ends - {config.train.steps}:
        before = ", ".join(f"{end:,}" for end in sorted(ends - {config.train.steps}))
        return [f"the run was to end at step {before} first: its schedule then was another, and events will differ"]
    return []


def _short(commit: object) -> str:
    return str(commit)[:12] if commit else "none"
