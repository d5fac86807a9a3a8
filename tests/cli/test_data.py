"""`etlgan data`: what is said, what is written, what is refused."""

import csv
import json
import os
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from glyphs.etl_bytes import records_of, write_handwriting, write_records
from PIL import Image

from core.glyphs.cells import score
from core.glyphs.etl import bench, datasets
from core.glyphs.etl.datasets import DATA_SETS, KnownFile
from core.glyphs.etl.verify import checksums
from core.rundir import Home

from .conftest import PROGRAM, SHORT, Typed, complains

HTML = b"<!DOCTYPE html><html><body>Session expired</body></html>"


@pytest.fixture
def etl(tmp_path: Path) -> Path:
    """12 writers in two files, three characters each."""
    write_handwriting(tmp_path / "ETL9G", "ETL9G", "あいう", writers=6, files=2)
    return tmp_path / "ETL9G"


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small file that the table knows."""
    path = tmp_path / "ETL4C"
    write_records(path, records_of("ETL4", [0xB1] * 5))
    sysv, bsd, size = checksums([path.read_bytes()], bsd=True)
    known = KnownFile("ETL4C", DATA_SETS["ETL4"], 1, size // 2952, None, bsd, sysv)
    table = {**datasets.known_files(), "ETL4C": known}
    for module in ("datasets", "verify"):
        monkeypatch.setattr(f"core.glyphs.etl.{module}.known_files", lambda: table)
    return path


def test_show_says_sets_and_counts_and_draws_a_sheet(etl: Path, tmp_path: Path, etlgan: Typed) -> None:
    out = tmp_path / "sheet.png"
    said = etlgan("data", "show", f"etl:{etl}", "--columns", "4", "-o", str(out))
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0] == "ETL9G (2 files)"
    assert lines[2].split() == ["ETL9G", "2", "of", "50", "36", "0", "128", "x", "127,", "4", "bit", "name", "kanji",
                                "and", "hiragana,", "grey"]  # fmt: skip
    assert "ETL9G_03" in lines[3]
    assert lines[4:] == ["3 characters, 36 images; 12 of each", "あ  い  う", str(out)]
    assert "ETL9G_01: holds 18 records, as published 12,144" in said.err
    pixels = np.asarray(Image.open(out))
    assert pixels.ndim == 2
    assert pixels.shape[1] > 4 * 64
    assert pixels.mean() > 200, "dark ink on light"


def test_show_of_chosen_characters_and_records(etl: Path, tmp_path: Path, etlgan: Typed) -> None:
    out = str(tmp_path / "a.png")
    said = etlgan("data", "show", str(etl), "--chars", "いろう", "--where", "sheet < 3", "--json", "-o", out)
    told = json.loads(said.out)
    assert told["counts"] == {"い": 4, "う": 4}
    assert (told["sets"][0]["data_set"], told["picture"]) == ("ETL9G", out)
    assert len(told["problems"]) == 2
    assert "no image of 1 of 3: ろ" in said.err


def test_before_and_after_has_a_column_for_each_step(etl: Path, tmp_path: Path, etlgan: Typed) -> None:
    drawn = []
    for steps in ("all", "paper+crop", "none"):
        out = tmp_path / f"{steps}.png"
        said = etlgan("data", "show", str(etl), "--before-after", "--set", f"data.prepare={steps}", "-o", str(out))
        assert said.code == 0, said.err
        drawn.append(Image.open(out).tobytes())
    assert len(set(drawn)) == 3


def test_show_of_other_sources(tmp_path: Path, etlgan: Typed) -> None:
    out = str(tmp_path / "a.png")
    assert "as many images as one likes, here of 46" in etlgan("data", "show", "penman", "-o", out).out
    folder = tmp_path / "images" / "U+3042"
    folder.mkdir(parents=True)
    for number in range(3):
        Image.fromarray(np.full((20, 20), 255 - 40 * number, np.uint8)).save(folder / f"{number}.png")
    (folder / "broken.png").write_bytes(b"no picture")
    said = etlgan("data", "show", str(folder.parent), "-o", out)
    assert (said.code, said.out.splitlines()[1:]) == (0, ["1 character, 4 images; 4 of each", "あ", out])
    assert "broken.png: it is not a picture" in said.err
    complains(etlgan("data", "show", str(folder.parent), "--strict", "-o", out), "broken.png", "strict", code=1)


def test_verify_of_good_files(published: Path, etlgan: Typed) -> None:
    said = etlgan("data", "verify", str(published), "--bsd")
    assert said.code == 0
    assert said.out.splitlines()[1].split()[:4] == ["ok", "ETL4", "ETL4C", "5"]
    assert said.out.splitlines()[-1] == "1 files: 1 ok"
    assert said.err == ""
    (row,) = json.loads(etlgan("data", "verify", str(published), "--json").out)["files"]
    assert (row["status"], row["sysv"], row["bsd"]) == ("ok", row["published_sysv"], None)


def test_verify_of_damaged_unreadable_unknown_and_missing_files(published: Path, tmp_path: Path, etlgan: Typed) -> None:
    raw = bytearray(published.read_bytes())
    raw[1000] ^= 1
    published.write_bytes(raw)
    said = etlgan("data", "verify", str(published))
    assert said.code == 1
    assert "download or unpack it again" in said.out
    unknown = tmp_path / "ETL3C_1"
    write_records(unknown, records_of("ETL3", [0x41] * 3))
    said = etlgan("data", "verify", f"etl:{unknown}")
    assert (said.code, said.out.splitlines()[-2:]) == (0, ["1 files: 1 unknown", "not there: ETL3C_2"])
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "ETL9G.zip").write_bytes(HTML)
    said = etlgan("data", "verify", f"etl:{unknown},{tmp_path / 'more'}", "--json")
    assert said.code == 1, "a file that cannot be read is not as published"
    assert "is a web page" in json.loads(said.out)["problems"][0]


def test_a_file_that_is_there_twice_is_no_failure(published: Path, tmp_path: Path, etlgan: Typed) -> None:
    with zipfile.ZipFile(tmp_path / "ETL4.zip", "w") as archive:
        archive.write(published, "ETL4/ETL4C")
    said = etlgan("data", "verify", str(tmp_path))
    assert said.code == 0
    assert "the same file as" in said.err


def test_prepare_fills_the_cache_which_lists_and_clears(etl: Path, etlgan: Typed) -> None:
    plain = ("data", "prepare", str(etl), "--chars", "あいう", "--per-char", "8", "--held-out", "2")
    made = {size: json.loads(etlgan(*plain, "--size", size, "--json").out) for size in ("28", "32", "48", "64")}
    assert {told["size"] for told in made.values()} == {28, 32, 48, 64}
    assert np.load(Path(made["48"]["path"]) / "images.npy").shape == (30, 48, 48)
    assert (made["32"]["images"], made["32"]["held_out"]) == (30, 6)
    again = etlgan(*plain)
    assert again.out.splitlines() == [
        "ETL9G (2 files): 3 characters, 30 images (6 held out), 32 px",
        made["32"]["path"],
    ]
    told = json.loads(etlgan("data", "cache", "--json").out)
    assert {each["size"] for each in told["sets"]} == {28, 32, 48, 64}
    assert told["label_indices"] == 2
    (Path(made["28"]["path"]) / "glyphs.json").write_text("{")
    listed = etlgan("data", "cache").out.splitlines()
    assert sum("damaged" in line for line in listed) == 1
    assert sum("ready" in line for line in listed) == 3
    assert listed[-1].startswith("4 prepared sets, 2 label indices")
    known = json.loads(etlgan("data", "ls", "--json").out)
    assert [(each["source"], each["there"], each["prepared"]) for each in known] == [
        ("penman", True, 0), (str(etl), True, 3)]  # fmt: skip
    assert etlgan("data", "cache", "--clear").out.startswith("6 deleted")
    assert etlgan("data", "cache").out.startswith("0 prepared sets, 0 label indices, 0 B")


def test_prepare_by_shards_in_processes_of_their_own_comes_to_the_same(
    etl: Path, tmp_path: Path, etlgan: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = ("data", "prepare", f"pen=penman+scan={etl}", "--chars", "あいう", "--per-char", "8", "--held-out", "2")
    monkeypatch.setenv("ETLGAN_CACHE", str(tmp_path / "whole"))
    whole = json.loads(etlgan(*plain, "--json").out)
    monkeypatch.setenv("ETLGAN_CACHE", str(tmp_path / "shared"))
    said = etlgan(*plain, "--shards", "3", "--shard", "2")
    assert said.out == "2 of 3 shards are still to be prepared: 0, 1\n"
    assert etlgan(*plain, "--shards", "3", "--shard", "2").out == said.out
    command = [*PROGRAM, *plain, "--shards", "3", "--json", "--shard"]
    started = [subprocess.Popen([*command, shard], stdout=subprocess.PIPE, text=True) for shard in "012"]
    told = [json.loads(process.communicate()[0]) for process in started]
    assert [process.returncode for process in started] == [0, 0, 0]
    assert any("path" in each for each in told), "the last one joined them"
    joined = json.loads(etlgan(*plain, "--shards", "3", "--json").out)
    assert {**whole, "path": ""} == {**joined, "path": ""}
    for path in Path(whole["path"]).parent.glob("*/*"):
        assert (tmp_path / "shared" / "glyphs" / path.parent.name / path.name).read_bytes() == path.read_bytes()
    assert not [path for path in Path(joined["path"]).parent.iterdir() if path.name.startswith(".")]


def test_a_damaged_shard_is_told_and_prepared_again(etl: Path, etlgan: Typed) -> None:
    plain = ("data", "prepare", str(etl), "--chars", "あいう", "--per-char", "8", "--held-out", "2", "--shards", "2")
    assert etlgan(*plain, "--shard", "0").code == 0
    damaged = next(Path(os.environ["ETLGAN_CACHE"]).glob("glyphs/.*.shards-2/00000.bin"))
    damaged.write_bytes(damaged.read_bytes()[:-1])
    complains(etlgan(*plain, "--shard", "1"), "00000.bin: is damaged; prepare shard 0 of 2 again", code=1)
    assert etlgan(*plain).out.startswith("ETL9G (2 files): 3 characters, 30 images")


def test_ls_knows_what_runs_used(tmp_path: Path, etl: Path, etlgan: Typed) -> None:
    assert etlgan("data", "ls").out.splitlines()[1].split()[:4] == ["penman", "yes", "0", "0"]
    assert etlgan("run", "--data", f"etl:{etl}", "--chars", "あい", *SHORT).code == 0
    assert etlgan("run", *SHORT).code == 0
    etl.rename(tmp_path / "elsewhere")
    known = json.loads(etlgan("data", "ls", "--json").out)
    assert [(each["source"], each["there"], each["runs"]) for each in known] == [
        ("penman", True, 1), (f"etl:{etl}", False, 1)]  # fmt: skip


def test_a_run_tells_what_was_stepped_over_in_its_data(etl: Path, etlgan: Typed) -> None:
    cut = etl / "ETL9G_02"
    cut.write_bytes(cut.read_bytes()[:-100])
    assert "ETL9G_02, record 17" in etlgan("run", "--data", str(etl), "--chars", "あい", *SHORT).err
    strict = etlgan("run", "--data", str(etl), "--chars", "あい", "--set", "data.strict=true", *SHORT)
    complains(strict, "ETL9G_0", "strict", code=1)


def test_export_writes_png_folders_and_every_field(etl: Path, tmp_path: Path, etlgan: Typed) -> None:
    out = tmp_path / "out"
    said = etlgan("data", "export", str(etl), str(out), "--chars", "あえ", "--where", "sheet < 4", "--per-char", "5")
    assert said.out == f"5 images in {out}\n"
    assert "no image of 1 of 2: え" in said.err
    rows = list(csv.DictReader((out / "images.csv").open(encoding="utf-8")))
    assert {row["character"] for row in rows} == {"あ"}
    assert {row["sheet"] for row in rows} <= {"1", "2", "3"}
    assert json.loads((out / "images.json").read_text(encoding="utf-8"))[0]["age"] is None
    assert len(list((out / "U+3042").glob("*.png"))) == 5
    complains(etlgan("data", "export", str(etl), str(out)), "not empty", "new folder", code=1)
    complains(etlgan("data", "export", str(etl), str(out / "images.csv")), "is a file", code=1)


def test_what_is_exported_is_read_back_as_a_source(etl: Path, tmp_path: Path, etlgan: Typed) -> None:
    out = tmp_path / "out"
    assert etlgan("data", "export", str(etl), str(out)).code == 0
    plain = ("--chars", "あいう", "--per-char", "9", "--held-out", "3", "--json")
    first, second = (json.loads(etlgan("data", "prepare", str(path), *plain).out) for path in (etl, out))
    assert first["images"] == second["images"] == 36
    one, other = (np.load(Path(told["path"]) / "images.npy").astype(int).sum() for told in (first, second))
    assert one == other, "the same cells, cleaned alike"


@pytest.mark.usefixtures("home")
def test_looking_at_data_loads_nothing_heavy(etl: Path, tmp_path: Path) -> None:
    code = f"""
