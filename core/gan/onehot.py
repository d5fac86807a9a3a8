"""What both generators without labels do: everything that they are given goes in once, at the start, side by side."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.gan.model import Latent

MAPS = 128  # channels that `start` fills, at a quarter of the image's side


class OneHotGenerator(nn.Module):
    """Latent -> (B, 1, S, S) in [-1, 1]."""

    start: nn.Module  # (B, inputs) -> (B, MAPS * side^2)
    net: nn.Module  # (B, MAPS, side, side) -> (B, 1, S, S)

    def __init__(self, *, classes: int, noise: int, codes: int, pixels: int) -> None:
        super().__init__()
        self.classes, self.side, self.inputs = classes, pixels // 4, noise + classes + codes

    def forward(self, latent: Latent) -> Tensor:
        onehot = F.one_hot(latent.label, self.classes).to(latent.noise.dtype)
        x = self.start(torch.cat([latent.noise, onehot, latent.codes], 1))
        x = x.view(len(x), MAPS, self.side, self.side).contiguous(memory_format=torch.channels_last)
        image: Tensor = self.net(x)
        return image
