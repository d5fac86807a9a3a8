"""Curves on screens: averaged over the full data first, decimated after; and what lines of a log become."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rundir import Home
from etlgan_tui.console import ConsoleTail, fold
from etlgan_tui.feed import UsageFeed
from etlgan_tui.query import parse
from etlgan_tui.series import BLOCK, Column, envelope
from etlgan_tui.settings import Settings, load, path, save
from etlgan_tui.widgets.braille import DASHES, MARKS, Scale, bits, nice_ticks
from tui.conftest import make_run, use


def column(values: np.ndarray, *, cut: int = 1000) -> Column:
    made = Column()
    for start in range(0, len(values), cut):
        made.extend(values[start : start + cut])
    return made


@pytest.mark.parametrize("count", [3 * BLOCK, 100 * BLOCK + 7, 400 * BLOCK])
def test_decimation_keeps_every_spike(count: int) -> None:
    values = np.zeros(count)
    values[[5, count // 2, count // 2 + BLOCK]] = [7.0, -9.0, 4.0]
    found = envelope(np.arange(count, dtype=float), column(values), view=(0, count - 1), width=200)
    assert (np.nanmax(found.high), np.nanmin(found.low)) == (7.0, -9.0)


def test_smoothing_comes_before_decimation() -> None:
    rng = np.random.default_rng(0)
    count, reach = 50_000, 500
    values = np.linspace(2, 1, count) + rng.normal(size=count)
    x = np.arange(count, dtype=float)
    found = envelope(x, column(values), view=(0, count - 1), width=100, smoothing=reach / count)
    kernel = np.ones(2 * reach + 1) / (2 * reach + 1)
    whole = np.convolve(values, kernel, mode="same")
    middle = ((np.arange(100) + 0.5) * count / 100).astype(int)[5:-5]
    assert np.abs(found.low[5:-5] - whole[middle]).max() < 0.02


def test_gaps_stay_gaps() -> None:
    values = np.ones(2000)
    values[500:1500] = np.nan
    found = envelope(np.arange(2000.0), column(values), view=(0, 1999), width=100)
    assert np.isnan(found.low[30:70]).all()
    assert np.isfinite(found.low[:20]).all()
    few = envelope(np.arange(4.0), column(np.array([1, np.nan, 3, 4])), view=(0, 3), width=40)
    assert np.isnan(few.low[1:25]).all()
    assert np.isfinite(few.low[27:]).all()


ANY_FLOAT = st.floats(allow_nan=True, allow_infinity=True, width=32)


@given(st.lists(ANY_FLOAT, max_size=60), st.booleans(), st.integers(1, 40))
def test_any_values_can_be_drawn(values: list[float], log: bool, width: int) -> None:
    x = np.arange(len(values), dtype=float)
    found = envelope(x, column(np.array(values, dtype=float)), view=(0.0, max(len(values) - 1.0, 1.0)), width=2 * width)
    with np.errstate(all="ignore"):
        scale = Scale.over([found], log=log)
    if scale is not None:
        picture = bits(found, scale, height=5)
        assert picture.shape == (5, width)
        assert picture.any()
        assert len(scale.ticks(3)) <= 20


def test_ticks_are_round_and_inside() -> None:
    assert [text for _, text in nice_ticks(0.0, 1.0, 4)] == ["0.0", "0.5", "1.0"]
    assert all(1234 <= value <= 98765 for value, _ in nice_ticks(1234, 98765, 5))
    assert nice_ticks(1, 1, 5) == []


def test_curves_differ_without_colour() -> None:
    assert len(set(DASHES)) == len(DASHES) == len(MARKS) == len(set(MARKS))


def test_escapes_controls_and_overwritten_text_are_gone() -> None:
    assert fold("\x1b[1;31mred\x1b[0m\x1b]8;;http://x\x07link\x1b]8;;\x1b\\") == "redlink"
    assert fold(" 10 %\r 50 %\r100 %\r") == "100 %"
    assert fold("a\0b\x08\u202ec") == "abc"
    assert fold("a\tb") == "a   b"
    assert len(fold("x" * 10_000_000)) == 2001


def test_a_log_is_followed_through_torn_lines_truncation_and_growth(tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    tail = ConsoleTail(log)
    assert tail.read() == []
    log.write_bytes("一行\n二".encode()[:-1])
    assert tail.read() == ["一行"]
    with log.open("ab") as file:
        file.write("二".encode()[-1:] + b"\n")
    assert tail.read() == ["二"]
    log.write_text("new\n")
    assert tail.read() == ["new"]
    with log.open("a") as file:
        file.write("x" * 9_000_000 + "\nlast\n")
    lines = tail.read()
    assert lines[-1] == "last"
    assert len(lines[0]) < 9_000_000


def test_filter_words() -> None:
    found = parse("tag:x  some state:RUN text recipe:etl")
    assert (found.text, found.tag, found.state, found.recipe) == ("some text", "x", "running", "etl")
    assert parse("").narrows is False
    assert "is none of" in parse("state:zzz").problem
    assert parse("a:b").text == "a:b"


def test_settings_survive_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    save(Settings(log=True, order="d"))
    assert load() == Settings(log=True, order="d")
    path().write_text('{"log": "perhaps"}')
    assert load() == Settings()
    monkeypatch.setenv("XDG_CONFIG_HOME", "/proc/nowhere")
    save(Settings())


def test_a_usage_file_that_was_replaced_is_read_anew_and_stays(home: Home) -> None:
    run = make_run(home, 1)
    use(run)
    feed = UsageFeed(run)
    assert len(feed.read().step.values) == 20
    lines = run.usage.read_bytes().splitlines(keepends=True)
    other = run.path / "other"
    other.write_bytes(b"".join(lines[:7]))
    other.replace(run.usage)  # as rsync does
    assert len(feed.read().step.values) == 7
    with run.usage.open("ab") as file:
        file.writelines(lines[7:9])
    assert len(feed.read().step.values) == 9
