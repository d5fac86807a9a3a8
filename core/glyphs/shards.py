"""A set that several processes prepare, a shard each: shards lie beside the set's place until they are joined."""

import shutil
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError
from core.glyphs.beside import Batches
from core.glyphs.building import COPIED, Order, Progress, chosen, sized_batches
from core.rundir import read_json, write_atomic, write_json


class Shards(NamedTuple):
    """The shards of one set. Which images are in which depends on the set and on their number alone."""

    folder: Path
    number: int

    @classmethod
    def of(cls, place: Path, number: int) -> "Shards":
        """Of the set that is to be at `place`."""
        return cls(place.with_name(f".{place.name}.shards-{number}"), number)

    def missing(self) -> list[int]:
        """Those that are still to be written."""
        return [shard for shard in range(self.number) if not self._mark(shard).exists()]

    def write(self, shard: int, order: Order, progress: Progress | None) -> None:
        """Prepare the images of one shard, unless that was done already. OSError where the disk refuses."""
        if self._mark(shard).exists():
            return
        _, asked = chosen(order)
        mine = self._places(asked.rows, shard)
        images, done = np.zeros((len(mine), order.size, order.size), np.uint8), 0
        for places, sized in sized_batches(order.source, asked.rows[mine], order.size, order.options, alone=True):
            images[places] = sized
            done += len(places)
            if progress:
                progress(done, len(mine))
        self.folder.mkdir(parents=True, exist_ok=True)
        content = images.tobytes()
        write_atomic(self._images(shard), content)
        write_json(self._mark(shard), {"checksum": zlib.crc32(content), "problems": list(order.source.problems)})

    def batches(self, rows: NDArray[np.int64], size: int) -> Batches:
        """All images, as `sized_batches` of these rows gives them. A damaged shard is forgotten: DataError."""
        for shard in range(self.number):
            content = self._images(shard).read_bytes()
            if zlib.crc32(content) != read_json(self._mark(shard)).get("checksum"):
                self._mark(shard).unlink(missing_ok=True)
                raise DataError(f"{self._images(shard)}: is damaged; prepare shard {shard} of {self.number} again")
            images = np.frombuffer(content, np.uint8).reshape(-1, size, size)
            places = self._places(rows, shard)
            for start in range(0, len(images), COPIED):
                yield places[start : start + COPIED], images[start : start + COPIED]

    def problems(self) -> list[str]:
        """What was stepped over on the way."""
        found = [read_json(self._mark(shard)).get("problems") for shard in range(self.number)]
        return [str(problem) for problems in found if isinstance(problems, list) for problem in problems]

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _places(self, rows: NDArray[np.int64], shard: int) -> NDArray[np.int64]:
        """Which of `rows` are a shard's: neighbours in the source, so that it reads little more than it needs."""
        return np.array_split(np.argsort(rows, kind="stable"), self.number)[shard]

    def _images(self, shard: int) -> Path:
        return self.folder / f"{shard:05}.bin"

    def _mark(self, shard: int) -> Path:
        """There once the shard is whole."""
        return self.folder / f"{shard:05}.json"
