"""A run that is being put together: what was typed, what it resolves to, and the command that says the same."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from core import config, presets
from core.errors import ConfigError
from core.settings import DataConfig, RunConfig
from etlgan_tui.index import plain
from etlgan_tui.looks import counted

SHOWN_CHARACTERS = 24
_FIELDS = {each.name: each for each in config.fields() if each.name not in ("version", "preset")}


class Settled(NamedTuple):
    """What a draft comes to."""

    tree: RunConfig  # as it would be written; fields with a problem count as untouched
    problems: dict[str, str]  # by field


@dataclass
class Draft:
    """The fields that somebody touched, over a preset. May be settled in another thread while it is edited."""

    preset: str = ""
    # dotted name -> text, also while it is wrong; the newest last. Replaced by each edit, never changed.
    touched: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    tags: str = ""  # separated by commas
    note: str = ""

    @classmethod
    def of(cls, tree: RunConfig) -> Draft:
        """The draft that resolves to this configuration."""
        preset = tree.preset if tree.preset in presets.PRESETS else ""
        recipe = {"recipe.name": tree.recipe.name}
        base = presets.resolve(preset, recipe)
        differing = (name for name in _FIELDS if config.get(tree, name) != config.get(base, name))
        touched = {name: _typed(config.get(tree, name)) for name in differing}
        if tree.recipe.name != presets.resolve(preset).recipe.name:
            touched |= recipe
        return cls(preset, touched)

    def settled(self) -> Settled:
        """Fields that are wrong by themselves are left out; of fields that only do not go together, the newest."""
        problems = {name: told for name, text in self.touched.items() if (told := _check(name, text))}
        kept = {name: text for name, text in self.touched.items() if name not in problems}
        while told := self._conflict(kept):
            involved = (name for name in reversed(kept) if self._conflict(_without(kept, name)) != told)
            newest = next(involved, [*kept][-1])
            problems[newest] = told
            kept = _without(kept, newest)
        return Settled(presets.resolve(self.preset, kept), problems)

    def _conflict(self, touched: Mapping[str, str]) -> str:
        """Why fields that are right by themselves do not go together, "" where they do."""
        try:
            presets.resolve(self.preset, touched)
        except ConfigError as error:
            return str(error)
        return ""

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
        rest = _without(self.touched, name)
        usual = config.get(Draft(self.preset, rest).settled().tree, name)
        untouched = not _check(name, text) and config.converted(_FIELDS[name], text) == usual
        self.touched = rest if untouched else rest | {name: text}


def _without(touched: Mapping[str, str], name: str) -> dict[str, str]:
    return {key: text for key, text in touched.items() if key != name}


def _check(name: str, text: str) -> str:
    """What is wrong with a field's text by itself, "" for nothing."""
    try:
        config.converted(_FIELDS[name], text)
    except ConfigError as error:
        return str(error).removeprefix(f"{name}={text}: ").removeprefix(f"{name}: ")
    return ""


def characters_of(data: DataConfig) -> str:
    """Which characters the data will have, for people; DataError or ConfigError where it has not what is asked for.

    May read files: not for the event loop.
    """
    from core.glyphs import mixing

    found, source, _ = mixing.look(data)
    more = "…" if len(found) > SHOWN_CHARACTERS else ""
    return f"{counted(len(found), 'character')} from {source}: {''.join(found[:SHOWN_CHARACTERS])}{more}"


def values(tree: RunConfig) -> dict[str, str]:
    """Every field that a person may set, as text."""
    return {name: _typed(config.get(tree, name)) for name in _FIELDS}


def _typed(value: Any) -> str:
    """What to type for exactly this value."""
    short = plain(value)
    return repr(value) if isinstance(value, float) and float(short) != value else short
