"""`etlgan study` with a trainer and a judge that do nothing: what its page holds after several calls."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core import config as configs
from core.errors import DataError, RunError
from core.judge import whole
from core.judge.quantities import GENERATED, REAL
from core.rundir import Home, RunDir, write_json
from core.runs.find import run_ids
from core.studies import cells
from core.studies.gain import kept
from core.studies.gain.outcome import Gain, Outcome
from core.studies.gain.plan import ARMS, COMPARED, Plan
from etlgan_tui.cli import main

TESTS = Path(__file__).parents[1]
FIRST, SECOND, THIRD = "the recipe", "no labels on real images", "no reward for Q's label"  # in the table's order
NUMBERS = {"gan_test": 0.99, "gan_test_worst": 0.9, "seconds": 60.0}

Study = Callable[..., int]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = Home(tmp_path / "home")
    for name, value in {
        "ETLGAN_HOME": str(made.root),
        "ETLGAN_CACHE": str(tmp_path / "cache"),
        "PYTHONPATH": str(TESTS),
        "ETLGAN_TRAINER": "fake_trainer",
        "FAKE_DELAY": "0",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(cells, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(whole, "score_run", judge)
    return made


@pytest.fixture
def study(home: Home) -> Study:  # noqa: ARG001  (its environment)
    """`etlgan study ...` with a thousandth of the steps; its exit code."""

    def typed(*words: str, share: str = "0.001") -> int:
        with pytest.raises(SystemExit) as ended:
            main(["study", *words, "--share", share, "--per-char", "50"])
        return int(ended.value.code or 0)

    return typed


def judge(run: RunDir, *, checkpoint: str, per_char: int) -> Any:
    """In the place of `score_run`."""
    assert checkpoint == "last"
    columns = {GENERATED: NUMBERS, REAL: {"gan_test": 1.0}}
    steps = configs.decode(run.config.read_bytes()).train.steps
    write_json(run.scores, {"step": steps, "images": per_char, "columns": columns})
    return SimpleNamespace(columns=columns)


def lines(home: Home, study: str = "ablation") -> list[list[str]]:
    """The page's table: row, recipe, seeds of each line."""
    text = (home.studies / study / "report.html").read_text()
    body = text.partition("<tbody>")[2].partition("</tbody>")[0]
    return [re.findall(r'<td class="n">([^<]*)</td>', line)[:3] for line in body.splitlines() if line]


