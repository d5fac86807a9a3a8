"""Segments to grey images: each segment is a capsule with a soft edge of one pixel, the darkest wins."""

from __future__ import annotations

import numpy as np

from core.glyphs.penman.noise import Floats
from core.glyphs.penman.pen import Segments

THINNEST = 0.05  # pixels: thinner lines leave nothing
CHUNK = 250_000  # pixels worked on at once: a working set that stays in the cache


def rasterise(
    segments: Segments,
    *,
    height: int,
    width: int,
    scale: Floats | float,
    x: Floats | float = 0.0,
    y: Floats | float = 0.0,
) -> Floats:
    """(B, height, width) ink, 0 paper .. 1 black. `scale` is pixels an em, (x, y) the origin in
    pixels off the image's middle; each one number or (B,).
    """
    samples = segments.x0.shape[0]
    scale = np.reshape(np.asarray(scale, np.float32), (-1, 1))
    left = np.reshape(np.asarray(x, np.float32), (-1, 1)) + (width - 1) / 2
    top = np.reshape(np.asarray(y, np.float32), (-1, 1)) + (height - 1) / 2
    line = segments.width * scale
    drawn = line > THINNEST
    owner = np.broadcast_to(np.arange(samples, dtype=np.int32)[:, None], drawn.shape)[drawn]
    ax, bx = (segments.x0 * scale + left)[drawn], (segments.x1 * scale + left)[drawn]
    ay, by = (segments.y0 * scale + top)[drawn], (segments.y1 * scale + top)[drawn]
    capsules = np.stack([ax, ay, bx - ax, by - ay, line[drawn] / 2, segments.dark[drawn]])
    image = np.zeros(samples * height * width, np.float32)
    _draw(image, capsules.astype(np.float32), owner, height, width)
    return image.reshape(samples, height, width)


def _draw(image: Floats, capsules: Floats, owner: np.ndarray, height: int, width: int) -> None:
    """Group the capsules by the size of the pixel window that holds them, and stamp group by group."""
    ax, ay, dx, dy, radius, _ = capsules
    reach = radius + 0.5
    left = np.ceil(np.minimum(ax, ax + dx) - reach).astype(np.int32)
    top = np.ceil(np.minimum(ay, ay + dy) - reach).astype(np.int32)
    right = np.floor(np.maximum(ax, ax + dx) + reach).astype(np.int32)
    bottom = np.floor(np.maximum(ay, ay + dy) + reach).astype(np.int32)
    window = np.maximum(right - left, bottom - top) + 1
    for size in np.unique(window):
        members = np.flatnonzero(window == size)
        step = max(1, CHUNK // int(size * size))
        for begin in range(0, len(members), step):
            part = members[begin : begin + step]
            _stamp(image, capsules[:, part], owner[part], left[part], top[part], int(size), height, width)


def _stamp(
    image: Floats,
    capsules: Floats,
    owner: np.ndarray,
    left: np.ndarray,
    top: np.ndarray,
    size: int,
    height: int,
    width: int,
) -> None:
    """Draw m capsules that each fit a window of size x size pixels."""
    ax, ay, dx, dy, radius, dark = capsules[:, :, None]
    offsets = np.arange(size, dtype=np.int32)
    px, py = left[:, None] + offsets, top[:, None] + offsets  # (m, size)
    ux, uy = px - ax, py - ay
    inverse = 1 / np.maximum(dx * dx + dy * dy, np.float32(1e-6))
    t = (ux * (dx * inverse))[:, None, :] + (uy * (dy * inverse))[:, :, None]  # (m, row, column)
    np.clip(t, 0, 1, out=t)
    ex, ey = ux[:, None, :] - t * dx[..., None], uy[:, :, None] - t * dy[..., None]
    distance = np.sqrt(ex * ex + ey * ey)
    peak = np.minimum(1, np.minimum(1, 2 * radius + np.float32(0.15)) * dark)  # a line thinner than a pixel is grey
    value = np.clip(radius[..., None] + np.float32(0.5) - distance, 0, 1) * peak[..., None]
    seen = (value > 0) & ((px >= 0) & (px < width))[:, None, :] & ((py >= 0) & (py < height))[:, :, None]
    place = (owner * (height * width))[:, None, None] + py[:, :, None] * width + px[:, None, :]
    np.maximum.at(image, place[seen], value[seen])
