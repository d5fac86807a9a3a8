"""Grids and labels: real PNGs, read back with pillow."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.figures import kana
from core.figures.grids import code_values, labelled_grid, traversal_grid
from core.figures.page import Block, beside, fit, in_panels, page_size, stack, tile_images


def glyphs(rows: int, columns: int, size: int = 32) -> np.ndarray:
    """(R, C, S, S) uint8: a ring whose brightness tells its cell, so that a misplaced one shows."""
    y, x = np.mgrid[:size, :size]
    ring = np.abs(np.hypot(x - size / 2, y - size / 2) - size / 3) < 2
    levels = 100 + np.arange(rows * columns).reshape(rows, columns, 1, 1) % 156
    return np.asarray(ring * levels, np.uint8)


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.array(image.convert("L"), np.uint8)


def test_ten_rows_of_sixteen_are_doubled_dark_on_light_and_labelled(tmp_path: Path) -> None:
    images = glyphs(10, 16)
    labelled_grid(images, "あいうえおかきくけこ", path=tmp_path / "grid.png", title="あ")
    page = read(tmp_path / "grid.png")
    assert 1040 < page.shape[1] < 1200
    assert page[0, 0] == 255
    assert np.median(page) == 255
    body = 255 - tile_images(images, 2)
    top, left = (int(i) for i in np.argwhere(page == 255 - 40)[0])
    np.testing.assert_array_equal(page[top : top + body.shape[0], left : left + body.shape[1]], body)
    labels = page[top : top + body.shape[0], :left]
    for row in range(10):
        assert labels[row * 65 : (row + 1) * 65].min() < 60, "a row has no label"


def test_thousands_of_rows_are_cut_and_the_page_stays_small(tmp_path: Path) -> None:
    images = np.broadcast_to(glyphs(1, 10, 64), (2965, 10, 64, 64))
    labelled_grid(images, ["あ"] * 2965, path=tmp_path / "all.png")
    labelled_grid(images[:60], ["あ"] * 60, path=tmp_path / "some.png")
    whole, some = read(tmp_path / "all.png"), read(tmp_path / "some.png")
    assert max(whole.shape) < 2200
    assert whole.shape[0] > some.shape[0], "nothing says that rows were left out"
    assert whole[some.shape[0] - 20 : -24].min() < 200


def test_many_rows_stand_in_panels_of_the_same_scale() -> None:
    panels, layout = in_panels(Block(glyphs(46, 10), ["あ"] * 46))
    assert [len(panel.images) for panel in panels] == [23, 23]
    assert layout.scale == 2
    assert page_size(panels, layout) == beside([panel.draw(2) for panel in panels]).shape[::-1]


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_a_block_is_as_large_as_it_says(scale: int) -> None:
    block = Block(glyphs(3, 5), ["あ", "co59:21,47", "é"], ["−1", "", "0", "", "1"], caption="slant")
    assert block.size(scale) == block.draw(scale).shape[::-1]


def test_one_traversal_block_for_each_code(tmp_path: Path) -> None:
    images = np.stack([glyphs(10, 9)] * 4)
    traversal_grid(images, "あいうえおかきくけこ", ["slant", "thickness", "code 3", "code 4"], path=tmp_path / "t.png")
    page = read(tmp_path / "t.png")
    assert 1200 < page.shape[1] < 1600
    body = 255 - tile_images(images[0], 2)
    found = 0
    for top, left in np.argwhere((page == 215) & (np.roll(page, 1, 0) == 255) & (np.roll(page, 1, 1) == 255)):
        found += np.array_equal(page[top : top + body.shape[0], left : left + body.shape[1]], body)
    assert found == 4


@pytest.mark.parametrize(("codes", "rows"), [(4, 16), (4, 10), (2, 16), (6, 10), (8, 3)])
def test_the_last_line_of_blocks_is_as_full_as_the_others(codes: int, rows: int) -> None:
    layout = fit([Block(glyphs(rows, 9), ["あ"] * rows, caption="slant")] * codes)
    assert codes % layout.across == 0


def test_code_values_have_real_minus_signs_and_no_minus_zero() -> None:
    assert code_values(3) == ["−1", "0", "1"]
    assert code_values(9)[1] == "−0.75"
    assert code_values(1) == ["−1"]


@pytest.mark.parametrize(
    ("images", "rows"),
    [
        (glyphs(2, 2), "あ"),
        (glyphs(2, 2)[:0], ""),
        (glyphs(2, 2).astype(np.float32), "あい"),
        (glyphs(2, 2)[0], "あい"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_and_leave_no_file(tmp_path: Path, images: np.ndarray, rows: str) -> None:
    with pytest.raises(ValueError, match=r"labels for|images must be"):
        labelled_grid(images, rows, path=tmp_path / "bad.png")
    assert not list(tmp_path.iterdir())


def test_traversal_of_no_codes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="code names"):
        traversal_grid(np.zeros((0, 2, 3, 8, 8), np.uint8), "あい", [], path=tmp_path / "bad.png")


@pytest.mark.parametrize("label", ["あ", "鬱", "A", "7", "co59:21,47", "$x^2$", "a\nb\x1b[31m", "é", "あA"])
def test_every_label_shows_ink(label: str) -> None:
    tile = kana.tile(label, 24)
    assert tile.shape[0] == 24
    assert tile.max() > 150


def test_labels_of_different_characters_differ_and_kana_come_from_strokes() -> None:
    tiles = [kana.tile(c, 32).tobytes() for c in "あいうえおアイ一右"]
    assert len(set(tiles)) == len(tiles)
    assert kana.strokes("あ")
    assert [piece.text for piece in kana.pieces("ab あい")] == ["ab ", "あ", "い"]


def test_a_character_that_nothing_can_draw_is_named() -> None:
    assert [piece.text for piece in kana.pieces("\U000200a2")] == ["U+200A2"]


def test_empty_label_leaves_its_row_blank(tmp_path: Path) -> None:
    labelled_grid(glyphs(2, 2), ["", "あ"], path=tmp_path / "g.png")
    assert read(tmp_path / "g.png").shape[0] > 64


def test_a_very_long_title_does_not_widen_the_page(tmp_path: Path) -> None:
    labelled_grid(glyphs(3, 10), "あいう", path=tmp_path / "a.png", title="あ" * 3000)
    labelled_grid(glyphs(3, 10), "あいう", path=tmp_path / "b.png", title="あ")
    assert read(tmp_path / "a.png").shape == read(tmp_path / "b.png").shape


def test_a_single_small_image_and_wide_images_fit(tmp_path: Path) -> None:
    labelled_grid(glyphs(1, 1), ["あ"], path=tmp_path / "one.png")
    labelled_grid(np.full((2, 100, 16, 8), 200, np.uint8), "あい", path=tmp_path / "wide.png")
    assert read(tmp_path / "one.png").shape[0] > 32 * 3
    assert read(tmp_path / "wide.png").shape[1] < 1600
    assert fit([Block(glyphs(1, 1))]).scale == 3


def test_stack_keeps_what_it_is_given() -> None:
    assert stack([np.ones((2, 3), np.uint8), np.ones((1, 5), np.uint8)], 4).shape == (7, 5)


def test_grids_need_no_matplotlib() -> None:
    code = (
        "import sys, core.figures.grids, core.figures.progress, core.figures.finish; print('matplotlib' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
