"""Files against what was published about them."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from core.glyphs.etl import datasets
from core.glyphs.etl.datasets import DATA_SETS, KnownFile
from core.glyphs.etl.discover import discover
from core.glyphs.etl.verify import bsd_step, checksums, missing_files, sysv_sum, verify
from glyphs.etl_bytes import records_of, small_file, write_records


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small file that the table knows."""
    path = tmp_path / "ETL4C"
    write_records(path, records_of("ETL4", [0xB1] * 5))
    sysv, bsd, size = checksums([path.read_bytes()], bsd=True)
    known = KnownFile("ETL4C", DATA_SETS["ETL4"], 1, size // 2952, None, bsd, sysv)
    table = {**datasets.known_files(), "ETL4C": known}
    for module in ("datasets", "verify"):
        monkeypatch.setattr(f"core.glyphs.etl.{module}.known_files", lambda: table)
    return path


def test_a_good_file_is_ok(published: Path) -> None:
    (row,) = verify(discover([published]).files, bsd=True)
    assert (row.status, row.records, row.published_records) == ("ok", 5, 5)
    assert row.bsd == row.published_bsd


def test_one_changed_bit_differs(published: Path) -> None:
    raw = bytearray(published.read_bytes())
    raw[1000] ^= 1
    published.write_bytes(raw)
    (row,) = verify(discover([published]).files)
    assert row.status == "differs"
    assert "System V" in row.message


def test_two_swapped_bytes_differ_only_by_the_bsd_checksum(published: Path) -> None:
    raw = bytearray(published.read_bytes())
    place = next(i for i in range(400, 2000) if raw[i] != raw[i + 1])
    raw[place], raw[place + 1] = raw[place + 1], raw[place]
    published.write_bytes(raw)
    files = discover([published]).files
    assert next(verify(files)).status == "ok"
    assert next(verify(files, bsd=True)).status == "differs"


def test_a_cut_file_differs(published: Path) -> None:
    published.write_bytes(published.read_bytes()[:-1])
    (row,) = verify(discover([published]).files)
    assert row.status == "differs"
    assert "bytes, published" in row.message


def test_an_unpublished_file_is_unknown_and_a_ragged_one_differs(tmp_path: Path) -> None:
    write_records(tmp_path / "ETL3C_1", records_of("ETL3", [0x41] * 3))
    (tmp_path / "ETL3C_2").write_bytes(bytes(3000))
    assert [row.status for row in verify(discover([tmp_path]).files)] == ["unknown", "differs"]


def test_missing_files_of_a_set_are_named(tmp_path: Path) -> None:
    small_file(tmp_path, "ETL8B2C1")
    assert missing_files(discover([tmp_path]).files) == ["ETL8B2C2", "ETL8B2C3"]


@pytest.mark.parametrize("size", [0, 1, 5000, 70_000])
def test_checksums_are_those_of_sum(tmp_path: Path, size: int) -> None:
    if shutil.which("sum") is None:
        pytest.skip("no `sum` here")
    raw = np.random.default_rng(size).integers(0, 256, size, np.uint8).tobytes()
    path = tmp_path / "file"
    path.write_bytes(raw)
    theirs = [subprocess.run(["sum", *flag, path], capture_output=True, check=True).stdout.split()[0] for flag in ((), ("-s",))]  # fmt: skip  # noqa: E501
    sysv, bsd, _ = checksums([raw[:777], raw[777:]], bsd=True)
    assert [bsd, sysv] == [int(number) for number in theirs]


def test_checksums_by_hand() -> None:
    assert bsd_step(0, bytes([1])) == 1
    assert bsd_step(1, bytes([0])) == 0x8000
    assert sysv_sum(0x1FFFF) == 1 << 16 & 0xFFFF or sysv_sum(0x1FFFF) == 1
