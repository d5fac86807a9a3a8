"""Which settings a run may change between two attempts, and still be one run."""

from collections.abc import Mapping
from typing import Any

from core import config as configs
from core.errors import ConfigError, RunError
from core.settings import RunConfig

# How long, how often something is written down, and where it runs. `data.source` may be another path to the same
# data: its fingerprint decides. Everything else decides what is computed, and would leave a seam.
MAY_CHANGE = frozenset(
    {
        "version",
        "preset",
        "data.source",
        "data.strict",
        "train.steps",
        "train.report_every",
        "train.sample_every",
        "train.save_every",
        "train.score_every",
        "train.target",
        "train.keep",
        "train.init_from",
        "train.device",
        "train.precision",
        "train.threads",
        "train.devices",
        "train.max_restarts",
        "train.profile",
    }
)
SHOWN = 4  # settings named in a message


def may_change(name: str) -> bool:
    """Whether a setting decides nothing of what is computed."""
    return name in MAY_CHANGE or name.startswith("cluster.")


def changed(config: RunConfig, changes: Mapping[str, Any]) -> RunConfig:
    """With what a user wants otherwise from now on. ConfigError for a bad value, and for what may not change."""
    new = configs.override(config, changes)
    if refused := [
        name for name in changes if not may_change(name) and configs.get(new, name) != configs.get(config, name)
    ]:
        raise ConfigError(
            f"{refused[0]}: decides what is computed, so a run keeps it; start a new run, "
            "perhaps with --init-from this one"
        )
    return new


def check(before: Mapping[str, Any], config: RunConfig, *, where: str) -> None:
    """`before` is the configuration tree that a checkpoint was made with ({}: an old one that does not say).

    A setting that decides what is computed was changed since: RunError that names it with both values.
    """
    if not before:
        return
    old, new = configs.settings(before), configs.settings(configs.to_tree(config))
    changed = [
        f"{name} is {new[name]}, was {old[name]}" for name in new if not may_change(name) and new[name] != old[name]
    ]
    if changed:
        more = f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
        raise RunError(
            f"{where}: changed since its checkpoint was made: {', '.join(changed[:SHOWN])}{more}; "
            "put that back, or start a new run (only how long it trains, what it writes, and where it runs may change)"
        )
