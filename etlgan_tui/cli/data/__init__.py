"""`etlgan data`: look at data, check it, prepare it, take it out. One small module a command."""

from __future__ import annotations

from collections.abc import Callable

import typer

from etlgan_tui.cli.data import cache, export, listing, prepare, show, verify
from etlgan_tui.cli.quick import QuickCommand, QuickGroup

app = typer.Typer(
    cls=QuickGroup, rich_markup_mode=None, no_args_is_help=True, help="Look at data, check it, prepare it, export it."
)

COMMANDS: dict[str, Callable[..., None]] = {
    "ls": listing.ls,
    "show": show.show,
    "verify": verify.verify,
    "prepare": prepare.prepare,
    "export": export.export,
    "cache": cache.cache,
}
for _name, _function in COMMANDS.items():
    app.command(_name, cls=QuickCommand)(_function)
