"""The judge reads what it was taught, the same way every time."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from core.glyphs import glyphset
from core.judge import classifier
from core.judge.classifier import FEATURES, Judge, train
from core.settings import RunConfig

Small = Callable[..., RunConfig]
Part = tuple[NDArray[np.uint8], NDArray[np.int64]]


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setattr(classifier, "BATCH", 48)


@pytest.fixture
def parts(small: Small, cache: object) -> tuple[Part, Part]:  # noqa: ARG001
    """Ten hiragana: 20 writers to learn from, 8 others."""
    glyphs = glyphset.load(small(data__chars="hiragana-a-ka", data__held_out=8).data)
    return glyphs.part(held_out=False), glyphs.part(held_out=True)


def test_it_reads_writers_that_it_never_saw(parts: tuple[Part, Part]) -> None:
    (images, labels), (others, truth) = parts
    calls: list[int] = []
    judge = train(images, labels, 10, steps=40, progress=lambda done, _: calls.append(done))
    reading = judge.read(others)
    assert calls == list(range(1, 41))
    assert (reading.label == truth).mean() > 0.8  # chance is 0.1
    assert reading.label.dtype == np.int64
    assert reading.features.shape == (80, FEATURES)
    assert reading.features.min() >= 0
    assert ((reading.confidence > 0.1) & (reading.confidence <= 1)).all()
    assert reading.confidence[reading.label == truth].mean() > reading.confidence[reading.label != truth].sum() / 80


def test_a_seed_gives_one_judge_and_leaves_other_random_numbers_alone(parts: tuple[Part, Part]) -> None:
    images, labels = parts[0]
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, second, other = (train(images, labels, 10, steps=3, seed=seed).state_dict() for seed in (1, 1, 2))
    with pytest.raises(pytest.fail.Exception):  # as an early stop raises
        train(images, labels, 10, steps=3, progress=lambda *_: pytest.fail("stop"))
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["head.weight"], other["head.weight"])


def test_reading_does_not_depend_on_the_batch(parts: tuple[Part, Part]) -> None:
    images = parts[1][0]
    torch.manual_seed(0)
    judge = Judge(10, 32)
    whole, alone = judge.read(images), judge.read(images[:1])
    assert not judge.training
    assert np.allclose(whole.features[:1], alone.features, atol=1e-5)
    many = judge.read(np.concatenate([images] * 8))  # 640: more than are read at a time
    assert np.array_equal(many.label, np.tile(whole.label, 8))


@pytest.mark.parametrize("pixels", [32, 64])
def test_sizes_and_classes(pixels: int) -> None:
    reading = Judge(46, pixels).read(np.zeros((2, pixels, pixels), np.uint8))
    assert reading.label.shape == reading.confidence.shape == (2,)
    assert reading.features.shape == (2, FEATURES)


def test_no_images_are_no_answers() -> None:
    reading = Judge(5, 32).read(np.zeros((0, 32, 32), np.uint8))
    assert reading.label.shape == reading.confidence.shape == (0,)
    assert reading.features.shape == (0, FEATURES)


def test_one_step_is_a_training_too(parts: tuple[Part, Part], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "BATCH", 4)
    assert train(*parts[0], 10, steps=1).read(parts[1][0][:2]).label.shape == (2,)


def test_warping_moves_each_image_a_little_and_loses_none(parts: tuple[Part, Part]) -> None:
    images = torch.from_numpy(parts[0][0][:16, None]).float() / 255
    moved = classifier.warped(images, np.random.default_rng(0))
    assert moved.shape == images.shape
    assert not torch.equal(moved, images)
    assert torch.allclose(moved.sum((1, 2, 3)), images.sum((1, 2, 3)), rtol=0.35)
    taught = train(*parts[0], 10, steps=3, warp=True)
    assert not torch.equal(taught.head.weight, train(*parts[0], 10, steps=3).head.weight)
