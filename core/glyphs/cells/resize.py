"""Antialiased placing of ink in a new square: one scale and one shift an image, the whole batch as matrix products."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

INK = 24.0  # grey from which a pixel belongs to the ink's box
SHARPNESS = -0.5  # of the cubic kernel (Keys 1981): interpolates straight slopes exactly
ALONE = 1 << 18  # multiplications up to which OpenBLAS stays on one thread
BORDER = 0.02  # of the new size, that a box shifted off the middle keeps free


class Frame(NamedTuple):
    """Where an image goes: new = scale * (old - origin) + size / 2, in pixels, edges counted."""

    scale: Floats  # (n,)
    y: Floats  # (n,) old row that comes to the middle
    x: Floats  # (n,) old column that comes to the middle


def place(ink: Floats, size: int, *, crop: bool, by_mass: bool, margin: float, zoom_limit: float) -> Frame:
    """(n, H, W) ink -> where it goes in a square of `size`: its box fitted in, its mass in the middle."""
    count, height, width = ink.shape
    whole = size / max(height, width)  # scale of an uncropped cell
    top, bottom = _extent(ink.max(2))
    left, right = _extent(ink.max(1))
    longer = np.maximum(np.maximum(bottom - top, right - left), 1)
    scale = np.minimum(size * (1 - 2 * margin) / longer, whole * zoom_limit) if crop else np.full(count, whole)
    if by_mass:
        y, x = _mass_centre(ink.sum(2)), _mass_centre(ink.sum(1))
    elif crop:
        y, x = (top + bottom) / 2, (left + right) / 2
    else:
        y, x = np.full(count, height / 2), np.full(count, width / 2)
    if crop:  # the mass may be off the box's middle: nothing is to leave the square
        free = size * (0.5 - BORDER) / scale
        y = np.clip(y, bottom - free, np.maximum(top + free, bottom - free))
        x = np.clip(x, right - free, np.maximum(left + free, right - free))
    return Frame(scale.astype(np.float32), y.astype(np.float32), x.astype(np.float32))


def resample(ink: Floats, frame: Frame, size: int) -> Floats:
    """(n, H, W) -> (n, size, size); each new pixel averages as much of the old image as it covers."""
    rows = _weights(frame.scale, frame.y, ink.shape[1], size)  # (n, size, H)
    columns = _weights(frame.scale, frame.x, ink.shape[2], size)  # (n, size, W)
    return _product(_product(rows, ink), columns.transpose(0, 2, 1))


def _product(left: Floats, right: Floats) -> Floats:
    """(n, a, b) @ (n, b, c), in pieces that OpenBLAS takes one thread for: waking others costs more than they do."""
    step = max(1, ALONE // (right.shape[1] * right.shape[2]))
    parts = [np.matmul(left[:, start : start + step], right) for start in range(0, left.shape[1], step)]
    return np.concatenate(parts, axis=1)


def _weights(scale: Floats, origin: Floats, length: int, size: int) -> Floats:
    """(n, size, length) how much of each old pixel is in each new one; rows sum to 1 inside the old image."""
    new = np.arange(size, dtype=np.float32) + np.float32(0.5 - size / 2)
    centre = new / scale[:, None] + origin[:, None]  # (n, size) old coordinate of each new pixel's middle
    old = np.arange(length, dtype=np.float32) + np.float32(0.5)
    reach = np.minimum(scale, 1)  # shrinking widens the kernel, enlarging doesn't narrow it
    distance = (old - centre[:, :, None]) * reach[:, None, None]
    return _cubic(distance) * reach[:, None, None]


def _cubic(distance: Floats) -> Floats:
    """Keys' kernel of a distance in pixels: 1 at 0, 0 at 1, a small dip, nothing from 2 on."""
    t = np.minimum(np.abs(distance), 2)
    a = np.float32(SHARPNESS)
    inner = ((a + 2) * t - (a + 3)) * t * t + 1
    outer = ((t - 5) * t + 8) * t * a - 4 * a
    return np.where(t < 1, inner, outer)


def _extent(profile: Floats) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(n, L) strongest ink of each line -> (n,) first line with ink, (n,) first line after the last; all if none."""
    length = profile.shape[1]
    there = profile > INK
    first, last = there.argmax(1), length - there[:, ::-1].argmax(1)
    return first.astype(np.float64), last.astype(np.float64)


def _mass_centre(profile: Floats) -> npt.NDArray[np.float64]:
    """(n, L) ink of each line -> (n,) its mean coordinate; the middle if there is none."""
    lines = np.arange(profile.shape[1]) + 0.5
    mass = profile.sum(1, dtype=np.float64)
    return np.asarray(np.where(mass > 0, profile @ lines / np.maximum(mass, 1e-9), profile.shape[1] / 2))