import sys
from etlgan_tui.cli import main
for words in (["ls"], ["cache"], ["show", {str(etl)!r}, "-o", {str(tmp_path / "a.png")!r}], ["verify", {str(etl)!r}]):
    try:
        main(["data", *words])
    except SystemExit:
        pass
print([name for name in ("torch", "matplotlib", "textual", "pydantic") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["show", "nowhere"], 1, ["nowhere", "no such file or folder"]),
        (["show", "etl:{etl}", "--chars", "漢"], 1, ["no image of 漢", "etlgan data show"]),
        (["show", "etl:{etl}", "--where", "age <"], 1, ["age <"]),
        (["show", "etl:{etl}", "--where", "sheeet == 1"], 1, ["sheeet", "sheet"]),
        (["show", "etl:{etl}", "--where", "sheet > 99"], 1, ["no image"]),
        (["show", "penman", "--where", "age < 3"], 1, ["only ETL data"]),
        (["show", "penman", "--with-models"], 1, ["only ETL data"]),
        (["show", "penman", "--set", "data.prepare=papr"], 2, ["data.prepare", "paper"]),
        (["show", "penman", "-o", "a.jpg"], 2, [".png"]),
        (["show", "penman", "-o", "nowhere/a.png"], 2, ["no folder"]),
        (["show", "penman", "--size", "5"], 2, ["--size"]),
        (["verify", "penman"], 1, ["penman", "not ETL data"]),
        (["verify", "{home}"], 1, ["no labelled images", "no ETL file"]),
        (["prepare", "penman", "--shard", "1"], 2, ["--shard 1", "--shards"]),
        (["prepare", "penman", "--shards", "2", "--shard", "2"], 2, ["--shard 2", "there are 2"]),
        (["prepare", "penman", "--size", "33"], 2, ["28, 32, 48, 64"]),
        (["prepare", "penman", "--chars", "nothing-such"], 2, ["nothing-such"]),
        (["prepare", "etl:{etl}", "--chars", "あ", "--strict"], 1, ["strict"]),
        (["prepare", "mnist:{etl}"], 1, ["no mnist set"]),
        (["export", "penman", "{home}/out"], 1, ["not ETL data"]),
        (["export", "etl:{etl}", "{home}/out", "--where", "sheet > 99"], 1, ["nothing was chosen"]),
        (["export", "etl:{etl}"], 2, ["OUT"]),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str], code: int, words: list[str], etl: Path, home: Home, etlgan: Typed
) -> None:
    home.root.mkdir(exist_ok=True)
    said = etlgan("data", *(text.format(etl=etl, home=home.root) for text in arguments))
    complains(said, *words, code=code)


