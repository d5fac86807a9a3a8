"""`etlgan run --data ...` with the real trainer: a few steps on each kind of source, from files to pictures."""

import json
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from glyphs.etl_bytes import write_handwriting
from glyphs.sets.test_arrays import write_mnist
from PIL import Image

from core import config
from core.events import Finished, Started, decode
from core.rundir import Home, RunDir, read_json
from core.runs.find import find

Start = Callable[..., subprocess.Popen[str]]

FEW = ("--set", "train.steps=3", "--set", "train.batch_size=8", "--set", "train.device=cpu", "--set",
       "train.threads=1", "--set", "train.precision=fp32", "--set", "model.noise=8")  # fmt: skip


@pytest.fixture
def trained(process: Start, home: Home) -> Callable[..., tuple[RunDir, str]]:
    """Run to the end; the run, and what was said."""

    def train(*arguments: str) -> tuple[RunDir, str]:
        child = process("run", *arguments, *FEW, ETLGAN_TRAINER="core.trainer")
        out, err = child.communicate(timeout=120)
        assert child.returncode == 0, out + err
        return find(home, "last"), err

    return train


def test_hiragana_from_etl_files_without_special_steps(
    trained: Callable[..., tuple[RunDir, str]], tmp_path: Path, process: Start
) -> None:
    """All 46, from synthetic files of the full format, far fewer images than the preset asks for."""
    write_handwriting(tmp_path / "ETL9G", "ETL9G", "".join(hiragana()), writers=4, files=2)
    run, err = trained("hiragana", "--data", f"etl:{tmp_path / 'ETL9G'}")
    events = [decode(line) for line in run.events.read_bytes().splitlines()]
    assert isinstance(events[-1], Finished)
    started = next(event for event in events if isinstance(event, Started))
    assert started.classes == 46
    assert "ETL9G_01: holds 184 records, as published 12,144" in err
    assert "fewer images of 46 of 46 characters" in run.console.read_text()
    resolved = read_json(run.env)["resolved"]
    assert (resolved["data"], resolved["data_source"]) == (started.data, "ETL9G (2 files)")
    assert Image.open(run.grid).size > (46, 46)
    listed, _ = process("data", "cache", "--json").communicate(timeout=60)
    (made,) = json.loads(listed)["sets"]
    assert (made["fingerprint"], made["characters"], made["images"]) == (started.data, 46, 46 * 8)


def hiragana() -> tuple[str, ...]:
    from core.glyphs import repertoire

    return repertoire.characters("hiragana")


def test_a_zip_with_a_filter_that_the_run_records(trained: Callable[..., tuple[RunDir, str]], tmp_path: Path) -> None:
    write_handwriting(tmp_path / "ETL8G", "ETL8G", "あい", writers=6, files=2)
    with zipfile.ZipFile(tmp_path / "mine.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in (tmp_path / "ETL8G").iterdir():
            archive.write(path, f"ETL8G/ETL8G/{path.name}")
    run, _ = trained(
        "--data", str(tmp_path / "mine.zip"), "--chars", "あい", "--set", "data.where=sheet != 2",
        "--set", "data.prepare=paper+fragments+crop", "--set", "data.held_out=0",
    )  # fmt: skip
    data = config.decode(run.config.read_bytes()).data
    assert (data.where, data.prepare) == ("sheet != 2", "paper+fragments+crop")
    assert "あ (10 + 0)" in run.console.read_text(), "a sixth is left out"


def test_digits_from_idx_files(trained: Callable[..., tuple[RunDir, str]], tmp_path: Path) -> None:
    write_mnist(tmp_path)
    run, told = trained("digits", "--data", f"mnist:{tmp_path}")
    assert run.grid.exists()
    assert "0 (3 + 3)" in told, "fewer images than asked for: who trains is told"
    assert "0 (3 + 3)" in run.console.read_text(), "its own split is kept"


def test_the_embedded_pen_as_a_scanner_saw_it(trained: Callable[..., tuple[RunDir, str]]) -> None:
    few = ("--set", "data.per_char=8", "--set", "data.held_out=2")
    run, _ = trained("--data", "penman", "--chars", "あい", "--set", "data.style=scanned", *few)
    assert read_json(run.env)["resolved"]["data_source"] == "penman (scanned, embedded)"
