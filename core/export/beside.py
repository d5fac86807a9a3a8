"""Several shards at a time: one process draws on the GPU, and a process for each shard encodes and writes it.

Encoding costs a core 70 to 400 microseconds an image, as PNG or ETL9G; drawing costs a GPU a few.
"""

import contextlib
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from queue import SimpleQueue
from typing import Any

from core.export.batch import Batch, Reports
from core.export.formats.base import Task
from core.export.prefetch import one_thread_each
from core.export.writer import Writer

Report = dict[str, Any]
Progress = Callable[[int], None]
Write = Callable[[int, Iterable[Batch]], None]  # a format's


class _StoppedError(Exception):
    """Another shard failed, or whoever asked has gone."""


def written_beside(
    kind: str, task: Task, shards: Sequence[int], write: Callable[[int, Write, Progress], Report], progress: Progress
) -> Reports:
    """Shards with what `write(shard, to, progress)` returns, in the order in which they are whole.

    `write` is called in as many threads as torch has, and hands the shard's batches to `to`. The first exception of
    any of them is raised here, once the others have stopped.
    """
    stop, turn = threading.Event(), threading.Lock()
    idle: SimpleQueue[Writer] = SimpleQueue()

    def count(samples: int) -> None:
        with turn:
            if stop.is_set():
                raise _StoppedError
            progress(samples)

    def one(shard: int) -> tuple[int, Report]:
        writer = idle.get()
        try:
            return shard, write(shard, writer.write, count)
        finally:
            idle.put(writer)

    with one_thread_each() as threads, contextlib.ExitStack() as stack:
        number = min(threads, len(shards))
        for _ in range(number):
            idle.put(stack.enter_context(contextlib.closing(Writer(kind, task))))
        pool = stack.enter_context(ThreadPoolExecutor(number, thread_name_prefix="shard"))
        futures = [pool.submit(one, shard) for shard in shards]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)
