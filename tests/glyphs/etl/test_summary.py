"""Rows that say back what was found."""

from pathlib import Path

from core.glyphs.etl.reader import open_etl
from core.glyphs.etl.summary import summarize
from glyphs.etl_bytes import small_file


def test_one_row_a_data_set(tmp_path: Path) -> None:
    small_file(tmp_path, "ETL8B2C1", "あい")
    small_file(tmp_path, "ETL8G_01", "あい")
    small_file(tmp_path, "ETL8G_33", "あ")
    binary, grey = summarize(open_etl([tmp_path]))
    assert (binary.data_set, binary.files, binary.images, binary.models) == ("ETL8B", 1, 4, 0)
    assert binary.missing == ("ETL8B2C2", "ETL8B2C3")
    assert (grey.data_set, grey.files, grey.published_files, grey.images, grey.models) == ("ETL8G", 2, 33, 4, 2)
    assert (grey.width, grey.height, grey.bits, grey.recognised_by) == (128, 127, 4, ("name",))
