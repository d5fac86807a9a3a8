"""Embedded handwriting drawn and prepared by several processes: each is sent characters and writers, and sends images.

Processes of their own, started from nothing: whoever asks may hold a GPU or threads, or be a script without a guard
around its main part, which must not run twice.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from queue import SimpleQueue
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError
from core.glyphs import penman
from core.glyphs.prepare import Preparation, fitted
from core.glyphs.sources import Look, Part, PenmanSource

# Images from which starting processes pays: they take half a second, an image what sources.SECONDS says.
MANY: Mapping[Look, int] = MappingProxyType({"clean": 20_000, "prepared": 8_000, "scanned": 2_000})
MOST = 32  # processes
AHEAD = 2  # parts under way, or waiting to be taken, for each process

# where they belong (n,), images (n, S, S)
Batches = Generator[tuple[NDArray[np.int64], NDArray[np.uint8]], None, None]


def processes_for(images: int, look: Look) -> int:
    """How many draw so many images: one is the process that asks."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST) if images >= MANY[look] else 1


def sized_beside(
    source: PenmanSource, rows: NDArray[np.int64], size: int, options: Preparation, processes: int
) -> Batches:
    """What `sized_batches` of an embedded source gives, by so many processes. One that ends early: DataError."""
    idle: SimpleQueue[_Hand] = SimpleQueue()

    def drawn(part: Part) -> NDArray[np.uint8]:
        hand = idle.get()
        try:
            return hand.drawn(_task(source, part, options), len(part.places), size)
        finally:
            idle.put(hand)

    with contextlib.ExitStack() as stack:
        for _ in range(processes):
            idle.put(stack.enter_context(contextlib.closing(_Hand())))
        pool = stack.enter_context(ThreadPoolExecutor(processes, thread_name_prefix="hand"))
        waiting: deque[tuple[Part, Future[NDArray[np.uint8]]]] = deque()
        try:
            for part in source.parts(rows):
                waiting.append((part, pool.submit(drawn, part)))
                if len(waiting) > AHEAD * processes:
                    yield _taken(waiting, size)
            while waiting:
                yield _taken(waiting, size)
        finally:
            for _, future in waiting:
                future.cancel()


def _taken(
    waiting: deque[tuple[Part, Future[NDArray[np.uint8]]]], size: int
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    part, future = waiting.popleft()
    return part.places, future.result().reshape(-1, size, size)


def _task(source: PenmanSource, part: Part, options: Preparation) -> dict[str, Any]:
    return {
        "character": part.character,
        "writers": part.writers.tolist(),
        "drawn": {"size": source.size, "style": source.drawn, "seed": source.seed},
        "options": asdict(options),
    }


class _Hand:
    """A process that draws."""

    def __init__(self) -> None:
        command = [sys.executable, "-P", "-m", "core.glyphs.beside"]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            start_new_session=True,  # what is sent to the group is for whoever started us
        )

    def drawn(self, task: dict[str, Any], images: int, size: int) -> NDArray[np.uint8]:
        """(images * size * size,)."""
        to, back = self._process.stdin, self._process.stdout
        assert to is not None
        assert back is not None
        try:
            to.write(json.dumps(task | {"out": size}).encode() + b"\n")
            to.flush()
            content = back.read(images * size * size)
        except OSError:
            content = b""
        if len(content) != images * size * size:
            raise DataError("a process that draws embedded handwriting has ended; is there enough memory? Start again")
        return np.frombuffer(content, np.uint8)

    def close(self) -> None:
        """It ends when nothing more can come."""
        with contextlib.suppress(OSError):
            self._process.communicate()


def main() -> None:
    """Until the end of what is sent: a task a line, its images back."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # Slurm sends it to all: whoever started us decides
    for line in sys.stdin.buffer:
        task = json.loads(line)
        options, size = Preparation(**task["options"]), task["out"]
        raw = penman.render(task["character"], task["writers"], **task["drawn"])
        sys.stdout.buffer.write(fitted(raw, options, size).tobytes())
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main()
