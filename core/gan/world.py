"""The processes that train one run together, a device each, and what they tell each other. Alone: nothing at all.

Each computes its slice of every batch. Random numbers of a sample hang on (seed, step, its number in the batch), so
the slices together are the batch that one process would have drawn; gradients, and what is reported, are averaged.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from core.errors import LostError, of_memory

UPDATE_PATIENCE = timedelta(minutes=10)  # for the others inside an update: they are at most a device's hiccup behind
LEADER_PATIENCE = timedelta(hours=12)  # between updates, where the leader draws, saves, and trains a judge

Gradients = tuple[Tensor | None, ...]


class World:
    """One process, alone."""

    rank, size = 0, 1

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes events, pictures and checkpoints."""
        return self.rank == 0

    def share(self, batch: int) -> range:
        """Numbers of the samples of a batch that are this process's."""
        each = batch // self.size
        return range(self.rank * each, (self.rank + 1) * each)

    def mean(self, value: Tensor) -> Tensor:
        """Over all processes, of a small tensor, inside an update."""
        return value

    def averaged(self, _name: str, given: Gradients, _like: Sequence[Tensor]) -> Callable[[], Gradients]:
        """Begin to average; the call of what comes back waits for the result.

        `given` lie in memory as `like` do afterwards; the same `name` has the same shapes each time.
        """
        return lambda: given

    def agreed(self, wish: bool) -> bool:
        """Whether any process wishes it: the same answer for all, at the same point of each."""
        return wish

    def together(self) -> None:
        """Go on when all have come here."""

    def leaders(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """What the leader has, under the names that all have."""
        return tensors

    @contextlib.contextmanager
    def leader_first(self) -> Iterator[None]:
        """The leader goes through the body alone, then the others: what it leaves in the cache is there for them."""
        if not self.leads:
            self.together()
        yield
        if self.leads:
            self.together()


ALONE = World()


class Peers(World):
    """One of several processes."""

    def __init__(self, rank: int, size: int, device: torch.device, meeting: Path) -> None:
        """Meet the others through the file `meeting`, which nobody has used before. LostError."""
        self.rank, self.size, self.device = rank, size, device
        self._buckets: dict[str, _Bucket] = {}
        backend = "nccl" if device.type == "cuda" else "gloo"
        if device.type == "cuda":
            torch.cuda.set_device(device)
        with _in_touch():
            dist.init_process_group(
                backend, init_method=f"file://{meeting}", rank=rank, world_size=size, timeout=UPDATE_PATIENCE
            )
            self._hosts: Any = dist.new_group(backend="gloo", timeout=LEADER_PATIENCE)

    def mean(self, value: Tensor) -> Tensor:
        total = value.detach().clone()
        with _in_touch():
            dist.all_reduce(total)
        return total / self.size

    def averaged(self, name: str, given: Gradients, like: Sequence[Tensor]) -> Callable[[], Gradients]:
        if name not in self._buckets:
            self._buckets[name] = _Bucket(like, self.size)
        return self._buckets[name].send(given)

    def agreed(self, wish: bool) -> bool:
        wishes = torch.tensor([wish], dtype=torch.uint8)
        with _in_touch():
            dist.all_reduce(wishes, op=dist.ReduceOp.MAX, group=self._hosts)
        return bool(wishes.item())

    def together(self) -> None:
        self.agreed(False)

    def leaders(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        got = {}
        for name, tensor in tensors.items():
            got[name] = tensor.detach().cpu().contiguous()
            with _in_touch():
                dist.broadcast(got[name], src=0, group=self._hosts)
        return got

    def leave(self) -> None:
        """Nothing more is asked or answered."""
        dist.destroy_process_group()


class _Bucket:
    """Tensors in one flat buffer that stays where it is: one message, and a captured graph may send it again."""

    def __init__(self, like: Sequence[Tensor], size: int) -> None:
        self._flat = torch.zeros(sum(map(Tensor.numel, like)), device=like[0].device, dtype=like[0].dtype)
        self._size = size
        self._views, start = list[Tensor](), 0
        for tensor in like:  # each as it lies in memory, channels last or not: Adam then takes it as it is
            part = self._flat[start : start + tensor.numel()]
            self._views.append(part.as_strided(tensor.shape, tensor.stride()))
            start += tensor.numel()

    @torch.no_grad()
    def send(self, given: Gradients) -> Callable[[], Gradients]:
        """What the call of the result gives is valid until the next `send`."""
        used = [(view, tensor) for view, tensor in zip(self._views, given, strict=True) if tensor is not None]
        torch._foreach_copy_([view for view, _ in used], [tensor for _, tensor in used])
        with _in_touch():
            work = dist.all_reduce(self._flat, async_op=True)

        def received() -> Gradients:
            with _in_touch():
                work.wait()
            self._flat.mul_(1 / self._size)
            return tuple(None if tensor is None else view for view, tensor in zip(self._views, given, strict=True))

        return received


@contextlib.contextmanager
def _in_touch() -> Iterator[None]:
    """What fails inside is a conversation."""
    try:
        yield
    except RuntimeError as error:
        if of_memory(error):
            raise
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise LostError(f"lost contact with the other processes of this run ({reason})") from None
