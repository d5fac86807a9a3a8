"""Waiting for what another process or the screen is to do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

PATIENCE = 60.0  # seconds; a process may have to start first


async def until(condition: Callable[[], object], what: str, *, pause: float) -> None:
    """Look every `pause` seconds; too long: TimeoutError that says for `what`."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited in vain for {what}")
        await asyncio.sleep(pause)