def test_the_page_holds_what_every_call_has_made(study: Study, home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert study("ablation", "--only", SECOND, "--seeds", "2") == 0
    assert lines(home) == [[SECOND, "etl", "2"]]
    capsys.readouterr()
    assert study("ablation", "--only", THIRD, "--only", FIRST, "--json") == 0
    said = capsys.readouterr()
    assert [run["experiment"] for run in json.loads(said.out)] == [THIRD, FIRST]
    assert "2 of 2 cells; report of all 4 that are there: " in said.err
    assert lines(home) == [[FIRST, "etl", "1"], [SECOND, "etl", "2"], [THIRD.replace("'", "&#x27;"), "etl", "1"]]
    assert study("ablation", "--only", SECOND, share="0.002") == 0
    assert lines(home) == [[SECOND, "etl", "1"]], "a longer rehearsal is another table"
    assert len(run_ids(home)) == 5


def test_runs_of_others_and_without_a_card_are_not_on_it(study: Study, home: Home) -> None:
    assert study("ablation", "--only", FIRST, "--only", SECOND) == 0
    runs = [home.run(run_id) for run_id in run_ids(home)]
    (gone,) = [run for run in runs if configs.decode(run.config.read_bytes()).recipe.label_real == 0]
    gone.scores.unlink()
    assert study("ablation", "--only", FIRST) == 0
    assert lines(home) == [[FIRST, "etl", "1"]]
    assert study("ablation", "--only", SECOND) == 0
    assert lines(home) == [[FIRST, "etl", "1"], [SECOND, "etl", "1"]]


def test_a_study_that_is_cut_off_leaves_the_page_of_what_is_done(
    study: Study, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Enough(Exception):  # noqa: N818
        pass

    def once(run: RunDir, *, checkpoint: str, per_char: int) -> Any:
        if any(home.run(run_id).scores.exists() for run_id in run_ids(home)):
            raise Enough
        return judge(run, checkpoint=checkpoint, per_char=per_char)

    monkeypatch.setattr(whole, "score_run", once)
    with pytest.raises(Enough):
        study("ablation", "--only", FIRST, "--only", SECOND)
    assert lines(home) == [[FIRST, "etl", "1"]]


def test_a_page_is_never_replaced_by_an_empty_one(
    study: Study, home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never(run: RunDir, **_: Any) -> Any:
        raise DataError(f"{run.id} holds nothing")

    assert study("ablation", "--only", FIRST) == 0
    before = lines(home)
    monkeypatch.setattr(whole, "score_run", never)
    assert study("ablation", "--only", SECOND, share="0.002") == 1
    assert "0 of 1 cells; no report" in capsys.readouterr().err
    assert lines(home) == before


def test_a_size_of_its_own_is_a_table_of_its_own(study: Study, home: Home) -> None:
    assert study("quality", "--only", "hiragana 20") == 0
    assert study("quality", "--only", "hiragana 46", "--size", "S") == 0
    assert lines(home, "quality") == [["hiragana 20", "etl", "1"]]
    assert lines(home, "quality-s") == [["hiragana 46", "etl", "1"]]
    assert {configs.decode(home.run(run).config.read_bytes()).model.size for run in run_ids(home)} == {"xs", "s"}


def gain(home: Home, plan: Plan, *, jobs: int, tell: Callable[[str], None]) -> tuple[Outcome, Path]:
    """In the place of an OCR gain of hours: its scores.json is a real one."""
    assert jobs == 1
    tell("reading")
    differences = (0.01, -0.02, 0.03)
    outcome = Outcome(
        {few: {arm: [0.9, 0.92] for arm in ARMS} for few in plan.few},
        [
            Gain(few, arm, over, value, value - 0.005, value + 0.005)
            for few in plan.few
            for (arm, over), value in zip(COMPARED, differences, strict=True)
        ],
    )
    glyphs = SimpleNamespace(fingerprint="f" * 16, characters="あい")
    return outcome, kept.write(home, plan, outcome, glyphs)  # type: ignore[arg-type]


def test_ocr_gains_are_rows_of_the_quality_table(
    study: Study, home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("core.studies.gain.study.run", gain)
    half = "OCR gain by domain code"
    assert study("quality", "--only", "hiragana 20", "--only", "OCR gain") == 0
    said = capsys.readouterr()
    assert "2 of 2 cells; report of all 3 that are there: " in said.err, "one run, two numbers of real images"
    first, *more = (line.split("  ") for line in said.out.splitlines() if line.startswith("OCR gain"))
    assert [part for part in first if part][:3] == ["OCR gain", "5", "91.00 % ±1.41"]
    assert "+1.00 (+0.50 .. +1.50) ok" in [part.strip() for part in first], "generated over augmented is what counts"
    assert len(more) == 1
    assert said.out.count(" ok") + said.out.count(" MISS") > 2, "the other row has its own"
    page = (home.studies / "quality" / "report.html").read_text()
    cells, gains = (part.partition("</tbody>")[0] for part in page.split("<tbody>")[1:])
    assert "hiragana 20" in cells
    assert (gains.count("<tr>"), gains.count("✓"), gains.count("✗")) == (2, 2, 0)
    assert half not in page
    assert study("quality", "--only", half, "--json") == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert (record["experiment"], list(record["accuracy"])) == (half, ["0"])
    page = (home.studies / "quality" / "report.html").read_text()
    gains = page.split("<tbody>")[2].partition("</tbody>")[0]
    assert (gains.count("<tr>"), gains.count("✓"), gains.count("✗")) == (3, 3, 0), "earlier calls' too"
    assert study("quality", "--only", half, share="0.01") == 0
    page = (home.studies / "quality" / "report.html").read_text()
    assert "hiragana 20" not in page, "a longer rehearsal is another table"
    assert page.split("<tbody>")[1].partition("</tbody>")[0].count("<tr>") == 1


def test_an_ocr_gain_that_cannot_be_had_is_told_beside_what_can(
    study: Study, home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never(*_: Any, **__: Any) -> Any:
        raise RunError("2 of 6 generators did not finish")

    monkeypatch.setattr("core.studies.gain.study.run", never)
    assert study("quality", "--only", "hiragana 20", "--only", "OCR gain") == 1
    said = capsys.readouterr()
    assert "OCR gain: 2 of 6 generators did not finish; left out\n1 of 2 cells" in said.err
    assert "hiragana 20" in said.out
    assert lines(home, "quality") == [["hiragana 20", "etl", "1"]]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["textbook", "--etl", "/nowhere"], "--etl /nowhere: there is no such file or folder"),
        (["textbook", "--mnist", "/nowhere"], "--mnist /nowhere: there is no such file or folder"),
        (["quality", "--kmnist", "/nowhere"], "--kmnist /nowhere: there is no such file or folder"),
        (["quality", "--kmnist", str(TESTS / "studies")], "holds no kmnist set"),
        (["quality", "--etl", f"{TESTS},/nowhere"], "--etl /nowhere: there is no such file or folder"),
        (["quality", "--size", "huge"], "model.size=huge: must be"),
    ],
)
def test_what_cannot_be_is_one_line_and_starts_nothing(
    study: Study, home: Home, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert study(*words) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert not home.root.exists()