def test_names_in_archives_move_no_cursor(tmp_path: Path, etlgan: Typed) -> None:
    with zipfile.ZipFile(tmp_path / "ETL8G.zip", "w") as archive:
        archive.writestr("\x1b[2J\x1b]0;hello\x07/ETL8G_01", records_of("ETL8G", [0x2422] * 3).tobytes())
    for command in (["show", "-o", str(tmp_path / "a.png")], ["verify"], ["prepare", "--chars", "あ"]):
        said = etlgan("data", command[0], str(tmp_path), *command[1:])
        assert "\x1b" not in said.out + said.err
        assert "\x07" not in said.out + said.err


def test_a_lying_idx_header_is_one_line(tmp_path: Path, etlgan: Typed) -> None:
    header = struct.pack(">BBBB3I", 0, 0, 8, 3, 60000, 28, 28)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(header + bytes(1000))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(struct.pack(">BBBBI", 0, 0, 8, 1, 10) + bytes(10))
    complains(etlgan("data", "show", f"mnist:{tmp_path}"), "60000", "1,000", code=1)


def test_bench_measures_what_is_promised(tmp_path: Path, etlgan: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score, "HIRAGANA", "あい")
    for name, value in {"LAYOUT_BYTES": 200_000, "SLOW_RECORDS": 20, "SETS": 1, "CELLS": 4}.items():
        monkeypatch.setattr(bench, name, value)
    said = etlgan("bench", "data", "--files", "1", "--writers", "1", "--folder", str(tmp_path), "--json")
    assert said.code == 0
    told = json.loads(said.out)
    promised = [figure for figure in told["figures"] if figure["promised"]]
    assert len(promised) >= 12
    assert all(figure["value"] > 0 for figure in told["figures"])
    assert {row["cells"] for row in told["preparation"].values()} == {2}
    assert [path for path in tmp_path.iterdir() if "bench" in path.name] == [], "it leaves nothing"
