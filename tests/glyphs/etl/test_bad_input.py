"""What goes wrong in practice: one clear message with file and record, and what is usable goes on being used."""

import os
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest

from core.errors import DataError
from core.glyphs.etl.errors import EtlFormatError
from core.glyphs.etl.reader import open_etl
from core.glyphs.etl.verify import verify
from glyphs.etl_bytes import groups_of, records_of, small_file, write_records

HTML = b"<!DOCTYPE html><html><body>Session expired</body></html>"


def told(path: Path) -> str:
    """The message for data in which nothing can be used."""
    with pytest.raises(DataError) as error:
        open_etl([path])
    assert str(error.value).isprintable()
    return str(error.value)


def zipped(folder: Path, name: str = "ETL9G.zip", method: int = zipfile.ZIP_DEFLATED) -> Path:
    raw = records_of("ETL9G", [0x2422, 0x2424, 0x2426], seed=1).tobytes()
    path = folder / name
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("ETL9G/ETL9G_01", raw)
    return path


def test_a_cut_file_is_used_up_to_its_last_whole_record(tmp_path: Path) -> None:
    path = small_file(tmp_path, "ETL9G_01", "あい")
    path.write_bytes(path.read_bytes()[:-100])
    etl = open_etl([path])
    assert etl.counts() == {"あ": 2, "い": 1}
    assert "record 3" in str(etl.problems[0])
    assert "8099 bytes more" in str(etl.problems[0])
    with pytest.raises(EtlFormatError, match=r"ETL9G_01.*strict"):
        open_etl([path], strict=True)


def test_less_than_one_record(tmp_path: Path) -> None:
    (tmp_path / "ETL9G_01").write_bytes(b"12")
    assert "2 bytes are not one 8199-byte record" in told(tmp_path)
    (tmp_path / "ETL9G_01").write_bytes(b"")
    assert "0 bytes" in told(tmp_path)


def test_no_such_path_and_nothing_in_the_folder(tmp_path: Path) -> None:
    assert "no such file" in told(tmp_path / "ETL9G")
    assert "no ETL file found" in told(tmp_path)


def test_an_unknown_code_is_told_once_a_file_with_its_first_record(tmp_path: Path) -> None:
    write_records(tmp_path / "ETL9G_01", records_of("ETL9G", [0x2422, 0x2424, 0, 0xFFFF, 0]))
    etl = open_etl([tmp_path])
    assert etl.counts() == {"あ": 1, "い": 1}
    (problem,) = (problem for problem in etl.problems if "no character" in problem.message)
    assert problem.record == 2
    assert "3 of 5 codes" in problem.message
    assert "is it really ETL9G?" in problem.message


def test_a_web_page_instead_of_data(tmp_path: Path) -> None:
    (tmp_path / "ETL9G.zip").write_bytes(HTML)
    assert "is a web page" in told(tmp_path)
    (tmp_path / "ETL9G.zip").unlink()
    (tmp_path / "ETL9G_01").write_bytes(HTML * 200)
    assert "is a web page" in told(tmp_path)


def test_a_zip_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "ETL9G.zip").write_bytes(os.urandom(5000))
    assert "not a zip" in told(tmp_path)


def test_a_cut_zip(tmp_path: Path) -> None:
    path = zipped(tmp_path)
    path.write_bytes(path.read_bytes()[:-200])
    assert "damaged or cut off" in told(path)


def test_a_zip_with_damaged_content_is_left_out_as_a_whole(tmp_path: Path) -> None:
    raw = bytearray(zipped(tmp_path).read_bytes())
    raw[5000] ^= 0xFF
    (tmp_path / "ETL9G.zip").write_bytes(raw)
    small_file(tmp_path, "ETL8G_01", "う")
    etl = open_etl([tmp_path])
    assert etl.counts() == {"う": 2}, "the good file is used"
    assert any("damaged" in str(problem) for problem in etl.problems)
    assert [row.status for row in verify(etl.files)] == ["differs", "differs"]


def test_a_stored_zip_with_a_wrong_checksum(tmp_path: Path) -> None:
    path = zipped(tmp_path, method=zipfile.ZIP_STORED)
    raw = bytearray(path.read_bytes())
    raw[5000] ^= 0xFF
    path.write_bytes(raw)
    rows = list(verify(open_etl([path]).files))
    assert rows[0].status == "differs"
    assert "damaged" in rows[0].message


def test_an_encrypted_zip(tmp_path: Path) -> None:
    raw = bytearray(zipped(tmp_path).read_bytes())
    raw[6] |= 1
    raw[raw.rindex(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "ETL9G.zip").write_bytes(raw)
    assert "encrypted" in told(tmp_path)


@pytest.mark.parametrize("name", ["../ETL9G_01", "/etc/ETL9G_01", "a/../../ETL9G_01", "..\\ETL9G_01"])
def test_names_that_lead_out_of_the_archive(tmp_path: Path, name: str) -> None:
    inside = tmp_path / "in"
    inside.mkdir()
    with zipfile.ZipFile(inside / "ETL9G.zip", "w") as archive:
        archive.writestr(name, records_of("ETL9G", [0x2422]).tobytes())
    assert "leads out of the archive" in told(inside)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]


