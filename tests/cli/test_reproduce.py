"""diff, compare, export-metrics, rerun, bundle and import as typed; the last digit with real training."""

import csv
import io
import json
import time
from pathlib import Path

import msgspec
import pytest
from PIL import Image

from core.events import Scored, Step, encode
from core.history import MEASURED, curves
from core.rundir import Home, read_json, write_json
from core.runs import launcher
from core.runs.find import run_ids
from core.runs.state import state_of

from .conftest import SHORT, Typed, complains

REAL = {
    "data.chars": "あいう", "data.per_char": 20, "data.held_out": 5, "model.noise": 16, "train.steps": 24,
    "train.precision": "fp32", "train.threads": 1, "train.batch_size": 8, "train.device": "cpu",
    "train.report_every": 3, "train.sample_every": 1000, "train.save_every": 20,
}  # fmt: skip


@pytest.fixture
def two(etlgan: Typed, home: Home) -> list[str]:
    etlgan("run", *SHORT, "--name", "one")
    etlgan("run", *SHORT, "--set", "train.lr=0.25", "--name", "あ [red]two")
    return run_ids(home)


def test_diff_shows_only_what_differs(etlgan: Typed, two: list[str]) -> None:
    said = etlgan("diff", "one", two[0])
    assert said.code == 0
    assert "train.lr" in said.out
    assert "0.25" in said.out
    assert "あ [red]two" in said.out
    assert "train.batch_size" not in said.out
    tree = json.loads(etlgan("diff", "one", two[0], "--json").out)
    row = next(each for each in tree["differences"] if each["name"] == "train.lr")
    assert row == {"section": "configuration", "name": "train.lr", "values": ["0.0005", "0.25"]}
    complains(etlgan("diff", "one", "one"), "two or more different runs", code=2)
    complains(etlgan("diff", "one", "nobody"), "no run 'nobody'", code=1)


def test_compare_prints_a_table_and_draws(etlgan: Typed, two: list[str], home: Home, tmp_path: Path) -> None:
    run = home.run(two[0])
    with run.events.open("ab") as file:
        for step, value in ((11, 0.75), (12, 0.5)):
            file.write(encode(Scored(step=step, time=1.0, scores={"as asked": value})))
    Image.new("L", (320, 32), 255).save(run.sample(12))
    card = {"step": 12, "overall": 0.875, "columns": {"generated": {"gan_test": 0.9625, "fcd": "x"}}}
    run.scores.write_text(json.dumps(card))
    said = etlgan("compare", *two, "--out", str(tmp_path / "made" / "for it"))
    assert said.code == 0, said.err
    lines = {line.split("  ")[0]: line for line in said.out.splitlines()}
    assert "0.5" in lines["score: as asked"]
    assert "0.75 at step 11" in lines["best first score"]
    assert lines["score card: overall"].split()[-2:] == ["0.875", "-"]
    assert "0.9625" in lines["score card: gan_test"]
    assert "score card: fcd" not in lines
    with Image.open(tmp_path / "made" / "for it" / "compare-curves.png") as picture:
        assert picture.width > 1000
    assert (tmp_path / "made" / "for it" / "compare-grids.png").exists()
    assert "has no sample grid" in said.err  # of the other one, which drew nothing
    assert len(json.loads(etlgan("compare", *two, "--out", str(tmp_path), "--json").out)["runs"]) == 2
    (tmp_path / "file").touch()
    complains(etlgan("compare", *two, "--out", str(tmp_path / "file")), "not a folder", code=1)


def test_metrics_in_three_formats(etlgan: Typed, two: list[str], home: Home, tmp_path: Path) -> None:
    run = home.run(two[0])
    with run.events.open("ab") as file:
        file.write(encode(Scored(step=12, time=1.0, scores={"=cmd": 0.5})))
    rows = list(csv.DictReader(io.StringIO(etlgan("export-metrics", run.id, "--csv").out)))
    assert [int(row["step"]) for row in rows] == list(range(1, 13))
    assert rows[3]["d"] == "0.25"
    assert rows[3]["info_cat"] == ""
    assert rows[-1]["score.=cmd"] == "0.5"
    lines = [json.loads(line) for line in etlgan("export-metrics", run.id, "--jsonl").out.splitlines()]
    assert set(lines[0]) == {"step", "time", "seconds", *MEASURED, "score.=cmd"}
    assert lines[3]["info_cat"] is None
    assert etlgan("export-metrics", run.id, "--csv", "--out", str(tmp_path / "m.csv")).out == ""
    assert (tmp_path / "m.csv").read_text().count("\n") == 13
    complains(etlgan("export-metrics", run.id), "choose one of", code=2)
    complains(
        etlgan("export-metrics", run.id, "--csv", "--out", "/nowhere/x"), "-o /nowhere/x: there is no folder", code=2
    )


