"""`etlgan doctor`: what this machine, this terminal and this home are like, and what to do where something is wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import typer

from etlgan_tui.cli import options, terminal

if TYPE_CHECKING:
    from core.rundir import Home
    from etlgan_tui.cli.checks import Check

_GLYPHS = {"ok": ("✓", "+"), "warn": ("!", "!"), "fail": ("✗", "x")}


def doctor(as_json: options.Json = False, folder: options.HomeFolder = None) -> None:
    """Check this machine, terminal and home.

    Python, torch, device, bf16, terminal, home, locks, database, data, disk. Exit code 1 if one of them fails.
    """
    home = options.home(folder)
    found = []
    for check in _checks(home):
        found.append(check)
        if not as_json:
            _print(check)
    if as_json:
        terminal.say_json([check._asdict() for check in found])
    if any(check.status == "fail" for check in found):
        raise typer.Exit(1)


def _checks(home: Home) -> Iterator[Check]:
    """One after the other, so that the slow ones do not hold back what is known already."""
    from etlgan_tui.cli import checks

    yield checks.python()
    yield from checks.torch()
    yield checks.threads()
    yield checks.terminal()
    for check in (checks.home, checks.locks, checks.database, checks.disk, checks.data):
        yield _safe(check, home)


def _safe(check: Callable[[Home], Check], home: Home) -> Check:
    """What a check stumbles over is its finding."""
    from core.errors import EtlganError
    from etlgan_tui.cli.checks import Check

    try:
        return check(home)
    except (EtlganError, OSError) as error:
        return Check(check.__name__, "fail", str(error))


def _print(check: Check) -> None:
    glyph = _GLYPHS[check.status][0 if terminal.shows_unicode(sys.stdout) else 1]
    words = [terminal.clean(check.found), *([terminal.clean(check.advice)] if check.advice else [])]
    head = f"{glyph} {check.status:<4}  {check.name:<9}"
    for name, value in zip([head, ""], words, strict=False):
        for line in terminal.pairs([(terminal.fit(name, len(head)), value)]):
            terminal.say(line)
    sys.stdout.flush()
