"""The yardstick: the arithmetic of the public InfoGAN script, written anew as it is, mistakes included, to time it.

What it does that costs time: every item is loaded and resized by PIL one by one; G doubles by nearest neighbour and
then convolves 3x3 at the larger size; D, G and the information loss take three separate passes; all is fp32. (That it
also applies softmax twice and sets batch norm's eps to 0.8 costs no time but is kept.)
"""

import itertools
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

BATCH = 64
NOISE, CODES = 62, 2
SIDE = 32


class ScriptGenerator(nn.Module):
    """(noise, one-hot class, codes) -> (B, 1, 32, 32)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.l1 = nn.Linear(NOISE + classes + CODES, 128 * (SIDE // 4) ** 2)
        self.net = nn.Sequential(
            nn.BatchNorm2d(128),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(128, 128, 3, 1, 1),
            nn.BatchNorm2d(128, 0.8),
            nn.LeakyReLU(0.2),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(128, 64, 3, 1, 1),
            nn.BatchNorm2d(64, 0.8),
            nn.LeakyReLU(0.2),
            nn.Conv2d(64, 1, 3, 1, 1),
            nn.Tanh(),
        )

    def forward(self, noise: Tensor, label: Tensor, codes: Tensor) -> Tensor:
        return self.net(self.l1(torch.cat([noise, label, codes], 1)).view(-1, 128, SIDE // 4, SIDE // 4))  # type: ignore[no-any-return]


class ScriptDiscriminator(nn.Module):
    """(B, 1, 32, 32) -> validity, class probabilities, codes."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise((1, 16, 32, 64, 128)):
            layers += [nn.Conv2d(inputs, outputs, 3, 2, 1), nn.LeakyReLU(0.2), nn.Dropout2d(0.25)]
            layers += [nn.BatchNorm2d(outputs, 0.8)] if inputs > 1 else []
        self.net = nn.Sequential(*layers)
        flat = 128 * (SIDE // 16) ** 2
        self.validity, self.codes = nn.Linear(flat, 1), nn.Linear(flat, CODES)
        self.label = nn.Sequential(nn.Linear(flat, classes), nn.Softmax(1))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h = self.net(images).flatten(1)
        return self.validity(h), self.label(h), self.codes(h)


class PublicScript:
    """The script's training loop, a step at a time."""

    def __init__(
        self, images: NDArray[np.uint8], classes: int, *, device: torch.device | str = "cpu", batch: int = BATCH
    ) -> None:
        """images (N, H, W), 255 = ink; at least a batch of them."""
        self.items, self.classes, self.device, self.batch = images, classes, torch.device(device), batch
        self.generator = ScriptGenerator(classes).to(self.device)
        self.discriminator = ScriptDiscriminator(classes).to(self.device)
        both = itertools.chain(self.generator.parameters(), self.discriminator.parameters())
        self.optimisers = [
            torch.optim.Adam(parameters, lr=2e-4, betas=(0.5, 0.999))
            for parameters in (self.generator.parameters(), self.discriminator.parameters(), both)
        ]
        self.batches = self._batches()

    def _batches(self) -> Iterator[Tensor]:
        while True:
            order = torch.randperm(len(self.items))
            for start in range(0, len(order) - self.batch + 1, self.batch):
                batch = torch.stack([self._item(int(row)) for row in order[start : start + self.batch]])
                yield batch.to(self.device)

    def _item(self, row: int) -> Tensor:
        picture = Image.fromarray(self.items[row]).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        return (torch.from_numpy(np.array(picture)).float()[None] / 255 - 0.5) / 0.5

    def _latent(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        label = torch.randint(self.classes, (self.batch,), device=self.device)
        return (
            torch.randn(self.batch, NOISE, device=self.device),
            F.one_hot(label, self.classes).float(),
            torch.rand(self.batch, CODES, device=self.device) * 2 - 1,
            label,
        )

    def step(self) -> None:
        """One iteration: generator, discriminator, information."""
        real, (of_g, of_d, of_both) = next(self.batches), self.optimisers
        ones, zeros = (make(self.batch, 1, device=self.device) for make in (torch.ones, torch.zeros))
        of_g.zero_grad()
        fake = self.generator(*self._latent()[:3])
        F.mse_loss(self.discriminator(fake)[0], ones).backward()  # type: ignore[no-untyped-call]
        of_g.step()
        of_d.zero_grad()
        on_real = F.mse_loss(self.discriminator(real)[0], ones)
        on_fake = F.mse_loss(self.discriminator(fake.detach())[0], zeros)
        ((on_real + on_fake) / 2).backward()  # type: ignore[no-untyped-call]
        of_d.step()
        of_both.zero_grad()
        noise, onehot, codes, label = self._latent()
        _, read, found = self.discriminator(self.generator(noise, onehot, codes))
        (F.cross_entropy(read, label) + 0.1 * F.mse_loss(found, codes)).backward()  # type: ignore[no-untyped-call]
        of_both.step()
