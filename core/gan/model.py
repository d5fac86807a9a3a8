"""The networks of recipe `etl`: a class- and code-conditional generator, a projection discriminator, Q on its trunk.

No batch norm anywhere, so an image's output never depends on its batch.
"""

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.gan.chains import EPS, SLOPE, Block
from core.gan.twice import convolved

EMBEDDING = 64  # length of G's class embedding
FEATURES = 128  # length of D's last feature vector, which the logit, the projection and Q read
START = 4  # side of the first feature map

# Channels of G's stages, 4x4 first. D mirrors them but for the last: its stem halves the side at once, since the finest
# stage costs half of all work and gives D nothing (XS, one seed: as accurate a step, twice the images a second).
# A larger image goes on with the last width, a smaller one leaves the last out.
# fmt: off
SIZES: Mapping[str, tuple[int, ...]] = MappingProxyType({
    #      4x4  8x8 16x16 32x32 64x64
    "xs": (128,  64,  32,  16),
    "s":  (128, 128,  64,  32),
    "m":  (256, 256, 128,  64),
    "l":  (256, 256, 128,  64,  32),
    "xl": (384, 384, 192,  96,  48),
})
# fmt: on


class Latent(NamedTuple):
    """What the generator draws from."""

    noise: Tensor  # (B, Z) standard normal
    label: Tensor  # (B,)   integers 0 .. K-1
    codes: Tensor  # (B, C) in [-1, 1]
    domain: Tensor | None = None  # (B,) integers 0 .. D-1: in whose look; None where a run has one domain

    def part(self, rows: slice) -> "Latent":
        """Some of the batch."""
        return self._each(lambda tensor: tensor[rows])

    def to(self, device: torch.device) -> "Latent":
        """The same on another device."""
        return self._each(lambda tensor: tensor.to(device))

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Latent":
        domain = None if self.domain is None else change(self.domain)
        return Latent(change(self.noise), change(self.label), change(self.codes), domain)


class Opinion(NamedTuple):
    """What the discriminator and Q say about a batch of images."""

    logit: Tensor  # (B,)    higher: more like a real image (of the label given, where it is conditional)
    label: Tensor  # (B, K) or (B, 2K) logits: class if real, then class if generated. No softmax.
    codes: Tensor  # (B, C)  mean of Q(c|x)


