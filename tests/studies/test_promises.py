"""What is promised beside what was measured: what is not kept says so, what nobody measured is left out."""

from typing import Any

import pytest

from core.studies import promises


def measured(**changes: Any) -> dict[str, Any]:
    summary = {"median": 50.0, "highest": 60.0, "wall": 71.25, "sooner_than_classic": 10.5} | changes
    return {"quality-10": {"rows": [], "summary": summary}}


def told(figures: dict[str, Any]) -> dict[str, tuple[str, bool]]:
    return {line.what.strip(): (line.measured, line.kept) for line in promises.lines(figures)}


def test_what_nobody_measured_is_left_out() -> None:
    assert promises.lines({}) == []
    assert list(told(measured()).values()) == [("60 s", True), ("71 s", True), ("10.5x", True)]


def test_what_was_not_reached_is_not_kept() -> None:
    lines = told(measured(median=None, highest=None, wall=None, sooner_than_classic=None))
    assert lines["10 hiragana read 95 % right: training, slowest"] == ("not reached", False)
    assert lines["sooner than classic with labels added"] == ("0.0x", False)
    assert "sooner than classic with labels added" not in told(measured(sooner_than_classic=None)), "nobody tried"
    assert told(measured(highest=90.5))["10 hiragana read 95 % right: training, slowest"] == ("90 s", False)


@pytest.mark.parametrize(
    ("precision", "device", "ratio", "kept"),
    [("bf16", "cpu", 5.9, False), ("fp32", "cpu", 5.9, True), ("bf16", "cuda:0", 5.9, None)],
)
def test_the_script_is_beaten_by_more_where_there_is_bf16(
    precision: str, device: str, ratio: float, kept: bool | None
) -> None:
    speed = {"name": "classic, batch 64", "median": 470.0, "ratio": ratio}
    figures = {"train": {"resolved": {"device": device, "precision": precision}, "speeds": [speed]}}
    assert [line.kept for line in promises.lines(figures)] == ([] if kept is None else [kept])


def test_on_a_gpu_the_script_is_also_met_at_our_own_batch() -> None:
    speeds = [
        {"name": "classic, batch 1024", "median": 400_000.0, "ratio": 35.0},
        {"name": "public script, batch 1024", "median": 50_000.0, "ratio": 4.0},
    ]
    figures = {"train": {"resolved": {"device": "cuda:0", "precision": "bf16"}, "speeds": speeds}}
    lines = told(figures)
    assert lines["classic, batch 1024, GPU"] == ("400,000 images/s", True)
    assert lines["against the public script at batch 1024, GPU"] == ("8.0x", True)
