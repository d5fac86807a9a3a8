"""The card on small sets: who writes well, who copies, who repeats himself, and who ignores the codes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from core import config as configs
from core.glyphs import penman
from core.judge import card as cards
from core.judge import classifier, controls, judges, naming, scorer
from core.judge.reference import Reference, first_of_each
from core.settings import RunConfig

Small = Callable[..., RunConfig]
CHARS = ("あ", "い", "う")
Images = NDArray[np.uint8]
Labels = NDArray[np.int64]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for the module: one judge."""
    return tmp_path_factory.mktemp("judged")


@pytest.fixture
def config(small: Small, shared: Path, monkeypatch: pytest.MonkeyPatch) -> RunConfig:
    torch.set_num_threads(1)
    monkeypatch.setenv("ETLGAN_CACHE", str(shared))
    monkeypatch.setattr(classifier, "BATCH", 48)
    monkeypatch.setattr(judges, "JUDGE_IMAGES", 40)
    monkeypatch.setattr(judges, "JUDGE_STEPS", (30, 0))
    monkeypatch.setattr(naming, "NAMING", 20)
    return small(data__style="clean", data__per_char=60, data__held_out=24)


@pytest.fixture
def reference(config: RunConfig) -> Reference:
    return Reference.load(config.data)


def written(labels: Labels, *, seed: int = 0) -> Images:
    """A generator that writes as people do, each time another one."""
    return np.concatenate(
        [
            penman.render(CHARS[label], np.array([5_000_000 + 1000 * seed + i]), size=32, style="clean", seed=0)
            for i, label in enumerate(labels.tolist())
        ]
    )


def repeated(labels: Labels, *, seed: int = 0) -> Images:  # noqa: ARG001
    """The same character always looks the same."""
    return written(np.arange(3))[labels]


def judged(
    draw: cards.Draw, reference: Reference, rows: tuple[int, ...], *, per_char: int, style: cards.Style | None = None
) -> dict[str, float]:
    return cards.drawn_column(draw, reference, style=style, rows=rows, per_char=per_char, seed=1, progress=None)


def test_a_good_hand_a_copyist_and_a_stamp(reference: Reference) -> None:
    rows = (2, 4, 5, 6, 7)
    good, stamp = (judged(each, reference, rows, per_char=24) for each in (written, repeated))
    real = cards.real_numbers(reference, rows=rows)
    copied = controls.memoriser_column(reference, rows, 24, None)
    assert good["gan_test"] > 0.6
    assert good["coverage_ratio"] > 0.65 > 0.3 > stamp["coverage_ratio"]
    assert 0.7 < good["spread"] < 1.4
    assert stamp["spread"] == pytest.approx(0, abs=1e-3)
    assert stamp["fcd_ratio"] > 2 * good["fcd_ratio"]
    assert copied["memorised"] == 1
    assert good["memorised"] < 0.15
    assert copied["coverage_ratio"] > 0.65, "only row 7 tells a copyist"
    assert real["gan_test"] > 0.6
    assert real["coverage_ratio"] > 0.6


def test_a_copy_with_noise_and_less_ink_is_still_a_copy(reference: Reference) -> None:
    images, labels = reference.train
    noise = np.random.default_rng(0).normal(0, 5, images.shape)
    paler = np.clip(0.8 * images + noise, 0, 255).astype(np.uint8)
    real = reference.held_out
    share = reference.copying.share
    assert share(paler, labels, real.images, real.labels) > 0.9
    assert share(real.images, real.labels, real.images, real.labels) < 0.05


def test_a_reader_of_generated_images_is_tested_on_real_ones(reference: Reference) -> None:
    good = judged(written, reference, (1,), per_char=4)
    shuffled = judged(lambda labels, *, seed=0: written((labels + 1) % 3, seed=seed), reference, (1,), per_char=4)
    real = cards.real_numbers(reference, rows=(1,))
    assert good["gan_train"] > 0.7
    assert shuffled["gan_train"] < 0.3, "wrong labels teach wrong reading"
    assert real["gan_train_gap"] == 0
    assert real["gan_train"] - good["gan_train"] == pytest.approx(good["gan_train_gap"])


def slanted(labels: Labels, *, codes: NDArray[np.floating], seed: int = 0) -> Images:
    """Upright writing of one hand, sheared by code 0; code 1 is ignored."""
    base = written(np.arange(3), seed=seed * 0)
    rows = []
    for label, shear in zip(labels, 0.4 * codes[:, 0], strict=True):
        matrix = np.array([[1, 0], [shear, 1]])
        offset = np.array([15.5, 15.5]) - matrix @ np.array([15.5, 15.5])
        rows.append(ndimage.affine_transform(base[label].astype(float), matrix, offset, order=1))
    images: Images = np.clip(np.stack(rows), 0, 255).astype(np.uint8)
    return images


def test_codes_are_obeyed_or_not_by_both_rulers(reference: Reference) -> None:
    style = cards.Style(slanted, 2, ("slant", "thickness"))
    found = judged(written, reference, (8,), per_char=4, style=style)
    real = cards.real_numbers(reference, rows=(8,))
    assert found["slant_control"] > 0.95
    assert found["slant_control_second"] > 0.8
    assert abs(found["thickness_control"]) < 0.3
    assert 0 < real["slant_control_second"] <= 1, "how far the rulers agree on real writing"
    assert "slant_control" not in real


