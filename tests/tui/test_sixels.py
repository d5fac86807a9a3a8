"""Sixel pictures as xterm paints them rightly."""

import re
from typing import Any

import numpy as np
import pytest
import textual_image.widget.sixel
from PIL import Image

from etlgan_tui import sixels

sixel: Any = textual_image.widget.sixel
DEFINED = re.compile(r"#\d+;2;\d+;\d+;\d+")


def greys() -> Image.Image:
    """Of many greys, so that colours come up in every band."""
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 40), np.uint8).cumsum(0, np.uint8))


def test_colours_are_defined_before_the_first_pixel(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = sixel.image_to_sixels(greys())
    monkeypatch.setattr(sixel, "image_to_sixels", sixel.image_to_sixels)
    sixels.mend()
    mended = sixel.image_to_sixels(greys())
    head, _, body = mended.partition('"1;1;40;24')
    colours = re.match(r"(?:#\d+;2;\d+;\d+;\d+)+", body)
    assert colours is not None
    assert not DEFINED.search(body[colours.end() :])
    assert DEFINED.search(plain, plain.index("$")), "or there would be nothing to mend"
    assert sorted(DEFINED.findall(mended)) == sorted(DEFINED.findall(plain)), "the same colours"
    without = re.sub(r"#(\d+);2;\d+;\d+;\d+", r"#\1", plain)
    assert head + '"1;1;40;24' + body[colours.end() :] == without, "the same pixels"
    assert sixels.colours_first(mended) == mended


@pytest.mark.parametrize("text", ["", "no picture", "\x1bPq#1;2;0;0;0~#1;2;100;100;100~\x1b\\"])
def test_what_cannot_be_reordered_stays(text: str) -> None:
    assert sixels.colours_first(text) == text
