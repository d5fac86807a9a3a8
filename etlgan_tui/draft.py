"""A run that is being put together: what was typed, what it resolves to, and the command that says the same."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from core import config, presets
from core.config import DataConfig, RunConfig
from core.errors import ConfigError
from etlgan_tui.index import plain

SHOWN_CHARACTERS = 24


@dataclass
class Draft:
    """The fields that somebody touched, over a preset."""

    preset: str = ""
    touched: dict[str, str] = field(default_factory=dict)  # dotted name -> text, also while it is wrong
    name: str = ""
    tags: str = ""  # separated by commas
    note: str = ""

    @classmethod
    def of(cls, tree: RunConfig) -> Draft:
        """The draft that resolves to this configuration."""
        preset = tree.preset if tree.preset in presets.PRESETS else ""
        recipe = {"recipe.name": tree.recipe.name}
        base = presets.resolve(preset, recipe)
        differing = (name for name in _names() if config.get(tree, name) != config.get(base, name))
        touched = {name: plain(config.get(tree, name)) for name in differing}
        if tree.recipe.name != presets.resolve(preset).recipe.name:
            touched |= recipe
        return cls(preset, touched)

    def problems(self) -> dict[str, str]:
        """What is wrong, by field."""
        found = {}
        for name, text in self.touched.items():
            if problem := check(name, text):
                found[name] = problem
        return found

    def resolved(self) -> RunConfig:
        """The tree as it would be written; fields that are wrong count as untouched."""
        wrong = self.problems()
        return presets.resolve(self.preset, {name: text for name, text in self.touched.items() if name not in wrong})

    def tag_list(self) -> tuple[str, ...]:
        return tuple(tag for part in self.tags.split(",") if (tag := part.strip()))

    def command(self) -> str:
        """What to type in a shell, or to put into a script."""
        words = ["etlgan", "run", *([self.preset] if self.preset else [])]
        for name, text in self.touched.items():
            words += ["--set", f"{name}={text}"]
        words += ["--name", self.name] if self.name else []
        for tag in self.tag_list():
            words += ["--tag", tag]
        words += ["--note", self.note] if self.note else []
        return shlex.join(words)

    def edit(self, name: str, text: str) -> None:
        """A field was typed into; typing what it would be anyway leaves it untouched."""
        rest = {key: value for key, value in self.touched.items() if key != name}
        usual = Draft(self.preset, rest).resolved()
        if not check(name, text) and config.get(config.override(usual, {name: text}), name) == config.get(usual, name):
            self.touched = rest
        else:
            self.touched[name] = text


def check(name: str, text: str) -> str:
    """What is wrong with a field's text, "" for nothing."""
    try:
        config.override(RunConfig(), {name: text})
    except ConfigError as error:
        return str(error).partition(": ")[2] or str(error)
    return ""


def characters_of(data: DataConfig) -> str:
    """Which characters the data will have, for people; DataError or ConfigError where it has not what is asked for.

    May read files: not for the event loop.
    """
    from core.glyphs import mixing

    found, source, _ = mixing.look(data)
    more = "…" if len(found) > SHOWN_CHARACTERS else ""
    return f"{len(found):,} characters from {source}: {''.join(found[:SHOWN_CHARACTERS])}{more}"


def _names() -> list[str]:
    return [each.name for each in config.fields() if each.name not in ("version", "preset")]


def values(tree: RunConfig) -> Mapping[str, str]:
    """Every field that a person may set, as text."""
    return {name: plain(config.get(tree, name)) for name in _names()}
