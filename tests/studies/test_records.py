"""Benchmark records: kept, read back, compared."""

from pathlib import Path
from typing import Any

import pytest

from core.errors import ConfigError
from core.figures.bars import bars
from core.studies import ceilings, records


def figures(median: float) -> dict[str, Any]:
    """What `bench train --json` says, shortened."""
    speed = {"name": "xs", "median": median, "lowest": median - 10, "highest": median + 10, "ratio": 5.0}
    return {"train": {"speeds": [speed]}}


BEFORE, AFTER = figures(100.0), figures(150.0) | {"cli": []}


def test_a_record_says_on_what_it_was_measured(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    records.record(path, BEFORE)
    tree = records.read(path)
    assert tree["figures"] == BEFORE
    assert tree["machine"]["cores"] > 0
    assert "torch" in tree["machine"]["versions"]
    assert "host" not in tree["machine"]


def test_figures_are_paired_by_name_and_ranges_looked_at(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.json", "b.json")]
    for path, figures in zip(paths, (BEFORE, AFTER), strict=True):
        records.record(path, figures)
    changes = records.compared(*map(records.read, paths))
    assert [(c.name, c.before, c.after, c.overlap) for c in changes] == [
        ("train · speeds · xs · median", 100.0, 150.0, False),
        ("train · speeds · xs · ratio", 5.0, 5.0, None),
    ]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 9, "figures": {}}', '{"version": 1, "figures": 3}'])
def test_what_is_no_record_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match="is no record"):
        records.read(path)
    with pytest.raises(ConfigError, match="No such file"):
        records.read(tmp_path / "none.json")


def test_ceilings_are_speeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ceilings, "SIDE", {"cpu": 128})
    monkeypatch.setattr(ceilings, "COPIED", {"cpu": 1 << 20})
    top = ceilings.measure("cpu", "fp32")
    assert 1e8 < top.products < 1e14
    assert 1e8 < top.memory < 1e13


def test_bars_are_a_picture() -> None:
    drawn = bars(["xs", "s"], {"images/s": [600.0, 300.0], "memory": [100.0, 200.0]})
    assert drawn.startswith(b"\x89PNG")
