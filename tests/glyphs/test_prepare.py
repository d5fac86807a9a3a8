"""Preparation: each step does its own thing, and together they leave the character and nothing else."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

from core.errors import ConfigError
from core.glyphs import penman
from core.glyphs.cells.paper import paper_of
from core.glyphs.cells.score import GEOMETRIES, score
from core.glyphs.cells.steps import steps
from core.glyphs.prepare import AS_IT_IS, STEPS, Preparation, clean, preparation, prepare
from core.presets import resolve

Bytes = npt.NDArray[np.uint8]

DEFAULT = Preparation()


def cells(width: int = 128, height: int = 127, levels: int = 16, *, character: str = "あ", count: int = 20) -> Bytes:
    raw = penman.scanned_cell(character, range(count), width=width, height=height, levels=levels).cells
    return np.asarray(np.rint(raw.astype(np.float32) * (255 / (levels - 1))), np.uint8)


def blot(height: int = 63, width: int = 64, *, y: int = 30, x: int = 30, paper: int = 0, side: int = 12) -> Bytes:
    image = np.full((1, height, width), paper, np.uint8)
    image[0, y : y + side, x : x + side] = 255
    return image


@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
@pytest.mark.parametrize("size", [28, 32, 48, 64])
def test_every_geometry_to_every_size(geometry: tuple[int, int, int], size: int) -> None:
    prepared = prepare(cells(*geometry), DEFAULT, size)
    assert prepared.shape == (20, size, size)
    assert prepared.dtype == np.uint8
    assert (prepared.max((1, 2)) > 200).all()


def test_the_character_fills_the_frame_but_for_the_margin() -> None:
    for image in prepare(cells(), DEFAULT, 64):
        rows, columns = np.flatnonzero((image > 40).any(1)), np.flatnonzero((image > 40).any(0))
        longer = max(np.ptp(rows), np.ptp(columns)) + 1
        assert 64 * 0.8 - 5 <= longer <= 64 * 0.8 + 4


def test_mass_comes_to_the_middle() -> None:
    prepared = prepare(cells(), DEFAULT, 64).astype(float)
    middle = (prepared.sum(1) @ np.arange(64) / prepared.sum((1, 2))).mean()
    assert middle == pytest.approx(31.5, abs=1)


def test_the_aspect_is_kept() -> None:
    image = np.zeros((1, 127, 128), np.uint8)
    image[0, 50:60, 40:80] = 255  # 10 high, 40 wide
    prepared = prepare(image, DEFAULT, 64)[0] > 127
    height, width = np.ptp(np.flatnonzero(prepared.any(1))) + 1, np.ptp(np.flatnonzero(prepared.any(0))) + 1
    assert width / height == pytest.approx(4, rel=0.1)


def test_an_image_does_not_depend_on_its_batch() -> None:
    raw = cells(count=70)
    whole = prepare(raw, DEFAULT, 32)
    for place in (0, 31, 69):
        np.testing.assert_array_equal(prepare(raw[place : place + 1], DEFAULT, 32)[0], whole[place])


def test_blank_full_and_no_images() -> None:
    for grey in (0, 17, 136, 255):
        prepared = prepare(np.full((2, 63, 64), grey, np.uint8), DEFAULT, 32)
        assert prepared.shape == (2, 32, 32)
        assert np.isfinite(prepared).all()
    assert prepare(np.zeros((1, 63, 64), np.uint8), DEFAULT, 32).max() == 0
    assert prepare(np.zeros((0, 63, 64), np.uint8), DEFAULT, 32).shape == (0, 32, 32)


def test_paper_is_measured_and_subtracted_image_by_image() -> None:
    rng = np.random.default_rng(3)
    images = np.concatenate([blot(paper=paper) for paper in (0, 51, 102)]).astype(np.float64)
    images[1:] += rng.normal(0, 8, images[1:].shape) * (images[1:] < 200)
    raw = np.clip(images, 0, 255).astype(np.uint8)
    level, grain = paper_of(raw)
    assert (np.abs(level.mean((1, 2)) - [0, 51, 102]) < 2).all()
    assert np.ptp(level, axis=(1, 2)).max() < 3
    assert grain == pytest.approx([0, 8, 8], abs=1.5)
    cleaned = clean(raw, DEFAULT)
    assert cleaned[:, 35, 35].tolist() == pytest.approx([255, 255, 255], abs=1)
    assert (cleaned[:, :20].max((1, 2)) == 0).all()
    kept = clean(raw, replace(DEFAULT, paper=False, fragments=False))
    np.testing.assert_array_equal(kept, raw)


def test_light_that_slopes_over_the_cell_is_paper() -> None:
    rng = np.random.default_rng(4)
    slope = np.linspace(-12, 12, 63)[:, None] + np.linspace(8, -8, 64)
    raw = np.where(blot(paper=0) == 255, 255, np.clip(90 + slope + rng.normal(0, 6, (63, 64)), 0, 255)).astype(np.uint8)
    level, grain = paper_of(raw)
    assert np.abs(level[0] - 90 - slope).max() < 3
    assert grain == pytest.approx([6], abs=1)
    assert (clean(raw, DEFAULT)[0] > 0)[:24].sum() == 0


def test_paper_of_two_greys_leaves_no_dirt() -> None:
    """Of 16 greys: a sheet between two of them, as a scanner of the 1970s saw it."""
    dirty = 0
    for character in "うしつへら":
        truth = penman.scanned_cell(character, range(200), width=64, height=63, levels=16)
        grey = np.flatnonzero(truth.paper > 0.15)
        cleaned = clean(np.asarray(truth.cells[grey] * 17, np.uint8), DEFAULT)
        beside = (truth.foreign[grey] < 3) & (ndimage.grey_dilation(truth.ink[grey], size=(1, 7, 7)) < 3)
        dirty += int(((cleaned * beside).sum((1, 2)) > 0.05 * cleaned.sum((1, 2))).sum())
    assert dirty <= 8  # of 415; a level that is a grey too low leaves 57


def test_a_neighbour_at_the_edge_goes_and_can_be_kept() -> None:
    image = blot()
    image[0, 20:40, :4] = 255
    assert clean(image, DEFAULT)[0, :, :10].max() == 0
    assert clean(image, DEFAULT)[0, 36, 36] == 255
    assert clean(image, replace(DEFAULT, fragments=False))[0, 25, 2] == 255


def test_a_printed_frame_goes() -> None:
    image = np.zeros((1, 127, 128), np.uint8)
    image[0, 3, 4:-4] = image[0, -4, 4:-4] = 90
    image[0, 4:-4, 3] = image[0, 4:-4, -4] = 90
    image[0, 40:80, 60:66] = 200
    cleaned = clean(image, DEFAULT)
    assert cleaned[0, :10].max() == cleaned[0, :, :10].max() == cleaned[0, -10:].max() == cleaned[0, :, -10:].max() == 0
    assert cleaned[0, 60, 62] == 200


def test_dots_of_the_character_stay() -> None:
    image = blot(side=20, y=20, x=18)
    image[0, 14:17, 44:47] = 255  # as of が
    assert clean(image, DEFAULT)[0, 15, 45] == 255


def test_a_small_sign_near_an_edge_is_not_taken_for_a_neighbour_if_it_is_all_there_is() -> None:
    image = blot(y=54, x=5, side=5)
    image[0, 20:30, :3] = 200  # a neighbour
    cleaned = clean(image, DEFAULT)
    assert cleaned[0, 56, 7] == 255
    assert cleaned[0, 25, 1] == 0


def test_fragments_go_without_touching_the_paper_too() -> None:
    image = blot(paper=85)
    image[0, 20:40, :4] = 255
    cleaned = clean(image, replace(DEFAULT, paper=False))
    assert cleaned[0, 36, 36] == 255
    assert cleaned[0, 25, 2] == 0


def test_a_stroke_that_leaves_the_cell_stays() -> None:
    image = np.zeros((1, 63, 64), np.uint8)
    image[0, 20:, 30:34] = 255
    assert clean(image, DEFAULT)[0, -1, 31] == 255


def test_polarity_of_source_and_result() -> None:
    raw = cells(count=4)
    expected = prepare(raw, DEFAULT, 32)
    np.testing.assert_array_equal(prepare(255 - raw, replace(DEFAULT, invert=True), 32), expected)
    np.testing.assert_array_equal(prepare(raw, replace(DEFAULT, black_on_white=True), 32), 255 - expected)


def test_gain_makes_faint_ink_full() -> None:
    faint = blot() // 2
    assert prepare(faint, DEFAULT, 32).max() == 255
    assert 110 < prepare(faint, replace(DEFAULT, gain=False), 32).max() < 150


def test_a_small_sign_is_not_blown_up_beyond_the_limit() -> None:
    dot = blot(127, 128, side=4)
    wide = (prepare(dot, DEFAULT, 64)[0] > 127).any(0).sum()
    assert wide == pytest.approx(4 * 64 / 128 * DEFAULT.zoom_limit, abs=1.5)


def test_sizing_alone_is_the_identity_at_the_same_size_and_an_average_at_half() -> None:
    image = penman.render("あ", [1, 2], size=64)
    np.testing.assert_array_equal(prepare(image, AS_IT_IS, 64), image)
    half = prepare(image, AS_IT_IS, 32).astype(float)
    plain = image.reshape(2, 32, 2, 32, 2).mean((2, 4))
    assert np.abs(half - plain).mean() < 4
    assert half.sum() == pytest.approx(plain.sum(), rel=0.05)  # the kernel's dips are clipped at white


@pytest.mark.parametrize("size", [7, 300])
def test_sizes_have_limits(size: int) -> None:
    with pytest.raises(ValueError, match=f"size {size}"):
        prepare(blot(), DEFAULT, size)


def test_only_batches_of_bytes() -> None:
    with pytest.raises(ValueError, match="expected"):
        prepare(np.zeros((63, 64), np.uint8), DEFAULT, 32)
    with pytest.raises(ValueError, match="expected"):
        prepare(np.zeros((1, 63, 64), np.float32), DEFAULT, 32)


@pytest.mark.parametrize("name", GEOMETRIES)
def test_own_ink_stays_and_foreign_ink_goes(name: str) -> None:
    """Few cells, so with some air; `etlgan bench data` measures over 5,000 of each geometry."""
    row = score(*GEOMETRIES[name], writers=8)
    bilevel_or_large = name in ("ETL8B, 9B", "ETL8G, 9G")
    assert row.lost < (0.002 if bilevel_or_large else 0.006)
    assert row.left < (0.005 if bilevel_or_large else 0.02)
    assert row.paper < 0.012


def test_steps_come_one_after_the_other_and_those_that_are_off_are_left_out() -> None:
    shown = steps(DEFAULT)
    assert list(shown) == ["raw", "paper", "fragments", "crop, centre", "gain"]
    assert shown["gain"] == DEFAULT
    assert list(steps(replace(DEFAULT, fragments=False, gain=False))) == ["raw", "paper", "crop, centre"]


def test_steps_by_the_names_that_the_configuration_knows() -> None:
    assert preparation("auto", raw=True, margin=0.1) == DEFAULT == preparation("all", raw=False, margin=0.1)
    assert preparation("auto", raw=False, margin=0.1) == AS_IT_IS == preparation("none", raw=True, margin=0.3)
    chosen = preparation("paper+crop", raw=True, margin=0.2)
    assert chosen == replace(AS_IT_IS, paper=True, crop=True, margin=0.2)
    with pytest.raises(ValueError, match="no step 'papr'"):
        preparation("papr", raw=True, margin=0)


@pytest.mark.parametrize("step", STEPS)
def test_the_configuration_takes_every_step_and_no_other(step: str) -> None:
    assert resolve("", {"data.prepare": f"{step}+paper"}).data.prepare == f"{step}+paper"
    with pytest.raises(ConfigError, match=r"data.prepare=.*must be Steps from scans"):
        resolve("", {"data.prepare": f"{step}+"})
