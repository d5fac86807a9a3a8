"""A group whose commands' modules are loaded when they are asked for: no command pays for the others' imports."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar, NamedTuple

import typer

from etlgan_tui.cli.quick import QuickCommand, QuickGroup


class Place(NamedTuple):
    """Where a command is, and what the group's help says of it."""

    where: str  # module:name under etlgan_tui.cli; the name of a function, or of a typer.Typer with its own commands
    about: str  # the first paragraph of its docstring, on one line (a test compares them)


class LazyGroup(QuickGroup):
    """Subclasses say which commands there are; help and guesses at misspelt names read the table alone."""

    places: ClassVar[Mapping[str, Place]] = {}

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, place in self.places.items():
            self.add_command(QuickCommand(name=name, help=place.about))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The one place where a command that is to be run is looked up."""
        name, stand_in, rest = super().resolve_command(ctx, args)
        return name, stand_in if name is None else loaded(name, self.places[name]), rest


def loaded(name: str, place: Place) -> Any:
    """The command itself, its module imported now."""
    module, _, attribute = place.where.partition(":")
    found = getattr(import_module(f"etlgan_tui.cli.{module}"), attribute)
    holder = typer.Typer(rich_markup_mode=None, add_completion=False)
    if isinstance(found, typer.Typer):
        holder.add_typer(found, name=name)
    else:
        holder.command(name, cls=QuickCommand)(found)
    return typer.main.get_group(holder).commands[name]
