"""Waiting for what happens in other threads and processes."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from textual.pilot import Pilot
from textual.screen import Screen

S = TypeVar("S", bound=Screen[Any])


async def until(pilot: Pilot[None], condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Let the app go on until the condition holds; never: the test fails."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain on {pilot.app.screen}"
        await pilot.pause(0.02)


async def on(pilot: Pilot[None], kind: type[S]) -> S:
    """The screen of this kind, once it is on top and laid out."""
    await until(pilot, lambda: isinstance(pilot.app.screen, kind) and pilot.app.screen.is_mounted)
    await pilot.pause()
    assert isinstance(pilot.app.screen, kind)
    return pilot.app.screen


def toasts(pilot: Pilot[None]) -> list[str]:
    """What the user was told."""
    return [notification.message for notification in pilot.app._notifications]