def stage_widths(size: str, pixels: int) -> tuple[int, ...]:
    """Channels of each stage of a net of that size for square images of `pixels`: 4x4 first."""
    stages = int(math.log2(pixels // START)) + 1
    widths = SIZES[size]
    return (widths + widths[-1:] * stages)[:stages]


class UpBlock(Block):
    """Twice the side: sub-pixel transposed convolution, style by scale and shift, a residual 3x3, feature norm."""

    def __init__(self, inputs: int, outputs: int, style: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(inputs, outputs, 4, 2, 1)
        self.style = nn.Linear(style, 2 * outputs)
        self.conv = nn.Conv2d(outputs, outputs, 3, 1, 1)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """(B, I, H, W), (B, S) -> (B, O, 2H, 2W)."""
        scale, shift = self.style(style)[:, :, None, None].chunk(2, 1)
        if self.chains:
            x = F.conv_transpose2d(x, self.up.weight, None, 2, 1)
            x = self.chains.styled(x, self.up.bias, scale, shift)
            y = F.conv2d(x, self.conv.weight, None, 1, 1)
            return self.chains.normed(x, y, self.conv.bias)
        x = F.leaky_relu(self.up(x), SLOPE)
        x = x * (1 + scale) + shift
        x = F.leaky_relu(x + self.conv(x), SLOPE)
        return x * torch.rsqrt(x.square().mean(1, keepdim=True) + EPS)


class Generator(nn.Module):
    """Latent -> (B, 1, S, S) in [-1, 1], +1 = ink. The whole style enters every block.

    With several domains a character's vector and its domain's are added, so that what is learnt of a look on some
    characters holds for those never seen in it.
    """

    def __init__(self, *, classes: int, noise: int, codes: int, size: str, pixels: int, domains: int = 1) -> None:
        super().__init__()
        widths = stage_widths(size, pixels)
        style = noise + codes + EMBEDDING
        self.embedding = nn.Embedding(classes, EMBEDDING)
        self.domain = nn.Embedding(domains, EMBEDDING) if domains > 1 else None
        self.start = nn.Linear(style, widths[0] * START * START)
        self.blocks = nn.ModuleList(UpBlock(a, b, style) for a, b in pairwise(widths))
        self.out = nn.Conv2d(widths[-1], 1, 3, 1, 1)

    def forward(self, latent: Latent) -> Tensor:
        asked = self.embedding(latent.label)
        if self.domain is not None:
            asked = asked + self.domain(latent.domain)
        style = torch.cat([latent.noise, latent.codes, asked], 1)
        x = self.start(style).unflatten(1, (-1, START, START)).contiguous(memory_format=torch.channels_last)
        for block in self.blocks:
            x = block(x, style)
        return torch.tanh(self.out(x))


class DownBlock(Block):
    """Half the side: a residual 3x3, then a strided convolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, inputs, 3, 1, 1)
        self.down = nn.Conv2d(inputs, outputs, 4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, I, H, W) -> (B, O, H/2, W/2)."""
        if self.chains:
            x = self.chains.joined(x, convolved(self.conv, x, biased=False), self.conv.bias)
            return self.chains.leaky(convolved(self.down, x, biased=False), self.down.bias)
        x = F.leaky_relu(x + convolved(self.conv, x), SLOPE)
        return F.leaky_relu(convolved(self.down, x), SLOPE)


class Discriminator(nn.Module):
    """Images and their labels -> Opinion. The logit is a projection (Miyato & Koyama 2018); Q shares the trunk.

    With several domains the projections on character and domain are added: a pair that no real image has can be judged.
    """

    def __init__(
        self,
        *,
        classes: int,
        codes: int,
        size: str,
        pixels: int,
        cosine: float = 0.0,
        fake_targets: bool = False,
        domains: int = 1,
    ) -> None:
        super().__init__()
        widths = stage_widths(size, pixels)[-2::-1]
        self.cosine = cosine
        self.stem = nn.Conv2d(1, widths[0], 4, 2, 1)
        self.blocks = nn.ModuleList(DownBlock(a, b) for a, b in pairwise(widths))
        self.features = nn.Linear(widths[-1] * START * START, FEATURES)
        self.logit = nn.Linear(FEATURES, 1)
        self.embedding = nn.Embedding(classes, FEATURES)
        self.domain = nn.Embedding(domains, FEATURES) if domains > 1 else None
        self.q_label = nn.Linear(FEATURES, classes * (2 if fake_targets else 1))
        self.q_codes = nn.Linear(FEATURES, codes)

    def forward(
        self, images: Tensor, label: Tensor, conditioning: Tensor | float = 1.0, domain: Tensor | None = None
    ) -> Opinion:
        """(B, 1, S, S) in [-1, 1], (B,) -> Opinion; `conditioning` in [0, 1] scales the class's part of the logit."""
        x = F.leaky_relu(convolved(self.stem, images), SLOPE)
        for block in self.blocks:
            x = block(x)
        h = F.leaky_relu(self.features(x.flatten(1)), SLOPE)
        projection = (self.embedding(label) * h).sum(1) / math.sqrt(FEATURES)
        logit = self.logit(h)[:, 0] + conditioning * projection
        if self.domain is not None and domain is not None:
            logit = logit + (self.domain(domain) * h).sum(1) / math.sqrt(FEATURES)
        return Opinion(logit, self._label_logits(h), self.q_codes(h))

    def _label_logits(self, h: Tensor) -> Tensor:
        if not self.cosine:
            logits: Tensor = self.q_label(h)
            return logits
        return self.cosine * F.normalize(h.float(), dim=1) @ F.normalize(self.q_label.weight.float(), dim=1).T
