"""The networks of recipe `infogan`: those of the InfoGAN paper for MNIST (Chen et al. 2016, appendix C.1), for 32 or 64
pixels where the paper's images have 28.

G: two fully connected layers, then two strided transposed convolutions; D: two strided convolutions, then a fully
connected layer; Q: a layer of 128 on top of it. Batch norm everywhere but at inputs and outputs, no dropout.
"""

from torch import Tensor, nn

from core.gan.model import Opinion
from core.gan.onehot import MAPS, OneHotGenerator

SLOPE = 0.1  # of the leaky ReLUs in D and Q
WIDE = 1024  # values of a fully connected layer


class OriginalGenerator(OneHotGenerator):
    """Latent -> (B, 1, S, S) in [-1, 1]."""

    def __init__(self, *, classes: int, noise: int, codes: int, pixels: int) -> None:
        super().__init__(classes=classes, noise=noise, codes=codes, pixels=pixels)
        self.start = nn.Sequential(
            *_linear(self.inputs, WIDE),
            nn.ReLU(inplace=True),
            nn.Linear(WIDE, MAPS * self.side**2, bias=False),
        )
        self.net = nn.Sequential(
            nn.BatchNorm2d(MAPS),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(MAPS, 64, 4, 2, 1, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(64, 1, 4, 2, 1),
            nn.Tanh(),
        )
        self.apply(_drawn)


class OriginalDiscriminator(nn.Module):
    """Images -> Opinion; the label is not looked at (InfoGAN is unsupervised)."""

    def __init__(self, *, classes: int, codes: int, pixels: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 64, 4, 2, 1),
            nn.LeakyReLU(SLOPE, inplace=True),
            nn.Conv2d(64, 128, 4, 2, 1, bias=False),
            nn.BatchNorm2d(128),
            nn.LeakyReLU(SLOPE, inplace=True),
            nn.Flatten(),
            *_linear(128 * (pixels // 4) ** 2, WIDE),
            nn.LeakyReLU(SLOPE, inplace=True),
        )
        self.logit = nn.Linear(WIDE, 1)
        self.q = nn.Sequential(*_linear(WIDE, 128), nn.LeakyReLU(SLOPE, inplace=True))
        self.q_label, self.q_codes = nn.Linear(128, classes), nn.Linear(128, codes)
        self.apply(_drawn)

    def forward(
        self,
        images: Tensor,
        label: Tensor,  # noqa: ARG002
        conditioning: Tensor | float = 1.0,  # noqa: ARG002
        domain: Tensor | None = None,  # noqa: ARG002
    ) -> Opinion:
        h = self.net(images)
        q = self.q(h)
        return Opinion(self.logit(h)[:, 0], self.q_label(q), self.q_codes(q))


def _linear(inputs: int, outputs: int) -> tuple[nn.Module, nn.Module]:
    """Batch norm has the bias."""
    return nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs)


def _drawn(layer: nn.Module) -> None:
    """Weights as in DCGAN (Radford et al. 2016): N(0, 0.02)."""
    if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d) and layer.weight.numel():
        nn.init.normal_(layer.weight, 0.0, 0.02)
