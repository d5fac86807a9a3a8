"""What `--data` may say."""

from pathlib import Path

import pytest

from core.glyphs.sets.spec import absolute, parse


def test_kinds_and_paths() -> None:
    assert parse("etl:a") == ("etl", [Path("a")])
    assert parse("etl:a,b/c") == ("etl", [Path("a"), Path("b/c")])
    assert parse("a,b") == ("", [Path("a"), Path("b")])
    assert parse("odd:a") == ("", [Path("odd:a")])
    assert parse("etl:,") == ("etl", [Path(",")])


def test_paths_are_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scans").mkdir()
    (tmp_path / "odd:name").mkdir()
    monkeypatch.chdir(tmp_path)
    assert absolute("etl:scans") == f"etl:{tmp_path}/scans"
    assert absolute("etl:scans,/b") == f"etl:{tmp_path}/scans,/b"
    assert absolute("scans") == f"{tmp_path}/scans"
    assert absolute("odd:name") == f"{tmp_path}/odd:name"
    assert absolute("penman") == "penman"
    assert absolute("scans,nowhere") == "scans,nowhere"
