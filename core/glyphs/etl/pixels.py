"""Packed pixels to grey levels and back, for every layout: rows top down, left to right, high bits first.

High is ink in every set. Raw levels keep the depth of the file (0 .. 2**bits - 1); 8-bit levels are scaled by
255 / (2**bits - 1), so that full ink is 255 whatever the depth.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from core.glyphs.etl.formats import RecordFormat

Bytes = npt.NDArray[np.uint8]

BLOCK = 32  # records unpacked at a time: half a megabyte of the largest layout, which stays in the cache


def unpack_pixels(packed: Bytes, fmt: RecordFormat) -> Bytes:
    """(N, image_bytes) packed -> (N, H, W) grey levels, 0 .. 2**bits - 1."""
    return UNPACK[fmt.bits](packed).reshape(len(packed), fmt.height, fmt.width)


def pack_pixels(levels: Bytes, fmt: RecordFormat) -> Bytes:
    """(N, H, W) grey levels, 0 .. 2**bits - 1 -> (N, image_bytes); the inverse of `unpack_pixels`."""
    if levels.shape[1:] != (fmt.height, fmt.width):
        raise ValueError(f"images of {levels.shape[1:]} pixels for a record of {fmt.height} x {fmt.width}")
    if levels.size and int(levels.max()) >= fmt.levels:
        raise ValueError(f"grey level {int(levels.max())} in a record of {fmt.levels} levels")
    return PACK[fmt.bits](levels.reshape(len(levels), -1))


def to_uint8(levels: Bytes, bits: int, out: Bytes | None = None) -> Bytes:
    """Grey levels 0 .. 2**bits - 1 -> 0 .. 255, scaled by 255 / (2**bits - 1) and rounded; `out` may be `levels`."""
    top = 2**bits - 1
    if out is None:
        out = np.empty_like(levels)
    if 255 % top == 0:
        np.multiply(levels, np.uint8(255 // top), out=out)
    else:
        scaled = np.multiply(levels, 255, dtype=np.uint16)
        scaled += top // 2
        scaled //= top
        out[...] = scaled
    return out


def from_uint8(images: Bytes, bits: int) -> Bytes:
    """0 .. 255 -> the nearest of 2**bits grey levels; undoes `to_uint8` exactly."""
    top = 2**bits - 1
    return np.asarray((images.astype(np.uint16) * top + 127) // 255, np.uint8)


def unpack_images(records: Bytes, fmt: RecordFormat, out: Bytes | None = None) -> Bytes:
    """(N, size) whole records -> (N, H, W) images, 0 .. 255; in blocks, so that the work stays in the cache."""
    images = np.empty((len(records), fmt.height, fmt.width), np.uint8) if out is None else out
    for start in range(0, len(records), BLOCK):
        block = slice(start, start + BLOCK)
        to_uint8(unpack_pixels(packed_images(records[block], fmt), fmt), fmt.bits, out=images[block])
    return images


def packed_images(records: Bytes, fmt: RecordFormat) -> Bytes:
    """(N, size) whole records -> (N, image_bytes), a view."""
    return records[:, fmt.image : fmt.image + fmt.image_bytes]


def _unpack_1(packed: Bytes) -> Bytes:
    return np.unpackbits(packed, axis=1)


def _unpack_4(packed: Bytes) -> Bytes:
    # A byte 0xLR times 0x1001 is 0xRLR without its overflow; shifted by 4 it is 0x0R0L: both pixels, left one first.
    pairs = np.multiply(packed, 0x1001, dtype=np.dtype("<u2"))
    pairs >>= 4
    return pairs.view(np.uint8)


def _unpack_6(packed: Bytes) -> Bytes:
    triples = np.empty((len(packed), packed.shape[1] // 3), np.dtype("<u4"))  # 24 bits that hold four pixels
    triples[:] = packed[:, 0::3]
    for place in (1, 2):
        triples <<= 8
        triples |= packed[:, place::3]
    quads = triples >> 18  # little endian: the first pixel is the lowest byte
    quads |= triples >> 4 & 0x3F00
    quads |= triples << 10 & 0x3F0000
    quads |= triples << 24 & 0x3F000000
    return quads.view(np.uint8)


def _pack_1(levels: Bytes) -> Bytes:
    return np.packbits(levels, axis=1)


def _pack_4(levels: Bytes) -> Bytes:
    return np.asarray(levels[:, 0::2] << 4 | levels[:, 1::2], np.uint8)


def _pack_6(levels: Bytes) -> Bytes:
    a, b, c, d = (levels[:, place::4] for place in range(4))
    return np.stack([a << 2 | b >> 4, (b & 15) << 4 | c >> 2, (c & 3) << 6 | d], axis=-1).reshape(len(levels), -1)


UNPACK: dict[int, Callable[[Bytes], Bytes]] = {1: _unpack_1, 4: _unpack_4, 6: _unpack_6}
PACK: dict[int, Callable[[Bytes], Bytes]] = {1: _pack_1, 4: _pack_4, 6: _pack_6}
