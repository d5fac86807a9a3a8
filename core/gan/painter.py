"""Pictures on their way from the device to the disk: on a GPU a thread encodes and writes, and training goes on."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from core.gan import grid
from core.rundir import RunDir, write_atomic

Kind = Literal["grid", "traversal"]


class Picture(NamedTuple):
    """One that is on the disk."""

    step: int
    kind: Kind
    path: str  # from the run's folder on
    images: int


class Painter:
    """Takes images as they are drawn, and hands finished pictures back in that order."""

    def __init__(self, run: RunDir, *, aside: bool) -> None:
        """aside: in a thread, for devices that compute by themselves. On a CPU it would take what training needs."""
        self.run = run
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="painting") if aside else None
        self._under_way: deque[Future[Picture]] = deque()

    def paint(self, step: int, kind: Kind, images: Tensor) -> None:
        """(B, S, S) uint8 on the device, 255 = ink. On a CPU the picture is written when this returns: OSError."""
        host, arrived = _on_its_way(images)

        def put() -> Picture:
            if arrived is not None:
                arrived.synchronize()
            path = self.run.sample(step, kind)
            write_atomic(path, grid.png(grid.tiled(host.numpy(), grid.COLUMNS)))
            return Picture(step, kind, str(path.relative_to(self.run.path)), len(host))

        if self._pool:
            self._under_way.append(self._pool.submit(put))
            return
        done = Future[Picture]()
        done.set_result(put())
        self._under_way.append(done)

    def finished(self, *, wait: bool) -> Iterator[Picture]:
        """Pictures that are on the disk by now, each once; with `wait` all of them. One that could not be written:
        OSError.
        """
        while self._under_way and (wait or self._under_way[0].done()):
            yield self._under_way.popleft().result()


def _on_its_way(images: Tensor) -> tuple[Tensor, "torch.cuda.Event | None"]:
    """The images in the host's memory, and what tells that they are there; None: they are."""
    if images.device.type != "cuda":
        return images.cpu(), None
    host = torch.empty(images.shape, dtype=images.dtype, pin_memory=True)
    host.copy_(images, non_blocking=True)
    arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
    arrived.record()
    return host, arrived
