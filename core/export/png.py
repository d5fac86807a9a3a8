"""Small grey PNG files, three times as fast as by way of an image object: most of that time is not compression."""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_END = struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
_GREY, _BITS = 0, 8
LEVEL = 1  # run lengths and entropy only: ink on empty paper; a third smaller files cost twice the time


def encode(image: NDArray[np.uint8]) -> bytes:
    """(H, W) uint8 -> an 8-bit grey PNG."""
    height, width = image.shape
    lines = np.zeros((height, width + 1), np.uint8)  # every line begins with its filter: 0, none
    lines[:, 1:] = image
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, 15, 9, zlib.Z_RLE)
    data = packer.compress(lines.data) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, _BITS, _GREY, 0, 0, 0)
    return b"".join((_SIGNATURE, _chunk(b"IHDR", head), _chunk(b"IDAT", data), _END))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))
