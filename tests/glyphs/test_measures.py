"""Slant and thickness on bars whose slant and thickness are known, and on the embedded handwriting."""

import numpy as np
import numpy.typing as npt
import pytest

from core.glyphs import measures, penman

Bytes = npt.NDArray[np.uint8]


def bar(width: float, *, shear: float = 0.0, size: int = 64) -> Bytes:
    """(1, size, size) an upright line, `width` pixels thick, leaning right by `shear`."""
    y, x = np.mgrid[:size, :size]
    middle = size / 2 + shear * ((size - 1) / 2 - y)
    ink = np.clip(width / 2 + 0.5 - np.abs(x - middle), 0, 1) * ((y > 7) & (y < size - 8))
    return np.asarray(np.rint(255 * ink)[None], np.uint8)


@pytest.mark.parametrize("shear", [-0.6, -0.2, 0.0, 0.1, 0.5])
@pytest.mark.parametrize("measure", [measures.slant, measures.slant_by_projection])
def test_the_slant_of_a_leaning_line(measure: measures.Measure, shear: float) -> None:
    assert measure(bar(3, shear=shear))[0] == pytest.approx(shear, abs=0.02)


@pytest.mark.parametrize("width", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("measure", [measures.thickness, measures.thickness_by_skeleton])
def test_the_thickness_of_a_line(measure: measures.Measure, width: int) -> None:
    assert measure(bar(width))[0] == pytest.approx(width, rel=0.15, abs=0.3)


def test_degrees() -> None:
    assert measures.degrees(np.array([0.0, 1.0, -1.0])).tolist() == pytest.approx([0, 45, -45])


ALL = [measures.slant, measures.thickness, measures.slant_by_projection, measures.thickness_by_skeleton]


@pytest.mark.parametrize("measure", ALL)
def test_blank_images_measure_nan_and_spoil_no_other(measure: measures.Measure) -> None:
    images = np.concatenate([np.zeros((1, 64, 64), np.uint8), bar(3), np.zeros((1, 64, 64), np.uint8)])
    assert np.isnan(measure(images)).tolist() == [True, False, True]
    assert len(measure(images[:0])) == 0


@pytest.mark.parametrize("measure", ALL)
def test_the_scale_of_grey_and_the_type_do_not_matter(measure: measures.Measure) -> None:
    images = penman.render("あ", range(8), size=48)
    np.testing.assert_allclose(measure(images), measure(images.astype(np.float32) / 255), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("measure", ALL)
def test_one_image_measures_what_it_measures_in_a_batch(measure: measures.Measure) -> None:
    images = penman.render("き", range(6), size=64)
    alone = np.concatenate([measure(images[place : place + 1]) for place in range(6)])
    np.testing.assert_allclose(measure(images), alone, rtol=1e-5)


def test_the_two_measures_of_a_property_agree_on_handwriting() -> None:
    images = np.concatenate([penman.render(character, range(40), size=64) for character in "けたはりい"])
    thin, ridge = measures.thickness(images), measures.thickness_by_skeleton(images)
    assert np.corrcoef(thin, ridge)[0, 1] > 0.9


def test_shearing_an_image_moves_both_slants_by_as_much() -> None:
    images = np.pad(penman.render("け", range(20), size=64), ((0, 0), (0, 0), (16, 16)))
    sheared = np.stack([_sheared(image, 0.25) for image in images])
    for measure in (measures.slant, measures.slant_by_projection):
        moved = np.median(measure(sheared) - measure(images))
        assert moved == pytest.approx(0.25, abs=0.06)


def _sheared(image: np.ndarray, shear: float) -> np.ndarray:
    """Rows shifted to the right by `shear` pixels a row above the middle."""
    columns = np.arange(image.shape[1])
    middle = (len(image) - 1) / 2
    return np.stack([np.interp(columns - shear * (middle - y), columns, row) for y, row in enumerate(image)])


def test_a_single_image_is_refused_with_its_shape() -> None:
    with pytest.raises(ValueError, match="expected"):
        measures.slant(np.zeros((5, 5)))
