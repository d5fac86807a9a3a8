"""Augmentation: shapes, ranges, what moves, what stays, and gradients that pass."""

import pytest
import torch

from core.gan import augment
from core.gan.chance import Chance, Stream


def drawn(count: int, probability: float) -> augment.Draw:
    return augment.draw(Chance(0, torch.tensor(0), torch.arange(count)), Stream.AUGMENT_REAL, probability)


def blobs(count: int, side: int = 32) -> torch.Tensor:
    """A soft blot in the middle of white paper."""
    places = torch.arange(side) - (side - 1) / 2
    blot = torch.exp(-(places[:, None] ** 2 + places**2) / 30)
    return (2 * blot - 1).expand(count, 1, side, side).clone()


def centre(images: torch.Tensor) -> torch.Tensor:
    """(N, 2) centre of mass, y and x, in pixels from the middle."""
    ink = (images[:, 0] + 1) / 2
    places = torch.arange(ink.shape[-1]) - (ink.shape[-1] - 1) / 2
    mass = ink.sum((1, 2))
    return torch.stack([ink.sum(2) @ places / mass, ink.sum(1) @ places / mass], 1)


def identity(count: int) -> augment.Draw:
    return drawn(count, 0.0)


@pytest.mark.parametrize("side", [32, 64])
@pytest.mark.parametrize("probability", [0.5, 1.0])
def test_shape_and_range_stay(side: int, probability: float) -> None:
    torch.manual_seed(0)
    images = torch.rand(40, 1, side, side) * 2 - 1
    changed = augment.apply(images, drawn(40, probability))
    assert changed.shape == images.shape
    assert changed.min() >= -1
    assert changed.max() <= 1
    assert torch.isfinite(changed).all()


def test_probability_zero_changes_nothing() -> None:
    torch.manual_seed(0)
    images = torch.rand(20, 1, 32, 32) * 2 - 1
    choice = identity(20)
    assert (choice.intact == 1).all()
    assert torch.allclose(augment.apply(images, choice), images, atol=1e-3)


def test_every_image_changes_and_each_in_its_own_way() -> None:
    changed = augment.apply(blobs(30), drawn(30, 1.0))
    assert len(torch.unique(changed.flatten(1), dim=0)) == 30


def test_moving_moves_the_ink_by_as_much() -> None:
    choice = identity(2)
    choice.affine[0, 0, 2], choice.affine[1, 1, 2] = 0.2, -0.1  # in halves of the side; the grid looks the other way
    moved = centre(augment.apply(blobs(2), choice))
    assert moved[0, 1].item() == pytest.approx(-0.2 * 16, abs=0.3)
    assert moved[1, 0].item() == pytest.approx(0.1 * 16, abs=0.3)


def test_moves_stay_within_their_limit() -> None:
    choice = drawn(500, 1.0)
    assert choice.affine[:, :, 2].abs().max() <= 2 * augment.SHIFT
    assert choice.affine[:, :, 2].abs().max() > 1.8 * augment.SHIFT
    determinant = torch.linalg.det(choice.affine[:, :, :2])
    assert determinant.min() > (1 - augment.SCALE) ** 2 - 1e-4  # never mirrored
    assert determinant.max() < (1 + augment.SCALE) ** 2 + 1e-4


def test_paper_comes_in_from_outside() -> None:
    choice = identity(1)
    choice.affine[0, 0, 2] = 1.0  # half of the image away
    moved = augment.apply(torch.ones(1, 1, 32, 32), choice)
    assert moved[..., :15].min() > 0.99
    assert moved[..., 17:].max() < -0.99


def test_a_cut_out_is_a_square_of_paper() -> None:
    choice = identity(1)._replace(corner=torch.tensor([[0.5, 0.25]]))
    cut = augment.apply(torch.ones(1, 1, 32, 32), choice)[0, 0] < 0
    assert cut.sum() == 64
    assert cut[16:24, 8:16].all()


def test_intact_where_neither_shape_nor_ink_was_changed() -> None:
    choice = drawn(400, 0.5)
    straight = (choice.affine[:, :, :2] == torch.eye(2)).all((1, 2))
    same_ink = choice.gamma == 1
    assert torch.equal(choice.intact == 1, straight & same_ink)
    assert 60 < choice.intact.sum() < 140  # a quarter of them
    moved = (choice.affine[:, :, 2] != 0).any(1)
    assert (moved & (choice.intact == 1)).any()  # moving leaves slant and thickness alone


def test_each_kind_happens_as_often_as_asked() -> None:
    choice = drawn(4000, 0.3)
    for happened in (
        (choice.affine[:, 0, 0] != 1) | (choice.affine[:, 0, 1] != 0),
        choice.affine[:, 0, 2] != 0,
        (choice.corner < 1).all(1),
        choice.gamma != 1,
    ):
        assert happened.float().mean().item() == pytest.approx(0.3, abs=0.04)


def test_gradients_reach_the_images() -> None:
    images = blobs(10).requires_grad_()
    augment.apply(images, drawn(10, 1.0)).square().sum().backward()  # type: ignore[no-untyped-call]
    assert images.grad is not None
    assert torch.isfinite(images.grad).all()
    assert (images.grad.flatten(1).abs().sum(1) > 0).all()
