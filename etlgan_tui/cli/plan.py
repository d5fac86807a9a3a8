"""What `etlgan run --dry-run` prints: the whole tree as it would be written, and what it will take."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from core import config as configuration
from core.settings import RunConfig
from etlgan_tui import looks
from etlgan_tui.cli import terminal
from etlgan_tui.estimate import MACHINE, Estimate, estimate, preparing

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})  # YAML 1.1 reads more than text


def show(config: RunConfig, characters: tuple[str, ...], *, as_json: bool) -> None:
    """To stdout: YAML that a person reads, or one JSON document."""
    guess, before = estimate(config, classes=len(characters)), preparing(config, classes=len(characters))
    tree = configuration.to_tree(config)
    if as_json:
        terminal.say_json(
            {"config": tree, "characters": list(characters), "estimate": guess._asdict() | {"preparing": before}}
        )
        return
    for line in _yaml(tree, characters):
        terminal.say(line)
    for line in _costs(config, guess, before):
        terminal.say(f"# {line}")


def _yaml(tree: dict[str, Any], characters: tuple[str, ...]) -> Iterator[str]:
    defaults = configuration.flatten(configuration.to_tree(RunConfig()))
    for key, value in tree.items():
        if not isinstance(value, dict):
            yield f"{key}: {_scalar(value)}"
            continue
        yield f"{key}:"
        for name, leaf in value.items():
            usual = defaults[f"{key}.{name}"]
            text = f"  {name}: {_scalar(leaf)}"
            yield text if leaf == usual else f"{terminal.fit(text, 36)}  # default: {_scalar(usual)}"
            if (key, name) == ("data", "chars"):
                shown = "".join(characters[:46]) + ("..." if len(characters) > 46 else "")
                yield f"    # {looks.counted(len(characters), 'character')}: {terminal.clean(shown)}"


def _scalar(value: Any) -> str:
    """As YAML reads it back: text that could be something else is quoted."""
    if isinstance(value, str) and value[:1].isalpha() and set(value) <= _PLAIN and value.lower() not in _WORDS:
        return value
    return json.dumps(terminal.clean(value) if isinstance(value, str) else value, ensure_ascii=False)


def _costs(config: RunConfig, guess: Estimate, before: float) -> Iterator[str]:
    yield f"{guess.images_seen:,} images seen in {config.train.steps:,} steps"
    yield f"about {terminal.duration(guess.seconds)} on {MACHINE}, a small part of it on a GPU (estimate)"
    if before:
        yield f"about {terminal.duration(before)} before that to draw embedded handwriting, once (estimate)"
    yield f"about {terminal.size(guess.memory)} of memory, {terminal.size(guess.disk)} on the disk (estimate)"
