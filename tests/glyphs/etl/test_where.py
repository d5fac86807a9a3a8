"""Filters are parsed, never executed; what can't be understood is said."""

import contextlib
from typing import Any

import numpy as np
import pytest

from core.errors import DataError
from core.glyphs.etl.where import LONGEST, Where

NAMES = ("age", "sex", "name", "eval_image")


def masked(values: list[Any]) -> "np.ma.MaskedArray[Any, Any]":
    filling = "" if any(isinstance(value, str) for value in values) else 0
    filled = [filling if value is None else value for value in values]
    return np.ma.masked_array(np.array(filled), mask=[value is None for value in values])


def chosen(text: str, **columns: list[Any]) -> list[bool]:
    arrays = {name: masked(values) for name, values in columns.items()}
    rule = Where(text, NAMES)
    kept: list[bool] = rule.chosen(lambda name: arrays[name]).tolist()
    return kept


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("age < 30", [True, False, False]),
        ("age >= 30", [False, True, False]),
        ("not age < 30", [False, True, False]),
        ("age < 30 or age >= 30", [True, True, False]),
        ("age is None", [False, False, True]),
        ("age is not None and age > -5", [True, True, False]),
        ("age in [20, 99]", [True, False, False]),
        ("age in []", [False, False, False]),
        ("age not in {20}", [False, True, False]),
        ("10 < age < 30", [True, False, False]),
        ("30.5 > age", [True, False, False]),
        ("age == age", [True, True, False]),
    ],
)
def test_what_is_chosen(text: str, expected: list[bool]) -> None:
    assert chosen(text, age=[20, 40, None]) == expected


def test_unknown_and_false_is_false_but_unknown_or_true_is_true() -> None:
    assert chosen("not (age > 10 and sex == 1)", age=[None, None], sex=[1, 2]) == [False, True]
    assert chosen("age > 10 or sex == 1", age=[None, None], sex=[1, 2]) == [True, False]


def test_text_is_compared_with_text() -> None:
    assert chosen("name == ' A'", name=[" A", "KA"]) == [True, False]
    assert chosen("name in ('KA', 'KI')", name=[" A", "KA"]) == [False, True]
    with pytest.raises(DataError, match="wrong kind"):
        chosen("name > 3", name=["A", "B"])
    with pytest.raises(DataError, match="wrong kind"):
        chosen("age == 'old'", age=[1, 2])


@pytest.mark.parametrize(
    "text",
    ["", "age", "age <", "1", "__import__('os')", "age.real > 1", "age + 1 > 2", "(lambda: 1)() == 1", "age[0] == 1",
     "age if sex else 1", "[x for x in (1,)] == 1", "age < f'{1}'", "age == None", "age is 3", "age in sex", "age in 3",
     "age in [[1]]", "1 < 2",
     "age < 30 < 40", "age in [None]", "x := 1", "age == b'1'", "age == 1j", "age == (1, 2)", "not 1", "age < 30; 1",
     "None < age", "(1, 2) == age", "age is None < 3",
     "\x00", "age is (None)is None and", "await age"],
)  # fmt: skip
def test_everything_else_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(DataError) as told:
        Where(text, NAMES)
    assert "\n" not in str(told.value).strip()


def test_a_misspelt_field_names_the_nearest() -> None:
    with pytest.raises(DataError, match="did you mean 'eval_image'"):
        Where("eval_imag == 0", NAMES)
    with pytest.raises(DataError, match="there are: age"):
        Where("zzzzzz == 0", NAMES)


@pytest.mark.parametrize(
    "text", ["(" * 500 + "age", "not " * 240 + "age < 1", "a" * (LONGEST + 1), "-" * 900 + "1 < age"]
)
def test_depth_and_length_are_bounded(text: str) -> None:
    with contextlib.suppress(DataError):  # a refusal is right, a traceback is not
        Where(text, NAMES)
