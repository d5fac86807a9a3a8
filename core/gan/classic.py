"""The networks of recipe `classic`: the public InfoGAN script's, written correctly, for 32 or 64 pixels.

G: linear to 128 x (S/4)^2, then two times (nearest x2, 3x3, batch norm). D: four strided 3x3 with dropout and batch
norm, then logit, categorical and continuous heads. Differences: batch norm's 0.8 was meant as momentum, not as eps; the
categorical head gives logits; "nearest x2, then 3x3" is computed as the one 4x4 stride-2 transposed convolution that it
equals, and a 3x3 with one output channel as the nine products that it adds up.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.gan.chains import SLOPE
from core.gan.model import Opinion
from core.gan.onehot import MAPS, OneHotGenerator

MOMENTUM = 0.2  # torch's momentum is the weight of the new value; the script's 0.8 is the weight of the old one
DROPOUT = 0.25


class UpConv(nn.Module):
    """Nearest-neighbour upsampling by 2 followed by a 3x3 convolution, in 4/9 of the work.

    A 3x3 kernel w after doubling is the 4x4 stride-2 transposed convolution with kernel M w M^T: each output pixel sees
    two of the three taps of a row fall on one input pixel.
    """

    spread: Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, 1, 1)
        self.register_buffer("spread", torch.tensor([[0, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0.0]]), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, I, H, W) -> (B, O, 2H, 2W)."""
        kernel = self.spread @ self.conv.weight @ self.spread.T  # (O, I, 4, 4)
        return F.conv_transpose2d(x, kernel.transpose(0, 1), self.conv.bias, stride=2, padding=1)


class OneMap(nn.Conv2d):
    """A 3x3 convolution with one output channel: a product for each of the nine taps, then nine moves and a sum.

    On a CPU a third of the time of the convolution kernels, which are made for many channels; the sum is in fp32.
    """

    def __init__(self, inputs: int) -> None:
        super().__init__(inputs, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, I, H, W) -> (B, 1, H, W)."""
        assert self.bias is not None
        if x.is_cuda:
            return super().forward(x)
        taps = self.weight[0].flatten(1).flip(1).T  # (9, I): what is moved one way is weighted as its opposite
        products = F.conv2d(x, taps[:, :, None, None]).flatten(2)  # (B, 9, H W)
        return F.fold(products.to(torch.get_default_dtype()), x.shape[2:], 3, padding=1) + self.bias


class ClassicGenerator(OneHotGenerator):
    """Latent -> (B, 1, S, S) in [-1, 1]."""

    def __init__(self, *, classes: int, noise: int, codes: int, pixels: int) -> None:
        super().__init__(classes=classes, noise=noise, codes=codes, pixels=pixels)
        self.start = nn.Linear(self.inputs, MAPS * self.side**2)
        self.net = nn.Sequential(
            nn.BatchNorm2d(MAPS),
            UpConv(MAPS, 128),
            nn.BatchNorm2d(128, momentum=MOMENTUM),
            nn.LeakyReLU(SLOPE, inplace=True),
            UpConv(128, 64),
            nn.BatchNorm2d(64, momentum=MOMENTUM),
            nn.LeakyReLU(SLOPE, inplace=True),
            OneMap(64),
            nn.Tanh(),
        )


class ClassicDiscriminator(nn.Module):
    """Images -> Opinion; the label is not looked at (InfoGAN is unsupervised)."""

    def __init__(self, *, classes: int, codes: int, pixels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for i, (inputs, outputs) in enumerate([(1, 16), (16, 32), (32, 64), (64, 128)]):
            layers += [nn.Conv2d(inputs, outputs, 3, 2, 1), nn.LeakyReLU(SLOPE, inplace=True), nn.Dropout2d(DROPOUT)]
            layers += [nn.BatchNorm2d(outputs, momentum=MOMENTUM)] if i else []
        self.net = nn.Sequential(*layers)
        flat = 128 * (pixels // 16) ** 2
        self.logit, self.q_label, self.q_codes = nn.Linear(flat, 1), nn.Linear(flat, classes), nn.Linear(flat, codes)

    def forward(
        self,
        images: Tensor,
        label: Tensor,  # noqa: ARG002
        conditioning: Tensor | float = 1.0,  # noqa: ARG002
        domain: Tensor | None = None,  # noqa: ARG002
    ) -> Opinion:
        h = self.net(images).flatten(1)
        return Opinion(self.logit(h)[:, 0], self.q_label(h), self.q_codes(h))
