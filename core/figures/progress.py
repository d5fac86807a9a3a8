"""The animation of a run: its sample grids over training. Pillow, no matplotlib."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from core.figures.grids import paper
from core.figures.page import Block, Layout, compose, in_panels
from core.glyphs.sets.pictures import BAD_PICTURE
from core.rundir import write_atomic

MOST_FRAMES = 60
MOST_ROWS = 46
FRAME_MS = 120
LAST_MS = 3000
ROOM = 760, 860  # pixels, width and height
BYTES = 3_000_000
LEVELS = 16, 8  # greys of a frame; the second where the file gets too large
FEWER = 0.7  # of the frames, as long as the file is too large
FEWEST_FRAMES = 8


def progress_gif(
    samples: Sequence[tuple[int, Path]],
    path: Path,
    *,
    rows: Sequence[str] = (),
    seconds: Mapping[int, float] | None = None,
    title: str = "",
) -> int:
    """Write the animation of (step, PNG) pairs; returns its frames. No readable picture: 0, and no file.

    The PNGs are plain tilings of square images, a row for each of `rows`; dark on light or light on dark. Where that
    does not fit, they are shown whole and without labels. Unreadable ones are left out, and so are those of another
    size than the last one. At most MOST_FRAMES, spread evenly, the first and the last among them.
    """
    pictures = _readable(sorted(samples))
    if not pictures:
        return 0
    invert = np.median(pictures[-1][1]) > 127  # paper is most of a picture
    block = _block(pictures[-1][1], rows)
    panels, layout = in_panels(block, room=ROOM)
    frames = []
    for step, picture in pictures:
        ink = 255 - picture if invert else picture
        frames.append(_frame(_block(ink, rows), len(panels), layout, _caption(title, step, seconds)))
    content = _encode(frames, LEVELS[0])
    while len(content) > BYTES and len(frames) > FEWEST_FRAMES:
        content = _encode(frames, LEVELS[1])
        if len(content) > BYTES:
            frames = [frames[i] for i in _spread(len(frames), int(len(frames) * FEWER))]
            content = _encode(frames, LEVELS[1])
    write_atomic(path, content)
    return len(frames)


def _readable(samples: Sequence[tuple[int, Path]]) -> list[tuple[int, np.ndarray]]:
    """(step, (h, w) uint8) of at most MOST_FRAMES pictures of one size; first and last are the first and last good."""
    left = list(samples)
    last = None
    while left and last is None:
        last = _read(left[-1][1])
        if last is None:
            left.pop()
    if last is None:
        return []
    while _read(left[0][1], last.shape) is None:
        left.pop(0)
    chosen = [left[i] for i in _spread(len(left), MOST_FRAMES)]
    pictures = [(step, _read(file, last.shape)) for step, file in chosen]
    return [(step, picture) for step, picture in pictures if picture is not None]


def _read(file: Path, shape: tuple[int, ...] | None = None) -> np.ndarray | None:
    """(h, w) uint8; None where there is no such picture, or none of that shape."""
    try:
        with Image.open(file) as image:
            picture = np.asarray(image.convert("L"))
    except BAD_PICTURE:
        return None
    return picture if shape in (None, picture.shape) else None


def _spread(count: int, most: int) -> list[int]:
    """Up to `most` indices of `count`, evenly spread, both ends in."""
    return sorted(set(np.linspace(0, count - 1, min(count, most)).round().astype(int).tolist()))


def _block(ink: np.ndarray, rows: Sequence[str]) -> Block:
    """The (h, w) picture cut back into (R, C, S, S), or whole where it is no tiling of squares."""
    height, width = ink.shape
    side = height // len(rows) if rows else 0
    if not side or height % len(rows) or width % side:
        return Block(ink[None, None])
    images = ink.reshape(len(rows), side, width // side, side).transpose(0, 2, 1, 3)
    return Block(images[:MOST_ROWS], rows[:MOST_ROWS])


def _frame(block: Block, panels: int, layout: Layout, caption: str) -> np.ndarray:
    return paper(compose(block.panels(panels), layout, title=caption))


def _caption(title: str, step: int, seconds: Mapping[int, float] | None) -> str:
    parts = [title] if title else []
    parts.append(f"step {step:,}")
    if seconds is not None and step in seconds:
        parts.append(_duration(seconds[step]))
    return "  ·  ".join(parts)


def _duration(seconds: float) -> str:
    """75 -> 1 min 15 s."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60:02} s" if whole < 3600 else f"{whole // 3600} h {whole // 60 % 60:02} min"


def _encode(frames: Sequence[np.ndarray], levels: int) -> bytes:
    """The bytes of a GIF that repeats for ever, with one palette of so many greys."""
    height, width = max(f.shape[0] for f in frames), max(f.shape[1] for f in frames)
    step = 255 / (levels - 1)
    greys = np.repeat(np.rint(np.arange(levels) * step).astype(np.uint8), 3).tobytes()
    images = []
    for frame in frames:
        room = ((0, height - frame.shape[0]), (0, width - frame.shape[1]))
        image = Image.fromarray(np.rint(np.pad(frame, room, constant_values=255) / step).astype(np.uint8), "P")
        image.putpalette(greys)
        images.append(image)
    buffer = io.BytesIO()
    durations = [FRAME_MS] * (len(images) - 1) + [LAST_MS]
    images[0].save(
        buffer, "GIF", save_all=True, append_images=images[1:], duration=durations, loop=0, optimize=False, disposal=1
    )
    return buffer.getvalue()