def test_parquet_is_written_or_asks_for_its_extra(
    etlgan: Typed, two: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "m.parquet"
    with monkeypatch.context() as patch:
        patch.setitem(__import__("sys").modules, "pyarrow", None)
        complains(etlgan("export-metrics", two[0], "--parquet", "--out", str(out)), "etlgan[parquet]", code=1)
    parquet = pytest.importorskip("pyarrow.parquet")
    assert etlgan("export-metrics", two[0], "--parquet", "--out", str(out)).code == 0
    table = parquet.read_table(out)
    assert table.column("step").to_pylist() == list(range(1, 13))
    assert table.column("d").to_pylist()[3] == 0.25


def test_bundle_and_import(etlgan: Typed, two: list[str], tmp_path: Path) -> None:
    out, other = tmp_path / "out.zip", str(tmp_path / "other")
    assert etlgan("bundle", two[0], str(out)).code == 0
    complains(etlgan("bundle", two[0], str(out)), "is there already", code=1)
    assert etlgan("import", str(out), "--home", other).out.strip() == two[0]
    assert "あ [red]two" in etlgan("ls", "--home", other).out
    complains(etlgan("import", str(out), "--home", other), "is not replaced", "--as-new", code=1)
    assert etlgan("import", str(out), "--home", other, "--as-new").out.strip() != two[0]
    assert len(etlgan("ls", "--home", other).out.splitlines()) == 3
    complains(etlgan("import", __file__, "--home", other), "refused", code=1)


def test_a_rerun_is_refused_where_the_data_is_another(etlgan: Typed, two: list[str], home: Home) -> None:
    run = home.run(two[0])
    resolved = {"device": "cpu", "precision": "fp32", "threads": 1, "data": "f" * 20}
    write_json(run.env, read_json(run.env) | {"resolved": resolved})
    complains(etlgan("rerun", run.id), "is not what run", "f" * 20, code=1)
    assert len(run_ids(home)) == 2


def test_a_rerun_says_what_has_changed(etlgan: Typed, two: list[str], home: Home) -> None:
    run = home.run(two[0])
    env = read_json(run.env)
    write_json(run.env, env | {"cpu": "another", "code": {"commit": "c" * 40, "sha256": "s"}})
    said = etlgan("rerun", run.id, "--name", "again")
    assert said.code == 0
    for words in ("etlgan's code is another: commit cccccccccccc then", "cpu was another", "not recorded"):
        assert words in said.err.replace("did not record", "not recorded")
    assert f"equal to run {run.id} to the last digit" in said.err
    assert read_json(home.run(run_ids(home)[0]).meta)["parent"] == run.id


@pytest.mark.slow
def test_made_again_and_stopped_on_the_way_training_says_the_same_to_the_last_digit(
    etlgan: Typed, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through the real manager: 2N steps are N, SIGTERM, resume, N; and a rerun is the same run."""
    from core import presets
    from core.gan import checkpoint

    monkeypatch.delenv("ETLGAN_TRAINER")
    config = presets.resolve("", REAL)
    parts = launcher.start(home, config, name="in parts")
    while curves(parts.events).step[-1:].tolist() < [6] and state_of(parts).live:
        time.sleep(0.01)
    launcher.stop(parts, wait=60)
    assert state_of(parts).kind == "stopped", parts.console.read_text()
    said = etlgan("resume", parts.id)
    assert said.code == 0, said.err
    told = curves(parts.events)
    assert told.step.tolist() == list(range(3, 25, 3))
    assert len(told.started) == 2
    assert 0 < told.started[1].step < 24
    said = etlgan("rerun", parts.id, "--name", "whole")  # with the precision and threads that the first resolved
    assert said.code == 0, said.err
    whole = home.run(next(run_id for run_id in run_ids(home) if run_id != parts.id))
    timeless = ("time", "seconds", "images_per_s")
    first, second = (
        [
            {name: value for name, value in msgspec.to_builtins(event).items() if name not in timeless}
            for event in map(msgspec.json.Decoder(Step, strict=False).decode, _reports(run.events))
        ]
        for run in (parts, whole)
    )
    assert first == second
    ours, theirs = (checkpoint.find(run, "last").path.read_bytes() for run in (parts, whole))
    assert ours == theirs
    again = etlgan("rerun", "whole")
    assert f"equal to run {whole.id} to the last digit" in again.err, again.err


def _reports(path: Path) -> list[bytes]:
    return [line for line in path.read_bytes().splitlines() if b'"event":"step"' in line]
