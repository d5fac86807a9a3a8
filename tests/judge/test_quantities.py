"""Targets, warnings, and the one number that ranks checkpoints."""

import pytest

from core.judge.quantities import QUANTITIES, is_kanji, overall, quantities, warnings, written

BY_NAME = {quantity.name: quantity for quantity in QUANTITIES}
REAL = {"gan_test": 0.99}


@pytest.mark.parametrize(
    ("name", "value", "met"),
    [
        ("gan_train_gap", 0.009, True),
        ("gan_train_gap", 0.011, False),
        ("gan_test", 0.985, True),
        ("gan_test", 0.984, False),
        ("spread", 1.0, True),
        ("spread", 1.2, False),
        ("spread", 0.8, False),
        ("coverage_ratio", 0.9, True),
        ("memorised", 0.03, False),
        ("fcd", 7.0, None),
        ("memorised", float("nan"), None),
        ("memorised", None, None),
    ],
)
def test_targets(name: str, value: float | None, met: bool | None) -> None:
    assert BY_NAME[name].met(value, 0.99) is met


def test_names_are_unique_and_targets_are_written_with_their_units() -> None:
    assert len(BY_NAME) == len(QUANTITIES)
    goals = {q.name: q.goal() for q in QUANTITIES}
    assert goals["gan_train_gap"] == "≤ 1 points"
    assert goals["memorised"] == "≤ 2 %"
    assert goals["spread"] == "0.9 to 1.1"
    assert goals["fcd_ratio"] == "≤ 3x"
    assert goals["density"] == ""
    assert written("share", 0.12345) == "12.35 %"
    assert written("plain", None) == "-"


def test_kanji_have_more_room_in_row_1() -> None:
    assert is_kanji(("一", "右", "あ"))
    assert not is_kanji(("あ", "い"))
    gap = next(q for q in quantities(kanji=True) if q.name == "gan_train_gap")
    assert gap.met(0.02, None) is True


def test_a_collapsed_generator_is_warned_of_and_ranks_below_an_imperfect_one() -> None:
    collapsed = {"gan_test": 1.0, "spread": 0.2, "coverage_ratio": 0.3}
    imperfect = {"gan_test": 0.97, "spread": 0.97, "coverage_ratio": 0.95}
    assert overall(imperfect, REAL) > 0.85 > 0.1 > overall(collapsed, REAL)
    assert overall({"gan_test": 1.0, "spread": 1.3, "coverage_ratio": 1.0}, REAL) == 1.0
    (told,) = warnings(collapsed, REAL, {})
    assert told.startswith("low diversity")
    assert warnings(imperfect, REAL, {}) == []
    assert warnings({"gan_test": 1.0, "spread": 1.0, "coverage_ratio": 1.0}, REAL, {}) == [], (
        "good is no reason to warn"
    )


def test_copies_and_weak_classes_are_told() -> None:
    told = warnings({"gan_test": 0.99, "memorised": 0.5}, REAL, {"ん": 3})
    assert [line.split(":")[0] for line in told] == ["copies", "few held-out images of ん (3)"]
