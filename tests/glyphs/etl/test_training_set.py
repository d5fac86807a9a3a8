"""From ETL files to what a run trains on: the same from a folder and from a zip, no writer on two sides."""

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from core.glyphs import glyphset
from core.settings import DataConfig
from glyphs.etl_bytes import write_handwriting

CHARACTERS = "あいうえお"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ETLGAN_CACHE", str(tmp_path / "cache"))
    made = tmp_path / "ETL9G"
    write_handwriting(made, "ETL9G", CHARACTERS, writers=15, files=2)
    return made


def data(source: str, **more: int) -> DataConfig:
    return DataConfig(source=source, chars=CHARACTERS, size=32, **{"per_char": 20, "held_out": 4, **more})  # type: ignore[arg-type]


def test_a_folder_and_a_zip_give_the_same_prepared_set(folder: Path, tmp_path: Path) -> None:
    glyphs = glyphset.load(data(f"etl:{folder}"))
    assert glyphs.source == "ETL9G (2 files)"
    assert np.bincount(glyphs.labels[~glyphs.held_out]).tolist() == [20] * 5
    assert np.bincount(glyphs.labels[glyphs.held_out]).tolist() == [4] * 5
    assert not set(glyphs.groups[glyphs.held_out]) & set(glyphs.groups[~glyphs.held_out])
    ink = glyphs.images[:] > 127
    assert (ink.any(2).sum(1) > 10).all(), "cut out of its cell, a character fills its square"
    assert ink[:, 0].mean() < 0.02
    assert ink[:, :, 0].mean() < 0.02
    with zipfile.ZipFile(tmp_path / "ETL9G.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in folder.iterdir():
            archive.write(path, f"ETL9G/{path.name}")
    zipped = glyphset.load(data(str(tmp_path / "ETL9G.zip")))
    np.testing.assert_array_equal(zipped.images, glyphs.images)
    np.testing.assert_array_equal(zipped.groups, glyphs.groups)


def test_the_command_that_writes_synthetic_files(tmp_path: Path) -> None:
    script = Path(__file__).parent.parent / "etl_bytes.py"
    command = [sys.executable, str(script), str(tmp_path), "--files", "1", "--writers", "2", "--chars", "あい"]
    subprocess.run(command, check=True)
    assert (tmp_path / "ETL9G_01").stat().st_size == 4 * 8199
