"""The training set on the device, and the codes that are measured on it."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from core.gan import anchors
from core.gan.chance import Chance
from core.gan.pool import Batch, Pool
from core.glyphs import glyphset, penman
from core.settings import RunConfig

Small = Callable[..., RunConfig]


def told_apart(counts: tuple[int, ...], *, balanced: bool = True) -> Pool:
    """A pool whose images say their class in one pixel and their number within it in another, in mixed order."""
    labels = np.repeat(np.arange(len(counts)), counts)
    numbers = np.concatenate([np.arange(count) for count in counts])
    order = np.random.default_rng(0).permutation(len(labels))
    images = np.zeros((len(labels), 4, 4), np.uint8)
    images[:, 0, 0], images[:, 1, 1] = labels, numbers
    codes = np.stack([labels, numbers], 1).astype(np.float32)
    return Pool(images[order], labels[order], codes[order], torch.device("cpu"), balanced=balanced)


def drawn(pool: Pool, count: int) -> Batch:
    return pool.draw(Chance(0, torch.tensor(0), torch.arange(count)))


def test_images_belong_to_their_labels_and_codes() -> None:
    batch = drawn(told_apart((3, 50, 7)), 500)
    pixels = ((batch.images[:, 0] + 1) * 127.5).round().long()
    assert batch.images.shape == (500, 1, 4, 4)
    assert batch.images.min() == -1
    assert torch.equal(pixels[:, 0, 0], batch.label)
    assert torch.equal(batch.codes, torch.stack([batch.label, pixels[:, 1, 1]], 1).float())


def test_images_are_drawn_alike_where_that_is_asked_for() -> None:
    batch = drawn(told_apart((20, 100, 80), balanced=False), 30_000)
    assert torch.allclose(torch.bincount(batch.label) / 30_000, torch.tensor([0.1, 0.5, 0.4]), atol=0.015)
    assert torch.equal(batch.codes[:, 0], batch.label.float())


def test_classes_are_drawn_equally_and_all_their_images() -> None:
    batch = drawn(told_apart((2, 100, 10)), 30_000)
    shares = torch.bincount(batch.label) / 30_000
    assert torch.allclose(shares, torch.full((3,), 1 / 3), atol=0.015)
    for label, count in enumerate((2, 100, 10)):
        found = torch.bincount(batch.codes[batch.label == label, 1].long())
        assert len(found) == count
        assert found.min() > 0.5 * found.float().mean()


def test_codes_spread_evenly_within_every_class(small: Small, cache: object) -> None:  # noqa: ARG001
    images, labels = glyphset.load(small().data).part(held_out=False)
    codes = anchors.anchored_codes(images, labels, 2)
    assert codes.shape == (len(images), 2)
    even = (2 * np.arange(20) + 1) / 20 - 1
    for label in range(3):
        for column in range(2):
            assert np.allclose(np.sort(codes[labels == label, column]), even, atol=1e-6)


def bars(shears: NDArray[np.float64], widths: NDArray[np.float64]) -> NDArray[np.uint8]:
    """(N, 32, 32): one bar from bottom to top; positive shear leans to the right."""
    y, x = np.mgrid[:32, :32] - 15.5
    lines = x + shears[:, None, None] * y
    ink = (np.abs(lines) < widths[:, None, None] / 2) & (np.abs(y) < 12)
    return np.where(ink, 255, 0).astype(np.uint8)


def test_a_rightward_slant_and_a_thick_stroke_have_high_codes() -> None:
    slants = np.array([-0.4, 0.1, 0.4, -0.1])
    leaning = anchors.anchored_codes(bars(slants, np.full(4, 4.0)), np.zeros(4, np.int64), 2)
    assert leaning[:, 0].tolist() == [-0.75, 0.25, 0.75, -0.25]
    widths = np.array([6.0, 2.0, 4.0, 8.0])
    thick = anchors.anchored_codes(bars(np.zeros(4), widths), np.zeros(4, np.int64), 2)
    assert thick[:, 1].tolist() == [0.25, -0.75, -0.25, 0.75]


def test_a_blank_image_is_in_the_middle() -> None:
    images = bars(np.array([-0.3, 0.3, 0.0]), np.full(3, 4.0))
    images[2] = 0
    codes = anchors.anchored_codes(images, np.zeros(3, np.int64), 2)
    assert codes[2].tolist() == [0, 0]
    assert codes[:2, 0].tolist() == [-0.5, 0.5]
    assert (anchors.anchored_codes(np.zeros((2, 32, 32), np.uint8), np.arange(2), 2) == 0).all()


def test_large_sets_are_measured_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    images = penman.render("あ", np.arange(50), size=32, style="clean", seed=0)
    whole = anchors.anchored_codes(images, np.zeros(50, np.int64), 2)
    monkeypatch.setattr(anchors, "CHUNK", 7)
    assert np.array_equal(anchors.anchored_codes(images, np.zeros(50, np.int64), 2), whole)


def test_as_many_codes_are_anchored_as_there_are(small: Small) -> None:
    assert anchors.anchored(small()) == 2
    assert anchors.anchored(small(model__codes=1)) == 1
    assert anchors.anchored(small(recipe__name="classic", model__anchored=2)) == 0
    assert anchors.code_names(3, 2) == ["slant", "thickness", "code 2"]
    assert anchors.anchored_codes(np.zeros((3, 8, 8), np.uint8), np.arange(3), 0).shape == (3, 0)
