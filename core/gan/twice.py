"""A convolution whose gradient's gradient is fast on a GPU.

The gradient of a penalty on d logit / d image runs back through the backward pass of every convolution. torch takes the
weights' part of it as a convolution with kernels as large as the image, for which cudnn has no fast algorithm: most of
a run's time went there (H200, size L). Here the backward pass is itself written as a transposed convolution, whose own
gradients are convolutions of the usual shapes. On a CPU torch's way is the faster one.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding, ctx.biased = stride, padding, bias is not None
        return F.conv2d(x, weight, bias, stride, padding)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None, None]:
        x, weight = ctx.saved_tensors
        of_x, of_weight, of_bias = None, None, None
        if ctx.needs_input_grad[0]:
            of_x = F.conv_transpose2d(gradient, weight, None, ctx.stride, ctx.padding)
        if ctx.needs_input_grad[1]:
            _, of_weight, of_bias = torch.ops.aten.convolution_backward(
                gradient, x, weight, [len(weight)] if ctx.biased else None, [ctx.stride] * 2, [ctx.padding] * 2, [1, 1],
                False, [0, 0], 1, [False, True, ctx.biased],
            )  # fmt: skip
        return of_x, of_weight, of_bias, None, None


def convolved(layer: nn.Conv2d, x: Tensor, *, biased: bool = True) -> Tensor:
    """What `layer` makes of (B, I, H, W), H and W even where its stride is 2; without its bias if not `biased`."""
    bias = layer.bias if biased else None
    if not x.is_cuda:
        return F.conv2d(x, layer.weight, bias, layer.stride, layer.padding)
    return twice(x, layer.weight, bias, layer.stride[0], int(layer.padding[0]))


def twice(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Tensor:
    """The same on any device, in autocast's precision where that is on."""
    kind = x.device.type
    if torch.is_autocast_enabled(kind):
        dtype = torch.get_autocast_dtype(kind)
        x, weight, bias = x.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)
    result: Tensor = _Convolution.apply(x, weight, bias, stride, padding)  # type: ignore[no-untyped-call]
    return result
