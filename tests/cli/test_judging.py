"""`score`, `bench train` and `bench quality` with the real trainer and a judge that learned for a moment."""

import json
import shlex
from pathlib import Path

import pytest
import torch

from core.judge import classifier, judges
from core.rundir import Home, RunDir, write_json
from core.runs.find import run_ids

from .conftest import Typed, complains

SETTINGS = {
    "data.chars": "くこ", "data.per_char": 20, "data.held_out": 10, "model.noise": 8, "train.steps": 3,
    "train.batch_size": 8, "train.device": "cpu", "train.precision": "fp32", "train.threads": 1,
}  # fmt: skip
SMALL = [text for name, value in SETTINGS.items() for text in ("--set", f"{name}={value}")]


@pytest.fixture(autouse=True)
def short_study(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001  (its environment comes first)
    monkeypatch.delenv("ETLGAN_TRAINER")
    monkeypatch.setattr(judges, "JUDGE_IMAGES", 40)
    monkeypatch.setattr(judges, "JUDGE_STEPS", (45, 0))
    monkeypatch.setattr(classifier, "BATCH", 24)
    torch.set_num_threads(1)


def newest(home: Home) -> str:
    return run_ids(home)[0]


def test_a_run_to_begin_with_is_looked_at_before_anything_starts(etlgan: Typed, home: Home) -> None:
    assert etlgan("run", *SMALL).code == 0
    before = newest(home)
    other = ("--set", "recipe.name=classic", "--dry-run")
    complains(etlgan("run", *SMALL, *other, "--init-from", "last"), "--set recipe.name=etl", code=1)
    stranger = ("--set", "data.chars=7", "--init-from", "last", "--dry-run")
    assert "knew none of these characters" in etlgan("run", *SMALL, *stranger).err
    saved = max(home.run(before).checkpoints.glob("*.safetensors"))
    saved.write_bytes(saved.read_bytes()[:1000])
    complains(etlgan("run", *SMALL, "--init-from", "last", "--dry-run"), saved.name, "cannot be read", code=1)
    assert run_ids(home) == [before]


@pytest.mark.parametrize("held_out", [1, 2])
def test_few_held_out_images_are_told_and_what_they_cannot_say_is_left_out(
    etlgan: Typed, tmp_path: Path, held_out: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judges, "JUDGE_STEPS", (5, 0))  # what it reads is no matter
    few = ("--set", f"data.held_out={held_out}")
    assert etlgan("run", *SMALL, *few).code == 0
    page = tmp_path / "card.html"
    said = etlgan(
        "score", "last", "--per-char", "4", "--json", *(["--quick"] if held_out > 1 else ["--report", str(page)])
    )
    assert said.code == 0, said.err
    card = json.loads(said.out)
    assert card["few_held_out"] == {"く": held_out, "こ": held_out}
    assert any("few held-out images of く" in told for told in card["warnings"])
    assert card["columns"]["generated"]["gan_test"] is not None
    assert 0 <= card["overall"] <= 1
    assert held_out > 1 or "against 2 held-out ones" in page.read_text()


def test_a_run_is_scored_beside_its_controls(etlgan: Typed, home: Home, tmp_path: Path) -> None:
    assert etlgan("run", *SMALL).code == 0
    run = home.run(newest(home))
    page = tmp_path / "card.html"
    said = etlgan("score", "last", "--per-char", "10", "--json", "--report", str(page))
    assert said.code == 0, said.err
    card = json.loads(said.out)
    made, real, copied = (card["columns"][name] for name in ("generated", "held-out real", "memoriser"))
    assert real["gan_test"] > 0.8, "く and こ of other writers are easily told apart"
    assert made["gan_test_worst"] <= made["gan_test"] <= real["gan_test"], "3 steps teach nothing"
    assert 0 <= made["q_read"] <= 1
    assert "q_read" not in real, "Q is the run's own"
    assert copied["memorised"] == 1
    assert made["memorised"] < 0.5
    assert {"gan_train_gap", "fcd_ratio", "coverage_ratio", "spread", "slant_control", "samples_per_s"} <= set(made)
    assert set(card["per_character"]) == {"く", "こ"}
    assert card["targets"]["gan_test"]["met"] is False
    assert shlex.split(card["missing"]["3"]) == ["etlgan", "ocr-gain", "--chars", "くこ"]
    command = shlex.split(card["missing"]["classic"])
    assert command[:2] == ["etlgan", "run"]
    assert {"data.chars=くこ", "data.per_char=20", "train.steps=3", "recipe.name=classic"} <= set(command), (
        "the same data"
    )
    assert json.loads(run.scores.read_text())["columns"] == card["columns"]
    told = page.read_text()
    assert told.count("data:image/png;base64,") > 7
    assert "<code>etlgan ocr-gain --chars &#x27;くこ&#x27;</code>" in told, "to be copied"
    assert "http" not in told, "nothing is fetched from anywhere"
    shown = etlgan("show", "last").out
    assert "score card of `etlgan score`" in shown
    assert "memorised" in shown
    again = etlgan("score", "last", "--per-char", "10", "--quick")
    assert again.code == 0
    assert "read as asked" in again.out
    assert "training the judge" not in again.err, "the judge comes from the cache"
    assert "memoriser" not in again.out
    assert "coverage" in again.out
    assert f"overall {card['overall']:.4f}" in again.out, "one number, whichever card tells it"


@pytest.mark.slow
def test_a_classic_run_and_an_ocr_gain_are_read_from_where_they_are(etlgan: Typed, home: Home) -> None:
    classic = ("--set", "recipe.name=classic", "--set", "train.batch_size=8", "--set", "model.noise=8")
    assert etlgan("run", *SMALL, *classic).code == 0
    run = newest(home)
    assert etlgan("run", *SMALL).code == 0
    unscored = json.loads(etlgan("score", "last", "--per-char", "4", "--json").out)
    assert unscored["missing"]["classic"] == f"etlgan score {run}"
    own = json.loads(etlgan("score", run, "--per-char", "4", "--json").out)
    assert "named by the judge" in own["warnings"][0]
    assert "classic" not in own["missing"]
    study = home.root / "studies" / "ocr-gain"
    study.mkdir(parents=True)
    entry = {"real_per_char": 5, "gain": 0.02, "low": 0.01, "high": 0.03}
    about = {"source": "penman", "chars": "くこ", "style": "scanned"}
    write_json(RunDir(study).scores, {"kind": "ocr-gain", "data": about, "gain": [entry, {"gain": "odd"}]})
    whole = json.loads(etlgan("score", "last", "--per-char", "4", "--json").out)
    assert whole["columns"]["classic"] == own["columns"]["generated"]
    assert whole["ocr_gain"] == [entry]
    assert whole["missing"] == {}
    assert "+1.00 to +3.00" in etlgan("score", "last", "--per-char", "4").out


def test_a_page_that_cannot_be_written_is_told_at_once(
    etlgan: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ETLGAN_TRAINER", "fake_trainer")  # its checkpoint could not be judged: it is not come to that
    assert etlgan("run", *SMALL).code == 0
    complains(etlgan("score", "last", "--report", str(tmp_path / "card.pdf")), "must end in .html", code=2)
    complains(etlgan("score", "last", "--report", str(tmp_path / "none" / "card.html")), "there is no folder", code=2)
    both = etlgan("score", "last", "--quick", "--report", str(tmp_path / "card.html"))
    complains(both, "leave one out", code=2)


def test_nothing_to_judge_is_one_clear_line(etlgan: Typed) -> None:
    assert etlgan("run", *SMALL, "--set", "data.held_out=0").code == 0
    said = etlgan("score", "last", "--per-char", "4")
    assert said.code == 1
    assert "held out no images" in said.err.splitlines()[-1]
    complains(etlgan("score", "nobody"), "nobody", code=1)


@pytest.mark.slow
def test_quality_ends_when_the_target_is_reached_or_given_up(etlgan: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETLGAN_TRAINER", "quickly_judged_trainer")
    often = (*SMALL, "--set", "train.steps=40", "--set", "train.score_every=2", "--set", "train.target=0.001")
    said = etlgan("bench", "quality", "hiragana-a-ka", "--seeds", "1", "--floor", "--json", *often)
    assert said.code == 0, said.err
    told = json.loads(said.out)
    own, floor = told["rows"]
    assert own["reached"]
    assert 0 < own["seconds"] + own["judging"] <= own["wall"]
    assert own["images"] < 40 * 64
    assert "classic with labels" in floor["name"]
    assert told["summary"]["median"] == own["seconds"]
    assert told["summary"]["sooner_than_classic"] == pytest.approx(floor["seconds"] / own["seconds"])
    listed = {run["id"]: run for run in json.loads(etlgan("ls", "--json").out)}
    assert listed[own["run"]]["seconds_to_target"] == pytest.approx(own["seconds"])
    assert etlgan("show", own["run"]).out.count("by the judge (train.target)") == 1


@pytest.mark.slow
def test_quality_that_is_not_reached_is_said_to_be(etlgan: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETLGAN_TRAINER", "quickly_judged_trainer")
    said = etlgan("bench", "quality", "hiragana-a-ka", "--seeds", "1", "--set", "train.target=1", *SMALL)
    assert said.code == 0, said.err
    assert "not in" in said.out.splitlines()[1]
    assert "median" not in said.out


@pytest.mark.slow
def test_overhead_is_read_off_a_runs_own_clock(etlgan: Typed) -> None:
    said = etlgan("bench", "overhead", "--repeat", "1", "--json", *SMALL)
    assert said.code == 0, said.err
    told = json.loads(said.out)
    assert {"set-up", "training", "pictures", "checkpoints", "figures"} <= set(told["spent"])
    assert 0 < told["whole"] < 1
    assert told["whole"] == pytest.approx(sum(told["shares"].values()))
    assert told["start"]["median"] > told["spent"]["training"] / 100


def test_benchmarks_are_recorded_shown_and_compared(
    etlgan: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from etlgan_tui.cli.bench import records

    monkeypatch.setattr(records, "KINDS", {"cli": (["cli", "--repeat", "1", "--runs", "3"], 0.1), "odd": (["odd"], 0)})
    path = tmp_path / "here.json"
    said = etlgan("bench", "record", str(path))
    assert said.code == 1, "one kind failed"
    assert "odd failed; left out" in said.err
    assert "etlgan --help" in said.out
    assert etlgan("bench", "figures", str(path)).out.splitlines()[0] == said.out.splitlines()[0]
    alike = json.loads(etlgan("bench", "compare", str(path), str(path), "--json").out)
    assert {each["before"] == each["after"] for each in alike} == {True}
    assert any(each["name"].startswith("cli · etlgan --help") for each in alike)


@pytest.mark.slow
def test_training_is_timed_against_the_public_script(etlgan: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.studies import ceilings, throughput

    monkeypatch.setattr(ceilings, "SIDE", {"cpu": 128})
    monkeypatch.setattr(ceilings, "COPIED", {"cpu": 1 << 20})
    monkeypatch.setattr(throughput, "PENALTY_CYCLE", 1)
    monkeypatch.setattr(throughput, "IMAGES", 64)
    monkeypatch.setattr(throughput, "WARM_UP", 1)
    monkeypatch.setattr(throughput, "CASES", dict(list(throughput.CASES.items())[:1]))
    said = etlgan("bench", "train", "--rounds", "1", "--json")
    speeds = json.loads(said.out)["speeds"]
    assert [speed["name"] for speed in speeds] == [throughput.SCRIPT, "classic, batch 64"]
    assert speeds[0]["ratio"] == 1
    assert speeds[1]["ratio"] > 0  # how much is for a quiet machine to say
    assert 2 < speeds[1]["megabytes"] < 50
    assert 0.2 < speeds[1]["gflop"] < 0.8, "the lean net's operations: a third of the script's 1.4"


@pytest.mark.slow
def test_bench_devices(etlgan: Typed) -> None:
    told = json.loads(etlgan("bench", "devices", "--rounds", "1", "--json").out)
    figures = {figure["name"]: figure["median"] for figure in told["figures"]}
    assert figures["two in one run / two side by side"] > 0.3
    assert {row["name"]: row["bytes"] for row in told["traffic"]}["xs, 32 px, 10 characters"] == 4 * (476_239 + 523_601)
