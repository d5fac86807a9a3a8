"""What a terminal would do with a printed line, undone: escape sequences, and what a carriage return overwrote."""

from __future__ import annotations

import re

# CSI, OSC/DCS/PM/APC up to their end, and two-character escapes.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_].*?(?:\x07|\x1b\\|$)|[ -/]*[0-~])", re.DOTALL)


def without_escapes(text: str) -> str:
    """Other control characters stay: `core.runs.meta.printable` takes them, one by one."""
    return _ESCAPES.sub("", text) if "\x1b" in text else text


def last_written(line: str) -> str:
    """Of a progress bar that draws over itself, what stands there in the end."""
    return next((part for part in reversed(line.split("\r")) if part.strip()), "") if "\r" in line else line
