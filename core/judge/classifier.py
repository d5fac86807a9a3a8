"""The judge: a small convolutional reader of characters that shares neither weights nor architecture with D and Q."""

import contextlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

VERSION = 1  # of the judge: raise it when the same data gives another one
FEATURES = 128
BATCH = 128
RATE = 3e-3  # peak of a one-cycle schedule
SMOOTHING = 0.05  # of labels
SHIFT = 2  # pixels at 32, either way: the usual augmentation, so that style is not normalised away
TURN, STRETCH, MOVE = 0.15, 0.12, 0.12  # radians, share, half sides: of `warped`, for sets that are small and fixed


class Reading(NamedTuple):
    """What the judge says about images."""

    label: NDArray[np.int64]  # (N,) most probable class
    confidence: NDArray[np.float32]  # (N,) its probability
    features: NDArray[np.float32]  # (N, FEATURES) of the last hidden layer


class Judge(nn.Module):
    """A strided 5x5, then three 3x3 convolutions with batch norm, max pooling in between, then two dense layers."""

    def __init__(self, classes: int, pixels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.AvgPool2d(pixels // 32)] if pixels > 32 else []
        for inputs, outputs, side, stride, pool in (
            (1, 32, 5, 2, 1),
            (32, 48, 3, 1, 2),
            (48, 96, 3, 1, 1),
            (96, 96, 3, 1, 2),
        ):
            layers += [
                nn.Conv2d(inputs, outputs, side, stride, side // 2, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(),
            ]
            layers += [nn.MaxPool2d(2)] if pool > 1 else []
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(96 * 16, FEATURES), nn.BatchNorm1d(FEATURES))
        self.head = nn.Linear(FEATURES, classes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 1, S, S) in [0, 1] -> logits (N, K), features (N, FEATURES)."""
        features = F.relu(self.body(images))
        return self.head(F.dropout(features, 0.3, self.training)), features

    @torch.no_grad()
    def read(self, images: NDArray[np.uint8]) -> Reading:
        """(N, S, S) uint8, 255 = ink -> Reading."""
        self.eval()
        parts = []
        for start in range(0, max(len(images), 1), 512):  # of none, one empty part
            logits, features = self(_tensor(images[start : start + 512]))
            confidence, label = logits.softmax(1).max(1)
            parts.append((label.numpy(), confidence.numpy(), features.numpy()))
        return Reading(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def train(
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    classes: int,
    *,
    steps: int,
    seed: int = 0,
    precision: str = "fp32",
    warp: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Judge:
    """Train a judge on (N, S, S) uint8 images and (N,) labels with label smoothing, shifts and a one-cycle schedule.

    On a GPU where there is one; what comes back is on the CPU. precision: fp32 or bf16 (faster on some CPUs). warp:
    turned, stretched and moved in place of shifted, for images of which there are no more.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    order = np.random.default_rng(seed)

    def draw() -> tuple[Tensor, Tensor]:
        rows = order.integers(0, len(images), BATCH)
        batch = _tensor(images[rows], device)
        return warped(batch, order) if warp else _shifted(batch, order), torch.from_numpy(labels[rows]).to(device)

    with seeded(seed):
        judge = Judge(classes, images.shape[-1])
        judge.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        fit(judge, draw, steps=steps, precision=precision, progress=progress)
    return judge.cpu().eval()


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """torch's random numbers from `seed` on inside; outside they go on as if none had been drawn, whatever happens."""
    state = torch.random.get_rng_state()
    torch.manual_seed(seed)
    try:
        yield
    finally:
        torch.random.set_rng_state(state)


def fit(
    judge: Judge,
    draw: Callable[[], tuple[Tensor, Tensor]],
    *,
    steps: int,
    precision: str,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Train in place on what `draw` gives for each step, on the judge's device: (B, 1, S, S) in [0, 1], (B,) labels."""
    device = next(judge.parameters()).device
    optimiser = torch.optim.AdamW(judge.parameters(), lr=RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
    judge.train()
    for step in range(steps):
        images, labels = draw()
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            logits = judge(images)[0].float()
        loss = F.cross_entropy(logits, labels, label_smoothing=SMOOTHING)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        if progress:
            progress(step + 1, steps)


def warped(batch: Tensor, random: np.random.Generator) -> Tensor:
    """(B, 1, S, S), each turned, stretched and moved a little on its own."""
    count = len(batch)
    turn = random.uniform(-TURN, TURN, count)
    wide, high = random.uniform(1 - STRETCH, 1 + STRETCH, (2, count))
    across, down = random.uniform(-MOVE, MOVE, (2, count))
    rows = [[wide * np.cos(turn), -np.sin(turn), across], [np.sin(turn), high * np.cos(turn), down]]
    matrix = torch.from_numpy(np.array(rows, np.float32).transpose(2, 0, 1)).to(batch.device)  # (B, 2, 3)
    places = F.affine_grid(matrix, list(batch.shape), align_corners=False)
    return F.grid_sample(batch, places, align_corners=False).contiguous(memory_format=torch.channels_last)


def _shifted(batch: Tensor, random: np.random.Generator) -> Tensor:
    shift = tuple(int(v) for v in random.integers(-SHIFT, SHIFT + 1, 2))
    return torch.roll(batch, shift, (2, 3))


def _tensor(images: NDArray[np.uint8], device: torch.device | str = "cpu") -> Tensor:
    """(n, S, S) -> (n, 1, S, S) in [0, 1]; bytes travel to the device, a quarter of what floats would be."""
    there = torch.from_numpy(images[:, None]).to(device)
    return there.float().div(255).contiguous(memory_format=torch.channels_last)
