"""Adam (Kingma & Ba 2015) as one fused kernel over all tensors, with the rate as a tensor.

A tensor, so that a captured graph follows the schedule. torch.optim's own class does the same arithmetic, but building
one loads torch's compiler: seconds at every start.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

EPS = 1e-8


class Adam:
    """State for `parameters`; the update leaves those without a gradient alone."""

    def __init__(self, parameters: Iterable[Tensor], *, betas: tuple[float, float]) -> None:
        self.parameters = list(parameters)
        self.betas = betas
        self.first = [torch.zeros_like(p, requires_grad=False) for p in self.parameters]
        self.second = [torch.zeros_like(p, requires_grad=False) for p in self.parameters]
        self.counts = [torch.zeros((), device=p.device) for p in self.parameters]  # updates so far

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor | None], rate: Tensor) -> None:
        """One update; gradients in the order of the parameters, rate a scalar tensor on their device."""
        used = [i for i, given in enumerate(gradients) if given is not None and given.numel()]
        if not used:
            return
        parameters, first, second, counts = (
            [column[i] for i in used] for column in (self.parameters, self.first, self.second, self.counts)
        )
        given = [_laid_out(g, self.parameters[i]) for i in used if (g := gradients[i]) is not None]
        torch._foreach_add_(counts, 1)
        update = _plain if parameters[0].device.type == "mps" else _fused
        update(parameters, given, first, second, counts, rate, self.betas)

    def tensors(self) -> dict[str, Tensor]:
        """The state by parameter number: {'0.exp_avg': ...}, the names that torch's own class gives."""
        columns = {"exp_avg": self.first, "exp_avg_sq": self.second, "step": self.counts}
        return {f"{i}.{name}": column[i] for name, column in columns.items() for i in range(len(self.parameters))}

    @torch.no_grad()
    def load(self, tensors: dict[str, Tensor]) -> None:
        """The inverse of `tensors`; unused parameters may be missing. Other shapes: RuntimeError."""
        mine = self.tensors()
        if unknown := tensors.keys() - mine.keys():
            raise RuntimeError(f"no such state: {min(unknown)}")
        for name, tensor in tensors.items():
            if tensor.shape != mine[name].shape:
                raise RuntimeError(f"{name}: shape {tuple(tensor.shape)}, not {tuple(mine[name].shape)}")
            mine[name].copy_(tensor)


Tensors = list[Tensor]


def _laid_out(gradient: Tensor, weight: Tensor) -> Tensor:
    """The fused kernel pairs elements by their place in memory."""
    return gradient if gradient.stride() == weight.stride() else torch.empty_like(weight).copy_(gradient)


def _fused(
    p: Tensors, g: Tensors, first: Tensors, second: Tensors, counts: Tensors, rate: Tensor, betas: tuple[float, float]
) -> None:
    torch._fused_adam_(
        p, g, first, second, [], counts,
        lr=rate, beta1=betas[0], beta2=betas[1], weight_decay=0.0, eps=EPS, amsgrad=False, maximize=False,
    )  # fmt: skip


def _plain(
    p: Tensors, g: Tensors, first: Tensors, second: Tensors, counts: Tensors, rate: Tensor, betas: tuple[float, float]
) -> None:
    """The same in steps, for devices without the fused kernel."""
    torch._foreach_lerp_(first, g, 1 - betas[0])
    torch._foreach_mul_(second, betas[1])
    torch._foreach_addcmul_(second, g, g, 1 - betas[1])
    for weight, mean, square, count in zip(p, first, second, counts, strict=True):
        scale = (square / (1 - betas[1] ** count)).sqrt_().add_(EPS)
        weight.sub_(rate / (1 - betas[0] ** count) * mean / scale)
