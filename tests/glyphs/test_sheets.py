"""Samples laid out: who stands where, and what there are too few of."""

from pathlib import Path

import numpy as np

from core.glyphs import sheets
from core.glyphs.prepare import Preparation, prepare
from core.glyphs.sets.opening import open_data
from core.glyphs.sources import open_source
from core.settings import DataConfig
from glyphs.etl_bytes import write_handwriting


def test_a_contact_sheet_has_a_row_a_character(tmp_path: Path) -> None:
    images = np.zeros((5, 28, 28), np.uint8)
    images[:, 4:20, 10:14] = np.array([50, 100, 150, 200, 250])[:, None, None]
    np.savez(tmp_path / "a.npz", images=images, labels=np.array([0, 1, 1, 1, 0]))
    picked = sheets.pick(open_data(str(tmp_path / "a.npz")), ("1", "0"), across=3)
    sheet = sheets.contact(picked, 28)
    assert sheet.rows == ("1", "0")
    assert sheet.images[:, :, 10, 12].tolist() == [[100, 150, 200], [50, 250, 0]], "the last one is not there"


def test_before_and_after_ends_in_what_a_run_is_trained_on(tmp_path: Path) -> None:
    write_handwriting(tmp_path, "ETL8G", "あい", writers=5)
    source = open_data(str(tmp_path))
    picked = sheets.pick(source, ("あ", "い"), across=2, seed=3)
    sheet = sheets.before_after(picked, Preparation(), 32)
    assert sheet.rows == ("あ", "あ", "い", "い")
    assert sheet.columns == ("raw", "paper", "fragments", "crop, centre", "gain")
    assert sheet.images.shape == (4, 5, 32, 32)
    ((places, cells),) = picked.batches
    np.testing.assert_array_equal(sheet.images[places, -1], prepare(cells, Preparation(), 32))
    other = sheets.pick(source, ("あ", "い"), across=2, seed=4)
    assert not np.array_equal(other.batches[0][1], cells), "the seed chooses"


def test_the_seed_chooses_among_embedded_writers_too() -> None:
    source = open_source(DataConfig(source="penman"))
    (first,), (same,), (other,) = (sheets.pick(source, ("あ",), across=2, seed=seed).batches for seed in (0, 0, 1))
    np.testing.assert_array_equal(first[1], same[1])
    assert not np.array_equal(first[1], other[1])
    assert first[1].shape == (2, 64, 64), "cells as scanned, from which the character is cut"
