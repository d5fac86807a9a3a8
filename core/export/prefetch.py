"""Draw the next batches while the last ones are written."""

import threading
from collections.abc import Iterable, Iterator
from queue import Empty, Full, Queue
from typing import TypeVar

Item = TypeVar("Item")

AHEAD = 8  # batches
_LOOK = 0.1  # seconds between two looks at whether anybody still listens


def prefetched(items: Iterable[Item]) -> Iterator[Item]:
    """The same items in the same order, made by another thread; its exception is raised here."""
    waiting: Queue[tuple[Item | None, BaseException | None]] = Queue(AHEAD)
    over = threading.Event()

    def make() -> None:
        try:
            for item in items:
                if not _put(waiting, (item, None), over):
                    return
            _put(waiting, (None, None), over)
        except BaseException as error:  # told where it is waited for
            _put(waiting, (None, error), over)

    maker = threading.Thread(target=make, name="drawing", daemon=True)
    maker.start()
    try:
        while True:
            try:
                item, error = waiting.get(timeout=1)
            except Empty:
                continue
            if error is not None:
                raise error
            if item is None:
                return
            yield item
    finally:
        over.set()
        maker.join()


def _put(
    waiting: "Queue[tuple[Item | None, BaseException | None]]",
    entry: "tuple[Item | None, BaseException | None]",
    over: threading.Event,
) -> bool:
    """False if nobody wants it any more."""
    while not over.is_set():
        try:
            waiting.put(entry, timeout=_LOOK)
        except Full:
            continue
        return True
    return False
