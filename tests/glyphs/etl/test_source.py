"""ETL behind the door that all sources share."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from core.errors import DataError
from core.glyphs.etl.datasets import DATA_SETS
from core.glyphs.etl.source import open_etl_source
from core.glyphs.prepare import Preparation, prepare
from glyphs.etl_bytes import HIRAGANA, loaded, random_levels, records_of, small_file, write_records


def test_index_and_batches_give_the_images_asked_for(tmp_path: Path) -> None:
    small_file(tmp_path, "ETL9G_01", HIRAGANA[:5], seed=1)
    small_file(tmp_path, "ETL9G_02", HIRAGANA[:5], seed=2)
    source = open_etl_source([tmp_path])
    assert source.name == "ETL9G (2 files)"
    assert source.counts()["う"] == 4
    index = source.index(("う", "あ"), per_char=2, held_out=1)
    assert sorted(index.labels.tolist()) == [0] * 4 + [1] * 4
    assert index.held_out is None
    assert len(index.groups) == 8
    rows = np.array([7, 0, 3, 3, 5])
    images = loaded(source, rows)
    everything = loaded(source, np.arange(8))
    np.testing.assert_array_equal(images, everything[rows])
    prepared = prepare(images, Preparation(), 32)
    assert prepared.shape == (5, 32, 32)


def test_batches_come_in_the_order_of_the_files_one_pass_each(tmp_path: Path) -> None:
    inside = tmp_path / "in"
    inside.mkdir()
    paths = [small_file(inside, f"ETL8G_{number:02d}", "あい", seed=number) for number in (1, 2)]
    with zipfile.ZipFile(tmp_path / "ETL8G.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in paths:
            archive.write(path, path.name)
    plain, zipped = open_etl_source([inside]), open_etl_source([tmp_path / "ETL8G.zip"])
    rows = np.array([5, 1, 6, 0])
    for source in (plain, zipped):
        source.index(("い", "あ"), per_char=1, held_out=0)
    assert len(list(zipped.batches(rows))) == 2
    np.testing.assert_array_equal(loaded(plain, rows), loaded(zipped, rows))


def test_sets_of_different_size_come_apart_in_batches(tmp_path: Path) -> None:
    small_file(tmp_path, "ETL8G_01", "あ")
    write_records(tmp_path / "ETL7LC_1", records_of("ETL7", [0xB1] * 2))
    source = open_etl_source([tmp_path])
    source.index(("あ",), per_char=1, held_out=0)
    assert [cells.shape[1:] for _, cells in source.batches(np.arange(4))] == [(63, 64), (127, 128)]


def test_a_missing_character_and_an_empty_filter_are_told(tmp_path: Path) -> None:
    small_file(tmp_path, "ETL8G_01", "あ", age=[20, 30])
    with pytest.raises(DataError, match=r"ETL8G \(1 file\) holds no image of い"):
        open_etl_source([tmp_path]).index(("あ", "い"), per_char=1, held_out=0)
    with pytest.raises(DataError, match=r"no image of あ where age > 90"):
        open_etl_source([tmp_path], where="age > 90").index(("あ",), per_char=1, held_out=0)
    old = open_etl_source([tmp_path], where="age >= 30")
    assert len(old.index(("あ",), per_char=1, held_out=0).labels) == 1


def test_the_fingerprint_knows_content_filter_and_models(tmp_path: Path) -> None:
    small_file(tmp_path, "ETL8G_01", "あ", seed=1)
    first = open_etl_source([tmp_path]).fingerprint()
    assert open_etl_source([tmp_path]).fingerprint() == first
    assert open_etl_source([tmp_path], where="age > 3").fingerprint() != first
    assert open_etl_source([tmp_path], with_models=True).fingerprint() != first
    small_file(tmp_path, "ETL8G_01", "い", seed=2)
    assert open_etl_source([tmp_path]).fingerprint() != first


def test_a_file_that_fails_while_it_is_read_is_told(tmp_path: Path) -> None:
    path = small_file(tmp_path, "ETL8G_01", "あい")
    source = open_etl_source([path])
    source.index(("あ", "い"), per_char=1, held_out=0)
    path.write_bytes(path.read_bytes()[:8199])
    with pytest.raises(DataError, match="size changed"):
        loaded(source, np.arange(4))


def test_one_bit_sets_load_as_black_and_white(tmp_path: Path) -> None:
    levels = random_levels(DATA_SETS["ETL9B"].format, 2, np.random.default_rng(1))
    write_records(tmp_path / "ETL9B_1", records_of("ETL9B", [0x2422] * 2, levels=levels), dummy=True)
    source = open_etl_source([tmp_path])
    source.index(("あ",), per_char=1, held_out=0)
    assert set(np.unique(loaded(source, np.arange(2)))) == {0, 255}