def test_control_columns_are_measured_once(reference: Reference, monkeypatch: pytest.MonkeyPatch) -> None:
    first = controls.real_column(reference, (2, 6), None)
    monkeypatch.setattr(cards, "real_numbers", lambda *_, **__: pytest.fail("measured again"))
    assert controls.real_column(reference, (6, 2), None) == first


def test_unsupervised_codes_are_named_one_to_one(reference: Reference) -> None:
    codes, right = naming.by_drawn(lambda labels, *, seed=0: written((labels + 2) % 3, seed=seed), reference)
    assert codes.tolist() == [1, 2, 0]
    assert right > 0.7


def test_q_reads_real_characters_by_its_own_codes(reference: Reference) -> None:
    def taught(images: Images) -> Labels:
        return reference.judge.read(images).label

    def untaught(images: Images) -> Labels:
        return (taught(images) + 1) % 3

    usual = float((taught(reference.held_out.images) == reference.held_out.labels).mean())
    assert usual > 0.7
    assert naming.read_by_q(taught, reference, named=True) == usual
    assert naming.read_by_q(untaught, reference, named=False) == usual, "codes are matched to characters"
    assert naming.read_by_q(untaught, reference, named=True) < 0.3


def test_one_code_for_all_is_a_name_for_one(reference: Reference) -> None:
    share = naming.read_by_q(lambda images: np.ones(len(images), np.int64), reference, named=False)
    assert share == pytest.approx(1 / 3)


def written_by(labels: Any, seed: int) -> Any:
    return written(labels, seed=seed)


def repeated_by(labels: Any, seed: int) -> Any:
    return repeated(labels, seed=seed)


def test_the_scorer_of_a_training_run(config: RunConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scorer, "MOST_IMAGES", 60)
    monkeypatch.setattr(scorer, "FEWEST", 10)
    looks = [scorer.scorer_for(configs.override(config, {"train.target": target})) for target in (0.3, -0.05)]
    good, stamp = (looks[0](each).numbers for each in (written_by, repeated_by))
    real = controls.real_column(Reference.load(config.data), (2,), None)["gan_test"]
    for look, target in zip(looks, (0.3, real - 0.05), strict=True):
        for drawer in (written_by, repeated_by):
            said = look(drawer)
            assert said.numbers["gan_test"] is not None
            assert said.passed is (said.numbers["gan_test"] >= target)
    assert next(iter(good)) == "score"
    assert good["score"] is not None
    assert stamp["score"] is not None
    assert good["score"] > 0.5 > stamp["score"]


def test_few_held_out_images_are_told_and_left_out_of_coverage(small: Small, config: RunConfig) -> None:  # noqa: ARG001
    data = small(data__style="clean", data__per_char=60, data__held_out=4).data
    reference = Reference.load(data)
    assert reference.weak == dict.fromkeys(CHARS, 4)
    numbers = judged(written, reference, (2, 5, 6), per_char=10)
    assert "coverage" not in numbers
    assert "spread" in numbers


def test_first_of_each_takes_as_many_as_there_are_of_the_other() -> None:
    labels = np.array([2, 0, 0, 1, 2, 2, 0])
    chosen = first_of_each(labels, np.array([0, 0, 2]))
    assert sorted(chosen.tolist()) == [0, 1, 2]


def test_one_domain_of_several_is_judged_by_its_own_images(
    config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judges, "FEW_STEPS", 1)
    monkeypatch.setattr(judges, "JUDGE_STEPS", (1, 0))
    monkeypatch.setattr(judges, "EPOCHS", 0)
    for label in (0, 2):  # no い
        folder = tmp_path / f"U+{ord(CHARS[label]):04X}"
        folder.mkdir()
        for number, image in enumerate(written(np.full(30, label), seed=7)):
            Image.fromarray(255 - image).save(folder / f"{number}.png")
    mixed = configs.override(config, {"data.source": f"penman+form=folder:{tmp_path}", "data.held_out": 8}).data
    form, pen = Reference.load(mixed), Reference.load(mixed, domain=0)
    assert np.bincount(form.held_out.labels, minlength=3).tolist() == [3, 0, 3], "the last domain's"
    assert np.bincount(form.train[1], minlength=3).tolist() == [27, 0, 27]
    assert np.bincount(pen.held_out.labels).tolist() == [8, 8, 8]
    assert form.key != pen.key
    assert form.weak == {"あ": 3, "い": 0, "う": 3}
    numbers = cards.drawn_column(
        written, form, style=None, rows=(2, 4, 6, 7), per_char=8, seed=0, progress=None
    )  # fmt: skip
    assert all(np.isfinite(value) for value in numbers.values())
    copied = controls.memoriser(form)(np.repeat(np.arange(3), 4))
    assert form.copying.nearest(copied[:4], np.zeros(4, np.int64))[0].max() < 1e-3
    assert copied.any((1, 2)).all(), "of a character that the domain lacks: another domain's images"
