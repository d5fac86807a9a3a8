"""Arguments and options that several benchmarks share."""

from __future__ import annotations

from typing import Annotated

import typer

Preset = Annotated[str, typer.Argument(metavar="PRESET", help="Which experiment.")]
Changes = Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Any setting; repeatable.")]
