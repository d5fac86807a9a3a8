"""Romaji as it is typed, letter by letter."""

import pytest

from etlgan_tui.romaji import Script, finished, typed, usual_script


def one_by_one(letters: str, script: Script = "hiragana") -> str:
    text = ""
    for letter in letters:
        text = typed(text + letter, script)
    return text


@pytest.mark.parametrize(
    ("letters", "kana"),
    [
        ("ka", "か"), ("shi", "し"), ("si", "し"), ("tsu", "つ"), ("fu", "ふ"), ("wo", "を"), ("KA", "か"),
        ("kyou", "きょう"), ("kippu", "きっぷ"), ("matcha", "まっちゃ"), ("xtu", "っ"), ("ra-men", "らーめn"),
        ("hon", "ほn"), ("honda", "ほんだ"), ("konna", "こんな"), ("konnna", "こんな"), ("kon'i", "こんい"),
        ("konnichiwa", "こんにちわ"), ("hannya", "はんにゃ"), ("nyu", "にゅ"), ("n'", "ん"), ("shin'in", "しんいn"),
        ("k", "k"), ("ky", "ky"), ("kna", "kな"), ("aあ漢1 ka", "ああ漢1 か"), ("-", "-"),
    ],
)  # fmt: skip
def test_syllables(letters: str, kana: str) -> None:
    assert one_by_one(letters) == kana
    assert typed(letters, "hiragana") == kana  # pasted at once it is the same


def test_the_end_finishes_an_n_and_drops_what_is_no_syllable_yet() -> None:
    assert finished("ほn", "hiragana") == "ほん"
    assert finished("こnn", "hiragana") == "こん"
    assert finished("かky", "hiragana") == "か"
    assert finished("kかあ", "hiragana") == "kかあ"
    assert finished("", "hiragana") == ""


def test_katakana_and_none() -> None:
    assert one_by_one("ra-men", "katakana") == "ラーメn"
    assert finished("ラーメn", "katakana") == "ラーメン"
    assert one_by_one("ka", "off") == finished("ka", "off") == "ka"


@pytest.mark.parametrize(
    ("known", "script"), [("あか", "hiragana"), ("アカ", "katakana"), ("あa", "off"), ("一右", "off"), ("019", "off")]
)
def test_letters_become_what_the_run_knows(known: str, script: Script) -> None:
    assert usual_script(frozenset(known)) == script
