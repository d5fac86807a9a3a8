"""`etlgan export` as a user types it: what it says, and what it refuses in one line."""

import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core import config as configs
from core.rundir import RunDir
from etlgan_tui.cli import main

PROGRAM = [sys.executable, "-P", "-c", "from etlgan_tui.cli import main; main()"]
Said = tuple[int, str, str]
Typed = Callable[..., Said]


@pytest.fixture
def etlgan(run: RunDir, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Typed:
    """Type `etlgan export RUN tmp_path/out ...` on a copy of the run."""
    home = tmp_path / "home"
    shutil.copytree(run.path.parents[1], home)
    monkeypatch.setenv("ETLGAN_HOME", str(home))
    monkeypatch.delenv("ETLGAN_DB", raising=False)

    def typed(*arguments: str, out: str = "out", which: str = "last") -> Said:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main(["export", which, str(tmp_path / out), *arguments])
        told = capsys.readouterr()
        return int(end.value.code or 0), told.out, told.err

    return typed


def complains(said: Said, *words: str) -> None:
    code, out, err = said
    assert code in (1, 2), said
    assert out == ""
    last = err.splitlines()[-1]
    assert last.startswith("etlgan: ")
    assert "Traceback" not in err
    for word in words:
        assert word in last, err


def test_all_characters_of_a_run(etlgan: Typed, tmp_path: Path) -> None:
    code, out, _ = etlgan("--per-char", "4", "--format", "idx", "--json")
    assert code == 0
    told = json.loads(out)
    assert (told["samples"], told["complete"], told["written"]) == (12, True, 12)
    assert (tmp_path / "out" / "labels-idx1-ubyte").stat().st_size == 8 + 12


def test_a_table_of_frequencies(etlgan: Typed, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("character,count\n亜,5\nん,7\nあ,0\nい,2\n")
    asked = ("--frequencies", str(tmp_path / "table.csv"), "--format", "idx")
    complains(etlgan(*asked), "never saw ん", "あい亜")
    code, out, err = etlgan(*asked, "--skip-unknown")
    assert (code, out) == (0, f"7 in {tmp_path / 'out'}\n")
    assert "left out 1 unknown: ん" in err


@pytest.mark.parametrize("what", [["--per-char", "2"], ["--lines", "text.txt"]])
def test_what_learned_no_labels_is_not_exported_with_any(etlgan: Typed, tmp_path: Path, what: list[str]) -> None:
    (tmp_path / "text.txt").write_text("あい\n")
    (written,) = (tmp_path / "home" / "runs").glob("*/config.json")
    unsupervised = {"recipe.label_real": 0.0, "recipe.projection": False}
    written.write_bytes(configs.encode(configs.override(configs.decode(written.read_bytes()), unsupervised)))
    complains(etlgan(*(word.replace("text.txt", str(tmp_path / "text.txt")) for word in what)), "without labels", "etl")
    assert not (tmp_path / "out").exists()


def test_one_shard_at_a_time(etlgan: Typed) -> None:
    asked = ("--per-char", "10", "--shards", "2", "--format", "webdataset")
    code, out, _ = etlgan(*asked, "--shard", "1")
    assert code == 0
    assert "1 of 2 shards are still to be written" in out
    assert etlgan(*asked, "--shard", "0")[1].startswith("30 in ")
    complains(etlgan(*asked, "--shard", "2"), "--shard 2", "there are 2")


def test_shards_by_processes_of_their_own_come_to_the_same(etlgan: Typed, tmp_path: Path) -> None:
    asked = ("--per-char", "10", "--shards", "2", "--format", "etl9g", "--chars", "あい亜")
    assert etlgan(*asked, out="whole")[0] == 0
    command = [*PROGRAM, "export", "last", str(tmp_path / "out"), *asked, "--shard"]
    started = [subprocess.Popen([*command, shard], stdout=subprocess.PIPE, text=True) for shard in "011"]
    told = [process.communicate()[0] for process in started]
    assert [process.returncode for process in started] == [0] * 3
    assert any(words.startswith("30 in ") for words in told), "the last one put the card there"
    for path in (tmp_path / "whole").rglob("ETL*"):
        assert (tmp_path / "out" / path.relative_to(tmp_path / "whole")).read_bytes() == path.read_bytes()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        path.name for path in (tmp_path / "whole").iterdir()
    }
    assert etlgan(*asked, "--shard", "1")[1].startswith("30 in ")


def test_lines(etlgan: Typed, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("あい\n今日は亜\n")
    asked = ("--lines", str(tmp_path / "text.txt"))
    complains(etlgan(*asked), "text.txt: this run never saw 今 日 は;", "--skip-unknown")
    code, _, err = etlgan(*asked, "--skip-unknown")
    assert code == 0
    assert "left out 3" in err
    assert (tmp_path / "out" / "labels.txt").read_text().split()[1::2] == ["あい", "亜"]


def test_what_cannot_be_seen_is_named_by_its_number(etlgan: Typed, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("あ\u200bい\x1b[31m゙\n")
    complains(etlgan("--lines", str(tmp_path / "text.txt")), "never saw U+200B U+001B [ 3 1 m U+3099;")


def test_a_temperature_is_part_of_the_request_and_told(etlgan: Typed, tmp_path: Path) -> None:
    asked = ("--per-char", "2", "--format", "idx")
    assert etlgan(*asked)[0] == 0
    assert etlgan(*asked, "--temperature", "1.4", out="hot")[0] == 0
    usual, hot = ((tmp_path / out / "images-idx3-ubyte").read_bytes() for out in ("out", "hot"))
    assert usual != hot
    assert json.loads((tmp_path / "hot" / "card.json").read_text())["export"]["temperature"] == 1.4
    cool, warm = ((tmp_path / out / "README.md").read_text() for out in ("out", "hot"))
    assert ", temperature 1.4\n" in warm
    assert "temperature" not in cool
    complains(etlgan(*asked, "--temperature", "1.4", "--resume"), "another export")


def test_lines_have_a_temperature_too(etlgan: Typed, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("あい\n")
    for out, more in (("out", ()), ("hot", ("--temperature", "1.4"))):
        assert etlgan("--lines", str(tmp_path / "text.txt"), *more, out=out)[0] == 0
    usual, hot = (next((tmp_path / out).rglob("*.png")).read_bytes() for out in ("out", "hot"))
    assert usual != hot
    assert json.loads((tmp_path / "hot" / "card.json").read_text())["export"]["temperature"] == 1.4


def test_somebody_elses_folder_is_not_to_be_resumed_or_replaced(etlgan: Typed, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    for more in ((), ("--resume",)):
        complains(etlgan("--per-char", "2", *more), "no export of etlgan; name a new folder")
    complains(etlgan("--per-char", "2", "--force"), "no export of etlgan", "removes exports only")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.txt"]


def test_a_folder_that_is_not_empty(etlgan: Typed) -> None:
    asked = ("--per-char", "2", "--format", "idx")
    assert etlgan(*asked)[0] == 0
    complains(etlgan(*asked), "not empty", "--resume", "--force")
    assert etlgan(*asked, "--resume")[0] == 0
    complains(etlgan(*asked, "--seed", "1", "--resume"), "another export")
    assert etlgan(*asked, "--seed", "1", "--force")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--chars", "あ今"], ["never saw 今", "あい亜"]),
        (["--format", "gif"], ["gif", "png", "etl9g"]),
        (["--look", "old"], ["clean or scanned"]),
        (["--precision", "fp8"], ["fp32 or bf16"]),
        (["--resume", "--force"], ["choose one"]),
        (["--writers", "--min-confidence", "0.9"], ["--min-confidence"]),
        (["--min-confidence", "2"], ["--min-confidence"]),
        (["--temperature", "3"], ["--temperature"]),
        (["--temperature", "nan"], ["--temperature"]),
        (["--per-char", "0"], ["--per-char"]),
        (["--lines", "nowhere.txt"], ["nowhere.txt", "No such file"]),
        (["--lines", "a.txt", "--format", "idx"], ["lines are clean PNG", "leave out --format"]),
        (["--lines", "a.txt", "--look", "scanned", "--per-char", "3"], ["leave out --per-char, --look"]),
        (["--lines", "a.txt", "--chars", "あ"], ["leave out --chars"]),
        (["--random-lines", "200000000000"], ["are more than an export can number"]),
        (["--hands", "3"], ["--length and --hands", "--lines"]),
        (["--frequencies", "nowhere.csv"], ["nowhere.csv"]),
        (["--domain", "etl"], ["no domain 'etl'"]),
        (["--checkpoint", "9"], ["no checkpoint '9'", "6"]),
    ],
    ids=str,
)
def test_bad_input(etlgan: Typed, tmp_path: Path, arguments: list[str], words: list[str]) -> None:
    complains(etlgan(*arguments), *words)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "line", ["あ", "あ,x", "あい,3", "あ,-1", "あ,1\nあ,2", "あ,1,2", "あ" * 200_000], ids=range(7)
)
def test_a_table_that_cannot_be_read_names_the_line(etlgan: Typed, tmp_path: Path, line: str) -> None:
    (tmp_path / "table.csv").write_text(f"character,count\n{line}\n")
    complains(etlgan("--frequencies", str(tmp_path / "table.csv")), "table.csv, line ")


@pytest.mark.parametrize("text", ["", "character,count\n", "あ,0\nい,0\n"])
def test_a_table_without_any_count(etlgan: Typed, tmp_path: Path, text: str) -> None:
    (tmp_path / "table.csv").write_text(text)
    complains(etlgan("--frequencies", str(tmp_path / "table.csv")), "table.csv: holds no count above 0")


def test_ctrl_c_says_how_to_go_on(etlgan: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("core.export.job.carry_out", interrupted)
    code, out, err = etlgan("--per-char", "2")
    assert (code, out) == (130, "")
    assert err.splitlines()[-1] == "stopped; the same command with --resume goes on"


def test_out_is_a_file_or_cannot_be_made(etlgan: Typed, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    complains(etlgan("--per-char", "2", out="file"), "is a file")
    complains(etlgan("--per-char", "2", out="file/below"), "file")


def test_checkpoints_from_elsewhere(etlgan: Typed, tmp_path: Path) -> None:
    """A pickle in safetensors' clothes is never opened as one; another net's weights are refused."""
    (there,) = (tmp_path / "home" / "runs").iterdir()
    weights, facts = there / "checkpoints" / "00000006.safetensors", there / "checkpoints" / "00000006.json"
    good = weights.read_bytes()
    weights.write_bytes(pickle.dumps({"average.start.weight": [1.0]}))
    complains(etlgan(), "cannot be read")
    weights.write_bytes(good)
    told = json.loads(facts.read_text())
    facts.write_text(json.dumps(told | {"characters": ["あ", "い"]}))
    complains(etlgan(), "does not fit")
    facts.write_text(json.dumps(told | {"shapes": {}}))
    complains(etlgan(), "its JSON lists")
    facts.unlink()
    complains(etlgan(), "no JSON beside them")
    weights.unlink()
    complains(etlgan(), "no checkpoint")


def test_no_judge_of_other_characters_filters(etlgan: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `score` refuses it: before a judge is trained."""

    def trained(*_: object, **__: object) -> None:
        raise AssertionError("a judge was trained")

    monkeypatch.setattr("core.judge.judges.judge_for", trained)
    (there,) = (tmp_path / "home" / "runs").iterdir()
    facts = there / "checkpoints" / "00000006.json"
    facts.write_text(json.dumps(json.loads(facts.read_text()) | {"characters": ["い", "あ", "亜"]}))
    said = etlgan("--per-char", "2", "--min-confidence", "0.9")
    complains(said, "knows other characters than its config.json (あい亜)", "leave out --min-confidence")
    assert not (tmp_path / "out").exists()
    assert etlgan("--per-char", "2")[0] == 0
