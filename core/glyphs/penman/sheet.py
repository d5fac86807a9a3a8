"""Look at the pen, or time it: `python -m core.glyphs.penman.sheet OUT.png [--chars hiragana --writers 20]`."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.errors import EtlganError
from core.glyphs import repertoire
from core.glyphs.penman import render

SPEED_SETS = ("digits", "hiragana", "kanji-10")
SPEED_WRITERS = 250
GRID_GREY = 160


def sheet(cells: NDArray[np.uint8]) -> Image.Image:
    """(rows, columns, size, size) ink -> a contact sheet, black on white, a line between cells."""
    rows, columns, size, _ = cells.shape
    page = np.full((rows, columns, size + 1, size + 1), GRID_GREY, np.uint8)
    page[:, :, :size, :size] = 255 - cells
    return Image.fromarray(page.transpose(0, 2, 1, 3).reshape(rows * (size + 1), columns * (size + 1)))


def speed(size: int, spec: str) -> float:
    """Clean samples a second of processor time on one core, after the strokes are loaded."""
    characters = repertoire.characters(spec)
    for character in characters:
        render(character, range(2), size=size)
    begin = time.process_time()
    for character in characters:
        render(character, range(SPEED_WRITERS), size=size)
    return len(characters) * SPEED_WRITERS / (time.process_time() - begin)


def main() -> int:
    parser = argparse.ArgumentParser(description="A contact sheet of the embedded handwriting, or its speed.")
    parser.add_argument("out", type=Path, nargs="?", help="PNG to write")
    parser.add_argument("--chars", default="hiragana", help="a set of core.glyphs.repertoire, or the characters")
    parser.add_argument("--writers", type=int, default=20, help="columns")
    parser.add_argument("--first", type=int, default=0, help="first writer")
    parser.add_argument("--size", type=int, default=64, help="pixels")
    parser.add_argument("--style", choices=("clean", "scanned"), default="clean")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--speed", action="store_true", help="print clean samples a second instead")
    arguments = parser.parse_args()
    if arguments.speed:
        for spec in SPEED_SETS:
            print(f"{spec:10}", *(f"{size} px: {speed(size, spec):6.0f}/s" for size in (32, 64)), sep="  ")
        return 0
    if arguments.out is None:
        parser.error("OUT.png is missing")
    writers = range(arguments.first, arguments.first + arguments.writers)
    try:
        rows = [
            render(c, writers, size=arguments.size, style=arguments.style, seed=arguments.seed)
            for c in repertoire.characters(arguments.chars)
        ]
    except EtlganError as error:
        parser.error(str(error))
    sheet(np.stack(rows)).save(arguments.out)
    print(f"{arguments.out}: {len(rows)} characters x {len(writers)} writers")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
