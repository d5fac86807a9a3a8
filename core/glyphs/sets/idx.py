"""MNIST's IDX files, gzipped or not: four bytes of magic, the sizes, the bytes."""

import gzip
import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError
from core.glyphs.sets.arrays import LARGEST

TYPES: Mapping[int, np.dtype[Any]] = MappingProxyType({0x08: np.dtype("u1"), 0x0C: np.dtype(">i4")})
MOST_DIMENSIONS = 4

IMAGES_NAME = re.compile(r".*?[-_.]?images[-_.]?(?:idx3)?[-_.]?(?:ubyte)?(?:\.gz)?$", re.IGNORECASE)


def is_images_name(name: str) -> bool:
    return IMAGES_NAME.match(name) is not None


def read_idx(path: Path) -> NDArray[np.generic]:
    """The array in an IDX file: bytes, or 32-bit numbers as labels beyond 255 are.

    DataError if the header and the length of the file do not agree.
    """
    try:
        with path.open("rb") as plain:
            packed = plain.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as file:
            return _read(file, path.name)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise DataError(f"{path}: the gzip is damaged or cut off; download it again") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None


def labels_beside(images: Path) -> Path | None:
    """The file of labels that belongs to a file of images: the same name with `labels` and `idx1`."""
    name = re.sub("images", "labels", images.name, flags=re.IGNORECASE).replace("idx3", "idx1")
    for candidate in (name, name.removesuffix(".gz"), f"{name}.gz", name.replace("ubyte", "int")):
        if images.with_name(candidate).exists():
            return images.with_name(candidate)
    return None


def _read(file: "IO[bytes] | gzip.GzipFile", name: str) -> NDArray[np.generic]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0":
        raise DataError(f"{name}: is not an IDX file (it starts with {magic!r}); take the file as MNIST publishes it")
    kind, dimensions = magic[2], magic[3]
    if kind not in TYPES or not 1 <= dimensions <= MOST_DIMENSIONS:
        raise DataError(f"{name}: IDX of type {kind:#04x} with {dimensions} dimensions; expected bytes (0x08)")
    item = TYPES[kind]
    header = file.read(4 * dimensions)
    shape = tuple(int(size) for size in np.frombuffer(header[: len(header) // 4 * 4], ">u4"))
    expected = int(np.prod(np.array(shape, object))) * item.itemsize if len(shape) == dimensions else -1
    if not 0 <= expected <= LARGEST:
        raise DataError(f"{name}: its header claims an array of {shape}, more than any such set has; it is damaged")
    pieces = bytearray()
    while len(pieces) <= expected and (piece := file.read(min(1 << 20, expected + 1 - len(pieces)))):
        pieces += piece
    if len(pieces) != expected:
        more = "more" if len(pieces) > expected else f"{len(pieces):,}"
        raise DataError(
            f"{name}: its header claims {shape}, {expected:,} bytes, but it holds {more}; download it again"
        )
    return np.frombuffer(bytes(pieces), item).reshape(shape)
