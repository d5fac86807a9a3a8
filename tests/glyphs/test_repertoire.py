"""Named character sets: counts, order, and what a misspelt name says."""

from __future__ import annotations

import pytest

from core.errors import ConfigError
from core.glyphs.repertoire import NAMES, characters

COUNTS = {
    "digits": 10,
    "hiragana-a-ka": 10,
    "hiragana-sa-ha": 20,
    "hiragana": 46,
    "katakana": 46,
    "kanji-10": 10,
    "hiragana-71": 71,
    "katakana-71": 71,
    "kyoiku": 1026,
    "jis1": 2965,
    "etl8": 956,
    "etl9": 3036,
    "latin": 52,
    "alnum": 62,
}


def jis(character: str) -> int:
    return int.from_bytes(character.encode("euc_jp"), "big") & 0x7F7F


def test_every_set_is_counted() -> None:
    assert set(COUNTS) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_count_without_duplicates(name: str) -> None:
    found = characters(name)
    assert len(found) == COUNTS[name]
    assert len(set(found)) == len(found)
    assert all(len(c) == 1 for c in found)
    assert NAMES[name]


@pytest.mark.parametrize(
    ("name", "begin", "end"),
    [
        ("hiragana-a-ka", "あいうえおかきくけこ", "あいうえおかきくけこ"),
        ("hiragana-sa-ha", "さしすせそた", "はひふへほ"),
        ("hiragana", "あいうえおか", "らりるれろわをん"),
        ("katakana", "アイウエオカ", "ラリルレロワヲン"),
        ("hiragana-71", "あいうえお", "ぱぴぷぺぽ"),
        ("katakana-71", "アイウエオ", "パピプペポ"),
        ("jis1", "亜唖娃阿哀", "湾碗腕"),
        ("etl9", "あいうえおかが", "湾碗腕"),
        ("etl8", "あいうえおかが", "論和話"),
    ],
)
def test_order(name: str, begin: str, end: str) -> None:
    text = "".join(characters(name))
    assert text.startswith(begin)
    assert text.endswith(end)


def test_hiragana_sets_nest() -> None:
    assert characters("hiragana-71")[:46] == characters("hiragana")
    assert characters("hiragana")[:30] == characters("hiragana-a-ka+hiragana-sa-ha")
    assert set("がざだばぱぢづ") <= set(characters("hiragana-71"))


def test_etl8_fills_its_three_files() -> None:
    """ETL8B has 320, 320 and 316 classes a file, and its documentation gives the codes at which a file ends."""
    codes = [jis(c) for c in characters("etl8")]
    assert codes == sorted(codes)
    files = [codes[:320], codes[320:640], codes[640:]]
    assert [(file[0], file[-1]) for file in files] == [(0x2422, 0x384D), (0x384E, 0x4250), (0x4253, 0x4F43)]


def test_etl9_is_hiragana_then_level_1() -> None:
    assert set(characters("etl9")) == {*characters("hiragana-71"), *characters("jis1")}
    assert set(characters("kyoiku")) < set(characters("jis1"))


def test_kyoiku_has_what_2020_added() -> None:
    assert set("茨媛岡潟岐熊香佐埼崎滋鹿縄井沖栃奈梨阪阜") < set(characters("kyoiku"))


def test_union_keeps_order_and_drops_duplicates() -> None:
    assert characters("hiragana-a-ka+hiragana")[:12] == tuple("あいうえおかきくけこさし")
    assert len(characters("hiragana+digits+hiragana")) == 56


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("あいうえお", "あいうえお"),
        ("かあか", "かあ"),
        ("あ い", "あい"),
        ("ABC", "ABC"),
        ("7", "7"),
        ("a+b+digits", "ab0123456789"),
        ("か\u3099は\u309aか", "がぱか"),
    ],
)
def test_literal(spec: str, expected: str) -> None:
    assert characters(spec) == tuple(expected)


@pytest.mark.parametrize(
    ("spec", "nearest"),
    [("hiragna", "hiragana"), ("kanji10", "kanji-10"), ("HIRAGANA", "hiragana"), ("digits+katakna", "katakana")],
)
def test_misspelt_name_says_the_nearest(spec: str, nearest: str) -> None:
    with pytest.raises(ConfigError, match=f"did you mean '{nearest}'"):
        characters(spec)


@pytest.mark.parametrize("spec", ["", "   ", "hiragana+", "+", "\u3000"])
def test_nothing_asked_for(spec: str) -> None:
    with pytest.raises(ConfigError):
        characters(spec)