def test_an_absurd_ratio(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "ETL9G.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ETL9G_01", bytes(8199 * 2000))
    assert "claim to unpack" in told(tmp_path)


def test_a_size_that_lies(tmp_path: Path) -> None:
    """The directory claims more bytes than the stream has."""
    raw = bytearray(zipped(tmp_path).read_bytes())
    for signature, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = raw.index(signature) + place
        raw[start : start + 4] = struct.pack("<I", 8199 * 40)
    (tmp_path / "ETL9G.zip").write_bytes(raw)
    etl = open_etl([tmp_path])
    assert etl.counts() == {}
    assert any("left out" in str(problem) for problem in etl.problems)


def test_an_empty_zip_and_one_without_etl(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w"):
        pass
    assert "the zip is empty" in told(tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert "no ETL file found" in told(tmp_path / "b.zip")


def test_unix_compressed_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "ETL1C_01.Z").write_bytes(b"\x1f\x9d" + bytes(100))
    assert "is compressed" in told(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path: Path) -> None:
    path = small_file(tmp_path, "ETL9G_01", "あ")
    small_file(tmp_path, "ETL9G_02", "い")
    path.chmod(0)
    etl = open_etl([tmp_path])
    assert etl.counts() == {"い": 2}
    assert "no permission" in str(etl.problems[0])


def test_no_permission_as_the_system_tells_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_file(tmp_path, "ETL9G_01", "あ")
    small_file(tmp_path, "ETL9G_02", "い")
    original = Path.open

    def refusing(self: Path, mode: str = "r") -> IO[Any]:
        if self.name == "ETL9G_01":
            raise PermissionError(13, "Permission denied", str(self))
        return original(self, mode)

    monkeypatch.setattr(Path, "open", refusing)
    etl = open_etl([tmp_path])
    assert etl.counts() == {"い": 2}
    assert "no permission to read it" in str(etl.problems[0])


def test_a_link_that_leads_nowhere_and_one_in_a_circle(tmp_path: Path) -> None:
    small_file(tmp_path, "ETL9G_01", "あ")
    (tmp_path / "ETL9G_02").symlink_to(tmp_path / "gone")
    (tmp_path / "circle").symlink_to(tmp_path)
    etl = open_etl([tmp_path])
    assert etl.counts() == {"あ": 2}
    assert any("no such file" in str(problem) for problem in etl.problems)


def test_a_file_that_shrinks_while_it_is_open(tmp_path: Path) -> None:
    path = small_file(tmp_path, "ETL9G_01", "あい")
    etl = open_etl([path])
    chosen = etl.select("あい")
    path.write_bytes(path.read_bytes()[:8199])
    assert list(etl.read(chosen)) == []
    assert any("size changed" in str(problem) for problem in etl.problems)


class TestFuzz:
    """Random damage: a result or a clear message, never anything else, and quickly."""

    def use(self, path: Path) -> None:
        try:
            etl = open_etl([path])
            for batch in etl.read(etl.select(where="age < 30 or age is None")):
                assert batch.images.shape[0] == len(batch.labels)
                assert len(groups_of(batch)) == len(batch.labels)
            list(verify(etl.files))
        except DataError as error:
            message = str(error)
        else:
            message = "".join(map(str, etl.problems))
        assert message.isprintable()

    @pytest.mark.parametrize("name", ["ETL1C_07", "ETL2_1", "ETL4C", "ETL8B2C1", "ETL9B_1", "ETL8G_01", "ETL9G_01"])
    def test_random_bytes_under_any_name(self, tmp_path: Path, name: str) -> None:
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        for _ in range(60):
            (tmp_path / name).write_bytes(rng.bytes(int(rng.integers(0, 30_000))))
            self.use(tmp_path)

    def test_bit_flips_and_cuts_in_a_zip(self, tmp_path: Path) -> None:
        rng = np.random.default_rng(11)
        path = tmp_path / "ETL9B.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("ETL9B/ETL9B_1", bytes(576) + records_of("ETL9B", [0x2422, 0x2424]).tobytes())
            archive.writestr("ETL9B/ETL9INFO", "text")
        good = path.read_bytes()
        headers = [place for sign in (b"PK\x01\x02", b"PK\x05\x06", b"PK\x03\x04") for place in [good.index(sign)]]
        for turn in range(1500):
            raw = bytearray(good)
            near = int(rng.choice(headers)) if turn % 2 else 0
            for _ in range(int(rng.integers(1, 6))):
                place = min(len(raw) - 1, near + int(rng.integers(0, 60 if turn % 2 else len(raw))))
                raw[place] = int(rng.integers(0, 256))
            path.write_bytes(raw[: int(rng.integers(0, len(raw)))] if turn % 5 == 0 else raw)
            self.use(path)
