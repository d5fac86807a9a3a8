"""Files as ETL9G's: records of 8,199 bytes that every reader of the database opens.

The character fills the 128 x 127 cell, or stands in it as a scanner saw it (look `scanned`). `sheet` counts the
samples of a character from 1 (with `writers`: the writer), `serial` all samples; what nobody knows (sex, age) is 0.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError
from core.export.batch import Batch
from core.export.formats.base import Task, Whole
from core.glyphs.cells.resize import Frame, resample
from core.glyphs.etl.charsets import jis_x_0208_code
from core.glyphs.etl.formats import FORMATS
from core.glyphs.etl.pixels import from_uint8
from core.glyphs.etl.writer import make_records

LAYOUT = FORMATS["9G"]
SHEETS = 0xFFFF  # numbers that the field holds, but for 0


class Etl9gFormat:
    """OUT/ETL9G_01, ETL9G_02 and so on, a file a shard."""

    def __init__(self, task: Task) -> None:
        self.task = task
        codes = [jis_x_0208_code(character) for character in task.characters]
        missing = [character for character, code in zip(task.characters, codes, strict=True) if code is None]
        if missing:
            told = " ".join(missing[:20]) + " ..." * (len(missing) > 20)
            raise ConfigError(f"--format etl9g: JIS X 0208 has no code for {told}; choose others, or another format")
        self._codes = np.array(codes, np.int64)

    def write(self, shard: int, batches: Iterable[Batch]) -> None:
        with Whole(self.task.out / f"ETL9G_{shard + 1:02}") as file:
            for batch in batches:
                serial = np.arange(batch.first, batch.first + len(batch.labels)) + 1
                columns = {"sheet": batch.turns % SHEETS + 1, "code": self._codes[batch.labels], "serial": serial}
                file.write(make_records(LAYOUT, from_uint8(_cells(batch.images), LAYOUT.bits), columns).data)

    def finish(self) -> None:
        """Nothing is left to do."""


def _cells(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(n, H, W) -> (n, 127, 128): as they are where they fit, else enlarged."""
    height, width = LAYOUT.height, LAYOUT.width
    if images.shape[1:] == (height, width):
        return images
    size = images.shape[1]
    scale, middle = np.full(len(images), height / size, np.float32), np.full(len(images), size / 2, np.float32)
    shifted = middle + np.float32(0.5 * size / height)  # the square's middle row is that of the 127
    sized = resample(images.astype(np.float32), Frame(scale, shifted, middle), width)[:, :height]
    return np.rint(np.clip(sized, 0, 255)).astype(np.uint8)
