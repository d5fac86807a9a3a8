"""Typer 0.29 converts every value by pydantic, whose import costs a command 0.1 s; most values need no conversion.

Where Typer changes so that this finds nothing to do, commands only get slower (a cold-import test tells).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from typer.core import TyperCommand, TyperGroup


class QuickCommand(TyperCommand):
    """A command whose parameters are converted without pydantic where nothing is to be checked."""

    def get_params(self, ctx: Any) -> Any:
        return _quickened(super().get_params(ctx))


class QuickGroup(TyperGroup):
    """The same for what stands before the command."""

    def get_params(self, ctx: Any) -> Any:
        return _quickened(super().get_params(ctx))


def _quickened(parameters: Any) -> Any:
    for parameter in parameters:  # --help is among them
        if getattr(parameter, "_runtime_param", parameter) is None:
            parameter._runtime_param = _Quick(parameter.type_descriptor)
    return parameters


class _Quick:
    """Stands for Typer's RuntimeParam, and calls it for what has limits or is no text."""

    def __init__(self, descriptor: Any) -> None:
        self._descriptor = descriptor

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        wanted = self._descriptor.annotation
        many = param.multiple or param.nargs == -1
        if value is None or (many and not value):
            return () if many else None
        if many and wanted == list[str] and all(isinstance(each, str) for each in value):
            return list(value)
        if isinstance(wanted, type) and isinstance(value, wanted):
            return value  # text, or a default
        if wanted is Path and isinstance(value, str):
            return Path(value)
        from typer._coercion import build_runtime_param

        return build_runtime_param(self._descriptor).coerce(value, param=param, ctx=ctx)
