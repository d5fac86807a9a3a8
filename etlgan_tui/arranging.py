"""How the playground lays out what is typed: a text in one hand, or each character in many."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from etlgan_tui.sampling import Wanted

GAP = " "  # stands where a text has a blank, or a character that the run does not know
TILES = (48, 40, 32, 24, 20, 16, 12, 8)  # columns that an image may take; it is half as many lines high
AT_A_TIME = 48  # images: some 40 ms of one core at 32 pixels, so that the answer seems to come with the key
MOST_HANDS, FEWEST_HANDS = 8, 2
MOST_ROWS = 32  # characters in many hands
_LABEL_CELLS = 3  # a full-width character and a blank


class Spelling(NamedTuple):
    """What can be written of a text."""

    signs: tuple[str, ...]  # characters that the run knows, and gaps
    unknown: tuple[str, ...]  # the others, each once

    @property
    def distinct(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(sign for sign in self.signs if sign != GAP))


class Asked(NamedTuple):
    """What a picture is of."""

    wanted: Wanted
    spelling: Spelling
    one_hand: bool


class Drawn(NamedTuple):
    """A picture as it came back."""

    asked: Asked
    step: int
    images: NDArray[np.uint8]  # (distinct characters, hands, S, S), 255 = ink


def spelled(text: str, known: frozenset[str]) -> Spelling:
    """A kana and its voicing mark become one character; one that only another width is known of, becomes that."""
    signs, unknown = [], dict[str, None]()
    for character in unicodedata.normalize("NFC", text):
        other = unicodedata.normalize("NFKC", character)
        if character in known or other in known:
            signs.append(character if character in known else other)
        else:
            signs.append(GAP)
            if not character.isspace():
                unknown[character] = None
    return Spelling(tuple(signs), tuple(unknown))


def hands(characters: int) -> int:
    """In how many hands so many characters are drawn at once."""
    return max(FEWEST_HANDS, min(MOST_HANDS, AT_A_TIME // max(characters, 1)))


def text_tile(count: int, *, width: int, height: int) -> int:
    """Columns an image so that `count` of them, wrapped, fit into so many cells; the smallest where they cannot."""
    for tile in TILES:
        across = width // tile
        if across and -(-count // across) * (tile // 2) <= height:
            return tile
    return TILES[-1]


def table_tile(rows: int, across: int, *, width: int, height: int) -> int:
    """The same for a row a character; what matters is that all rows are there, and half of the hands."""
    for tile in TILES:
        if rows * (tile // 2) <= height and width // tile >= -(-across // 2):
            return tile
    return TILES[-1]


def arranged(
    drawn: Drawn, *, width: int, height: int, whole: bool = False
) -> tuple[NDArray[np.uint8], tuple[str, ...], int]:
    """(R, C, S, S), the labels of its rows, and the columns that an image takes. `whole`: also what does not fit."""
    asked, images = drawn.asked, drawn.images
    if asked.one_hand:
        signs = asked.spelling.signs
        tile = text_tile(len(signs), width=width, height=height)
        hand = dict(zip(asked.wanted.characters, images[:, 0], strict=True))
        return wrapped(signs, hand, width // tile), (), tile
    rows, across = images.shape[:2]
    room = width - _LABEL_CELLS
    tile = table_tile(rows, across, width=room, height=height)
    return images[:, : across if whole else max(1, room // tile)], asked.wanted.characters, tile


def wrapped(signs: tuple[str, ...], images: dict[str, NDArray[np.uint8]], across: int) -> NDArray[np.uint8]:
    """One image a sign -> (R, across, S, S): the text in lines, blank paper for gaps and at its end."""
    import numpy as np

    side = next(iter(images.values())).shape[-1] if images else 1
    across = max(1, min(across, len(signs)))
    rows = -(-len(signs) // across)
    page = np.zeros((rows * across, side, side), np.uint8)
    for at, sign in enumerate(signs):
        if sign in images:
            page[at] = images[sign]
    return page.reshape(rows, across, side, side)


def enlarged(images: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """(R, C, S, S) -> (R, C, side, side) where that is larger."""
    import numpy as np
    from PIL import Image

    rows, across, old, _ = images.shape
    if side <= old:
        return images
    ways = Image.Resampling.BICUBIC
    sized = [np.asarray(Image.fromarray(image).resize((side, side), ways)) for image in images.reshape(-1, old, old)]
    return np.stack(sized).reshape(rows, across, side, side)
