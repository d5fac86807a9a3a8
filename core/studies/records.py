"""Benchmark records: figures by name with the machine, the versions and the commit they were measured on."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from core import presets
from core.errors import ConfigError
from core.rundir import write_json
from core.runs.environment import environment

VERSION = 1
KEPT = ("host", "os", "cpu", "cores", "memory", "gpus", "python", "versions")
LOW, HIGH = ("lowest", "best"), ("highest", "worst")  # fields that bound a median


class Change(NamedTuple):
    """One figure in two records."""

    name: str
    before: float
    after: float
    overlap: bool | None  # whether the ranges of their repeats overlap; None where there is none


def record(path: Path, figures: Mapping[str, Any]) -> None:
    """Write benchmarks/NAME.json: what each `etlgan bench KIND --json` said, by kind."""
    about = environment(presets.resolve("hiragana-a-ka"))
    commit = about["code"].get("commit") or about["git"].get("commit", "")
    machine = {name: about[name] for name in KEPT if name != "host"}
    tree = {"version": VERSION, "time": time.time(), "commit": commit, "machine": machine, "figures": figures}
    write_json(path, tree)


def read(path: Path) -> dict[str, Any]:
    """A record back. Not there, or none: ConfigError."""
    try:
        tree = json.loads(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise ConfigError(f"{path}: is no record of `etlgan bench record`") from None
    if not isinstance(tree, dict) or tree.get("version") != VERSION or not isinstance(tree.get("figures"), dict):
        raise ConfigError(f"{path}: is no record of `etlgan bench record` (version {VERSION})")
    return tree


def compared(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Figures that both records have, by name."""
    old, new = (dict(_flat(tree["figures"])) for tree in (before, after))
    return [
        Change(name, old[name][0], new[name][0], _overlap(old[name], new[name]))
        for name in old
        if name in new and old[name][0]
    ]


Figure = tuple[float, float | None, float | None]  # value, lowest, highest


def _flat(tree: Any, prefix: str = "") -> list[tuple[str, Figure]]:
    """[{'name': 'x', 'median': 3}] -> [('x median', 3)]; a list's entries are told apart by their names."""
    if isinstance(tree, Mapping):
        low, high = (next((tree[key] for key in keys if _number(tree.get(key))), None) for keys in (LOW, HIGH))
        found = []
        for key, value in tree.items():
            if key in (*LOW, *HIGH, "name", "time", "samples", "limit"):
                continue
            if _number(value):
                bounds = (low, high) if key == "median" else (None, None)
                found.append((f"{prefix}{key}", (float(value), *bounds)))
            else:
                found += _flat(value, f"{prefix}{key} · ")
        return found
    if isinstance(tree, list):
        return [
            each
            for number, entry in enumerate(tree)
            for each in _flat(
                entry, f"{prefix}{entry.get('name', number) if isinstance(entry, Mapping) else number} · "
            )
        ]
    return []


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _overlap(old: Figure, new: Figure) -> bool | None:
    (_, a, b), (_, c, d) = old, new
    return None if a is None or b is None or c is None or d is None else a <= d and c <= b
