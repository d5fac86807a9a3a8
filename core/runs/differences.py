"""What is not the same between runs: configuration, data, code and environment, from their own files."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from core import config as configs
from core.rundir import RunDir, read_json

SECTIONS = ("configuration", "data", "code", "environment")
OF_DATA = ("data", "data_source")  # resolved facts that are about the data; the others are about the machine
MACHINE = ("host", "os", "cpu", "cores", "memory", "python", "executable")
UNKNOWN = "-"


class Difference(NamedTuple):
    """One fact that is not the same in all runs."""

    section: str  # one of SECTIONS
    name: str
    values: tuple[str, ...]  # one a run, UNKNOWN where it is not known


def between(runs: Sequence[RunDir]) -> list[Difference]:
    """Everything in which these runs differ. A damaged file counts as one that says nothing, and is named."""
    facts = [_facts(run) for run in runs]
    return [
        Difference(section, name, tuple(values))
        for section in SECTIONS
        for name, values in differing([each[section] for each in facts])
    ]


def differing(trees: Sequence[Mapping[str, object]]) -> list[tuple[str, list[str]]]:
    """The names whose values are not the same in all of these flat trees, with each one's value for people."""
    names = dict.fromkeys(name for tree in trees for name in tree)
    rows = [(name, [tree.get(name) for tree in trees]) for name in names]
    return [(name, _told(values)) for name, values in rows if any(value != values[0] for value in values)]


def _told(values: Sequence[object]) -> list[str]:
    """Each as a person writes it; where that makes different ones look alike, in full."""
    short = [plain(value) for value in values]
    return short if len(set(short)) == len(set(map(repr, values))) else [str(value) for value in values]


def plain(value: object) -> str:
    """A value as a person writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return UNKNOWN if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def code_of(env: Mapping[str, Any]) -> dict[str, Any]:
    """commit, changes (digest of what was not committed, or "none") and sha256 of etlgan's code, as far as env.json
    says; older ones know only the repository of the user's folder."""
    code, git = _tree(env.get("code")), _tree(env.get("git"))
    source = git if code.get("diff_in") == "git" or not code else code
    diff = source.get("diff")
    told = {"commit": source.get("commit"), "sha256": code.get("sha256")}
    if isinstance(diff, str) and told["commit"]:
        digest = hashlib.sha256(diff.encode(errors="replace")).hexdigest()[:12]
        told["uncommitted changes"] = f"{digest} ({diff.count(chr(10)):,} lines)" if diff else "none"
    return {name: value for name, value in told.items() if value}


def _facts(run: RunDir) -> dict[str, dict[str, object]]:
    env = read_json(run.env)
    resolved = _tree(env.get("resolved"))
    machine = {name: env.get(name) for name in MACHINE}
    machine |= {f"resolved.{name}": value for name, value in resolved.items() if name not in OF_DATA}
    machine |= configs.flatten({name: _tree(env.get(name)) for name in ("versions", "variables")})
    gpus = env.get("gpus")
    if isinstance(gpus, list):
        machine["gpus"] = "; ".join(f"{gpu.get('name')}, driver {gpu.get('driver')}" for gpu in map(_tree, gpus))
    return {
        "configuration": _configuration(run),
        "data": {"fingerprint": resolved.get("data"), "source": resolved.get("data_source")},
        "code": code_of(env),
        "environment": machine,
    }


def _configuration(run: RunDir) -> dict[str, object]:
    try:
        tree = msgspec.json.decode(run.config.read_bytes())
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {"config.json": "missing or damaged"}
    return configs.settings(tree) if isinstance(tree, dict) else {"config.json": "missing or damaged"}


def _tree(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
