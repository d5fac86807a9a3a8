"""One known character of each codec, and every quirk that the database is known for."""

from pathlib import Path

import pytest

from core.glyphs.etl.charsets import co_59, jis_x_0201, jis_x_0208, jis_x_0208_code, parse_co59, read_co59
from core.glyphs.etl.datasets import DATA_SETS
from core.glyphs.etl.errors import EtlFormatError
from core.glyphs.etl.fields import T56
from core.glyphs.etl.labels import SCRIPT_SHIFT, labels_of
from glyphs.etl_bytes import etl9_codes, kana_codes

TABLE = "亜:4,4\n▲:4,5\nあ:21,47\n"


@pytest.mark.parametrize(
    ("code", "character"),
    [(0x30, "0"), (0x41, "A"), (0xB1, "ア"), (0xDD, "ン"), (0xA6, "ヲ"), (0xA5, "・"), (0xB0, "ー"), (0x5C, "¥"),
     (0x7E, "‾"), (0x20, " "), (0x2E, "."), (0xDE, "゛"), (0xDF, "゜"), (0xA8, "ィ"), (0, None), (0x80, None),
     (0xE0, None)],
)  # fmt: skip
def test_jis_x_0201(code: int, character: str | None) -> None:
    assert jis_x_0201(code) == character


def test_wi_and_we_are_written_with_small_kana_codes() -> None:
    assert [jis_x_0201(code, wi_we=True) for code in (0xA8, 0xAA)] == ["ヰ", "ヱ"]
    assert [jis_x_0201(code, wi_we=True, hiragana=True) for code in (0xA8, 0xAA)] == ["ゐ", "ゑ"]


def test_katakana_codes_of_hiragana_sets() -> None:
    assert [jis_x_0201(code, hiragana=True) for code in (0xB1, 0xDD, 0xDE, 0xDF, 0xA6)] == [
        "あ",
        "ん",
        "゛",
        "゜",
        "を",
    ]
    assert jis_x_0201(0x41, hiragana=True) == "A"


@pytest.mark.parametrize(
    ("name", "key", "label"),
    [
        ("ETL1", 0xA8, "ヰ"),
        ("ETL1", 0xAA, "ヱ"),
        ("ETL6", 0xA8, "ィ"),  # has no ヰ: nothing is known that could stand there
        ("ETL4", T56.index("H") << SCRIPT_SHIFT | 0xB1, "あ"),
        ("ETL4", T56.index("H") << SCRIPT_SHIFT | 0xA8, "ゐ"),
        ("ETL5", T56.index("K") << SCRIPT_SHIFT | 0xB1, "ア"),
        ("ETL5", T56.index("K") << SCRIPT_SHIFT | 0xAA, "ヱ"),
        ("ETL3", T56.index("A") << SCRIPT_SHIFT | 0x41, "A"),
        ("ETL7", 0xB1, "あ"),
        ("ETL7", 0xDE, "゛"),
        ("ETL8G", 0x2422, "あ"),
        ("ETL9B", 0x3021, "亜"),
        ("ETL9G", 0x4F53, "腕"),
        ("ETL9G", 0x4F54, None),
    ],
)
def test_what_a_code_means_depends_on_the_data_set(name: str, key: int, label: str | None) -> None:
    assert labels_of(DATA_SETS[name], [key], None) == {key: label}


def test_jis_x_0208_and_back() -> None:
    assert jis_x_0208(0x2422) == "あ"
    assert jis_x_0208(0x2121 - 1) is None
    assert jis_x_0208(0xFFFF) is None
    assert jis_x_0208_code("あ") == 0x2422
    assert jis_x_0208_code("A") is None
    assert jis_x_0208_code("ｱ") is None
    assert jis_x_0208_code("😀") is None
    for code in etl9_codes():
        character = jis_x_0208(code)
        assert character is not None
        assert len(character) == 1
        assert jis_x_0208_code(character) == code


def test_etl9_has_71_hiragana_and_2965_kanji() -> None:
    codes = etl9_codes()
    assert len(set(codes)) == 3036
    assert sum(code >> 8 == 0x24 for code in codes) == 71


def test_t56_has_64_characters_at_their_values() -> None:
    assert len(T56) == 64
    known = {0: "0", 9: "9", 10: "[", 16: " ", 17: "A", 25: "I", 33: "J", 41: "R", 42: "-", 49: "/", 50: "S", 57: "Z"}
    assert {value: T56[value] for value in known} == known
    assert T56[63] == "!"


def test_co59_with_and_without_the_table() -> None:
    table = parse_co59(TABLE.encode("utf-8"), "t")
    code = 21 << 6 | 47
    assert co_59(code, table) == "あ"
    assert co_59(code, None) == "co59:21,47"
    assert co_59(4 << 6 | 6, table) == "co59:4,6", "a cell that the user's table leaves out keeps a stable label"
    assert co_59(4 << 6 | 5, table) is None, "▲ is no character"
    assert co_59(28 << 6 | 4, table) is None, "outside the code's cells"


@pytest.mark.parametrize("encoding", ["euc_jp", "utf-8", "utf-8-sig"])
def test_the_co59_table_is_read_in_either_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "table"
    path.write_bytes(TABLE.replace("\n", "\r\n").encode(encoding))
    assert read_co59(path) == {(4, 4): "亜", (4, 5): "▲", (21, 47): "あ"}


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "no line"),
        (b"\x81\xff\xfe", "neither"),
        ("あ 4,4".encode(), "line 1"),
        ("亜:4,4\nあ:x,y".encode(), "line 2"),
        (b"a" * (2 << 20), "too long"),
    ],
)
def test_a_wrong_co59_table_says_where(raw: bytes, says: str) -> None:
    with pytest.raises(EtlFormatError, match=says):
        parse_co59(raw, "euc_co59.dat")


def test_hiragana_are_told_by_the_code_not_by_the_reading() -> None:
    assert all(code >> 8 == 0x24 for code in kana_codes("あを"))
    assert kana_codes("開平")[0] >> 8 != 0x24
