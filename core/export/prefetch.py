"""Draw the next batches while the last ones are written: by several threads, each by itself, in the order asked for.

A thread for each core, and one of torch's within it, draws more than torch's threads together: they would wait for one
another at every layer. And the same digits come out, however many there are.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

Place = TypeVar("Place")
Item = TypeVar("Item")

AHEAD = 8  # batches that wait to be written, at most


def drawn_ahead(draw: Callable[[Place], Item], places: Iterable[Place]) -> Generator[Item, None, None]:
    """`draw(place)` of each place, in that order, by as many threads as torch has; an exception is raised here.

    Whoever may stop early closes it: left to the garbage collector it would join its threads wherever that runs, and
    inside the start of another thread it would wait for ever.
    """
    waiting: deque[Future[Item]] = deque()
    with one_thread_each() as workers, ThreadPoolExecutor(workers, thread_name_prefix="drawing") as pool:
        try:
            for place in places:
                waiting.append(pool.submit(draw, place))
                if len(waiting) > max(AHEAD, workers):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


@contextmanager
def one_thread_each() -> Iterator[int]:
    """Torch computes in the thread that asks, until this ends; how many threads it had."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield threads
    finally:
        torch.set_num_threads(threads)
