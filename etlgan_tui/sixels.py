"""Sixel pictures with their colours defined before the first pixel, as textual-image does not have them.

It defines a colour where it is first used, and xterm then paints that stretch in what the register held before: white
dots in black strokes, grey stripes on white paper.
"""

from __future__ import annotations

import re
from typing import Any

_DEFINITION = r"#(\d+)(;2;\d+;\d+;\d+)"
_DEFINED = re.compile(_DEFINITION)
_START = re.compile(rf'(\x1bP[\d;]*q(?:"[\d;]*)?)(?:{_DEFINITION})*')  # what comes before the first pixel


def colours_first(sixels: str) -> str:
    """The same picture; as it is where it is so already, or a register changes its colour on the way."""
    start, found = _START.match(sixels), _DEFINED.findall(sixels)
    registers = dict(found)
    if start is None or not _DEFINED.search(sixels, start.end()) or len(registers) < len(found):
        return sixels
    head, palette = start.group(1), "".join(f"#{register}{colour}" for register, colour in registers.items())
    return head + palette + _DEFINED.sub(r"#\1", sixels[len(head) :])


def mend() -> None:
    """From now on textual-image's widget draws so; a version without this encoder is left as it is."""
    import textual_image.widget.sixel

    module: Any = textual_image.widget.sixel
    encode = getattr(module, "image_to_sixels", None)
    if encode is None:
        return

    def encoded(*args: Any, **options: Any) -> str:
        return colours_first(encode(*args, **options))

    module.image_to_sixels = encoded
