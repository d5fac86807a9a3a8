"""PNG folders with every field, and back through the door for folders."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import DataError
from core.glyphs.etl.extract import KEYS, extract
from core.glyphs.etl.formats import FIELD_NAMES
from core.glyphs.etl.reader import open_etl
from core.glyphs.sets.folder import open_folder
from glyphs.etl_bytes import records_of, small_file, write_records


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    small_file(folder, "ETL9G_01", "あい", seed=1)
    write_records(folder / "ETL2_1", records_of("ETL2", [21 << 6 | 47]))
    return folder


def test_images_list_and_table_agree(data: Path, tmp_path: Path) -> None:
    etl = open_etl([data])
    chosen = etl.select()
    out = tmp_path / "out"
    told: list[tuple[int, int]] = []
    assert extract(etl, chosen, out, progress=lambda done, total: told.append((done, total))) == 5
    assert told[-1] == (5, 5)
    records = json.loads((out / "images.json").read_text(encoding="utf-8"))
    with (out / "images.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert [record["image_name"] for record in records] == [row["image_name"] for row in table]
    assert set(FIELD_NAMES) <= set(records[0])
    assert list(records[0]) == list(KEYS)
    print_, *kana = records
    assert print_["image_name"] == "co59-21,47/ETL2_1_000000.png"
    assert [record["image_name"] for record in kana[:2]] == ["U+3042/ETL9G_01_000000.png", "U+3042/ETL9G_01_000001.png"]
    assert (kana[0]["character"], kana[0]["age"], kana[0]["set"]) == ("あ", None, "ETL9G")
    assert table[1]["age"] == ""
    (_, batch) = etl.read(chosen)
    for image, record in zip(batch.images, kana, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(out / record["image_name"])), image)
    assert open_folder(out).counts() == {"あ": 2, "い": 2}


def test_black_on_white(data: Path, tmp_path: Path) -> None:
    etl = open_etl([data])
    chosen = etl.select("あ", limit=1)
    extract(etl, chosen, tmp_path / "out", black_on_white=True)
    (batch,) = etl.read(chosen)
    image = np.asarray(Image.open(tmp_path / "out" / "U+3042" / "ETL9G_01_000000.png"))
    np.testing.assert_array_equal(image, 255 - batch.images[0])


def test_nothing_chosen_a_folder_in_use_and_one_that_cannot_be(data: Path, tmp_path: Path) -> None:
    etl = open_etl([data])
    with pytest.raises(DataError, match="nothing was chosen"):
        extract(etl, etl.select("腕"), tmp_path / "out")
    with pytest.raises(DataError, match="is not empty"):
        extract(etl, etl.select("あ"), data)
    with pytest.raises(DataError, match="cannot be written"):
        extract(etl, etl.select("あ"), data / "ETL9G_01" / "out")
