"""Whole updates as CUDA graphs: one launch for hundreds of kernels, many updates a launch."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

WARM_UP = 3  # eager updates of a kind before it is captured: kernels are chosen and workspaces made outside the graph

Update = Callable[[], None]
# Parts of what CUDA and torch say of an operation that must not be recorded (cudaErrorStreamCapture..., a wait for the
# host, a generator that is not registered) or of a recording that it spoilt.
REFUSALS = ("captur", "cuda graph", "cudagraph")


def pieces(step: int, count: int, every: int) -> list[tuple[bool, int]]:
    """Updates step .. step + count - 1 in runs of one kind: (takes penalties, how many).

    An update takes penalties when its number is a multiple of `every`; every = 0: none does.
    """
    found: list[tuple[bool, int]] = []
    end = step + count
    while step < end:
        penalised = bool(every) and step % every == 0
        length = 1 if penalised else min(end, (step // every + 1) * every if every else end) - step
        found.append((penalised, length))
        step += length
    return found


class CaptureError(RuntimeError):
    """The device refused to record the update."""


class Replayed:
    """Runs an update so many times, from a captured graph where there is one.

    `update(penalised)` works on tensors that stay where they are and never waits for the host. Where capturing fails,
    one line says why, and everything goes on eagerly. What fails for another reason, while recording or replaying, is
    the caller's to hear of.
    """

    def __init__(
        self, update: Callable[[bool], None], *, longest: int, capture: Callable[[Update], Update] | None
    ) -> None:
        """`longest`: updates a graph at most. `capture` None: always eagerly."""
        self._update, self._longest, self._capture = update, longest, capture
        self._graphs: dict[tuple[bool, int], Update] = {}
        self._eager: dict[bool, int] = {False: 0, True: 0}

    def run(self, penalised: bool, count: int) -> None:
        """`count` updates of one kind."""
        while count:
            length = self._longest if self._warm(penalised) and count >= self._longest else 1  # two graphs a kind
            graph = self._graph(penalised, length)
            if graph:
                graph()
            else:
                length = 1
                self._eager[penalised] += 1
                self._update(penalised)
            count -= length

    def _warm(self, penalised: bool) -> bool:
        return self._capture is not None and self._eager[penalised] >= WARM_UP

    def _graph(self, penalised: bool, length: int) -> Update | None:
        if not self._warm(penalised) or self._capture is None:
            return None
        key = (penalised, length)
        if key not in self._graphs:

            def updates() -> None:
                for _ in range(length):
                    self._update(penalised)

            try:
                self._graphs[key] = self._capture(updates)
            except CaptureError as error:
                reason = (str(error) or "no reason given").splitlines()[0]
                print(f"the update cannot be captured as a CUDA graph ({reason}); training goes on without", flush=True)
                self._capture = None
                return None
        return self._graphs[key]


def cuda_capture() -> Callable[[Update], Update]:
    """Captures into one memory pool: the graphs are replayed one after another, never at once.

    Refused: CaptureError. Memory that runs out while recording would run out in the next eager update too, and is told
    as what it is.
    """
    pool: Any = torch.cuda.graph_pool_handle()

    def capture(update: Update) -> Update:
        graph = torch.cuda.CUDAGraph()
        with refusals_told(), torch.cuda.graph(graph, pool=pool):  # records, runs nothing
            update()
        return graph.replay

    return capture


@contextmanager
def refusals_told() -> Iterator[None]:
    """CUDA's words for an operation that a graph cannot hold, as CaptureError; other failures as they are."""
    try:
        yield
    except torch.cuda.OutOfMemoryError:
        raise
    except RuntimeError as error:
        words = str(error).lower()
        if any(mark in words for mark in REFUSALS):
            raise CaptureError(str(error)) from error
        raise
