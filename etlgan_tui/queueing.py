"""The queue as the dashboard tends it: somebody waits where runs do, and the top line says how many."""

from __future__ import annotations

from core.rundir import Home
from core.runs import disk, tickets, waiter


def tend(home: Home) -> str:
    """Words for the top line, "" where nothing waits. Sees to it that somebody waits for free slots."""
    waiter.revive(home)
    waiting = sum(1 for _ in tickets.ids(home))
    words = [f"{waiting:,} queued{', paused' if tickets.settings(home).paused else ''}"] if waiting else []
    words += ["disk nearly full" if disk.low(home.root) else ""]
    return "  ".join(filter(None, words))
