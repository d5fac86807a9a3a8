"""Single image files to grey arrays with high ink, without trusting them."""

import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".pbm"))
LONGEST_SIDE = 4096  # pixels: one character, however it was scanned
KEPT_SIDE = 256  # pixels: larger pictures are shrunk to this when they are read
BAD_PICTURE = (  # what pillow raises for a file that is half-written, damaged, hostile or no picture at all
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    TypeError,
    OverflowError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


class PictureError(Exception):
    """A file that is no usable picture; says why, for the caller knows where."""


def read_picture(path: Path) -> NDArray[np.uint8]:
    """(H, W) 255 = ink: colours to grey, transparency to white, black on white turned round."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as picture:
            if max(picture.size) > LONGEST_SIDE:
                raise PictureError(f"{picture.width} x {picture.height} pixels; the largest read has {LONGEST_SIDE}")
            grey = _grey(picture)
            if max(grey.size) > KEPT_SIDE:
                grey = ImageOps.contain(grey, (KEPT_SIDE, KEPT_SIDE), Image.Resampling.BOX)
            pixels = np.asarray(grey, np.uint8)
    except PictureError:
        raise
    except (Image.DecompressionBombError, MemoryError):
        raise PictureError("it claims more pixels than any character has") from None
    except PermissionError:
        raise PictureError("no permission to read it") from None
    except BAD_PICTURE:
        raise PictureError("it is not a picture, or a damaged one") from None
    return 255 - pixels if np.median(pixels) > 127 else pixels  # most of a picture is paper


def _grey(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I") or picture.mode == "F":  # 16 bits
        deep = np.asarray(picture, np.float64)
        return Image.fromarray(np.rint(deep * (255 / max(float(deep.max()), 1.0))).clip(0, 255).astype(np.uint8))
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        coloured = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", coloured.size, "white"), coloured)
    return picture.convert("L")
