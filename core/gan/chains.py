"""What lies between two convolutions, as chains of pointwise operations that a GPU can do in one pass over memory each.

Operation by operation a GPU writes and reads every feature map a dozen times between two convolutions, and that is what
its time goes to. Compiled, a chain is one kernel (and one more for its gradient). Compiling takes half a minute at the
start, so only long runs do it; and what is compiled has no second derivative, so updates with a penalty do without.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2  # leaky ReLU
EPS = 1e-4  # of the feature norm
MOST_SHAPES = 64  # that one chain meets: a stage has its own
LONG = 2_000_000  # images that a run trains on, from which compiling pays

Bias = Tensor | None  # as a layer has it


def styled(x: Tensor, bias: Bias, scale: Tensor, shift: Tensor) -> Tensor:
    """(B, C, H, W), (C,), (B, C, 1, 1) twice -> (B, C, H, W): bias, leaky ReLU, style."""
    return F.leaky_relu(_biased(x, bias), SLOPE) * (1 + scale) + shift


def normed(x: Tensor, y: Tensor, bias: Bias) -> Tensor:
    """(B, C, H, W) twice, (C,) -> (B, C, H, W): residual sum, leaky ReLU, each pixel's features to unit mean square."""
    wide = F.leaky_relu(x + _biased(y, bias), SLOPE).to(torch.get_default_dtype())
    return (wide * torch.rsqrt((wide * wide).mean(1, keepdim=True) + EPS)).to(x.dtype)


def joined(x: Tensor, y: Tensor, bias: Bias) -> Tensor:
    """(B, C, H, W) twice, (C,) -> (B, C, H, W): residual sum, leaky ReLU."""
    return F.leaky_relu(x + _biased(y, bias), SLOPE)


def leaky(x: Tensor, bias: Bias) -> Tensor:
    """(B, C, H, W), (C,) -> (B, C, H, W)."""
    return F.leaky_relu(_biased(x, bias), SLOPE)


def _biased(x: Tensor, bias: Bias) -> Tensor:
    return x if bias is None else x + bias.to(x.dtype)[:, None, None]


class Chains(NamedTuple):
    """The four, as they are to be computed."""

    styled: Callable[[Tensor, Bias, Tensor, Tensor], Tensor] = styled
    normed: Callable[[Tensor, Tensor, Bias], Tensor] = normed
    joined: Callable[[Tensor, Tensor, Bias], Tensor] = joined
    leaky: Callable[[Tensor, Bias], Tensor] = leaky


class Block(nn.Module):
    """Convolutions with chains between them; without chains, layer by layer, the bias in the convolution."""

    chains: Chains | None = None


def compiled() -> Chains:
    """Each chain as one kernel, made when it is first called with tensors of a shape."""
    import torch._dynamo.config as tracing
    import torch._functorch.config as gradients

    gradients.donated_buffer = False  # D's and G's gradients are taken through the same forward pass
    tracing.recompile_limit = max(tracing.recompile_limit, MOST_SHAPES)
    return Chains(*(torch.compile(chain, dynamic=False) for chain in Chains()))


@contextmanager
def chained(net: nn.Module, chains: Chains | None) -> Iterator[None]:
    """Forward passes in here take these; none outside."""
    blocks = [block for block in net.modules() if isinstance(block, Block)]
    for block in blocks:
        block.chains = chains
    try:
        yield
    finally:
        for block in blocks:
            block.chains = None
