"""`score`, `bench train` and `bench quality` with the real trainer and a judge that learned for a moment."""

import json

import pytest
import torch

from core.judge import score
from core.rundir import Home

from .conftest import Typed, complains

SETTINGS = {
    "data.chars": "くこ", "data.per_char": 20, "data.held_out": 10, "model.noise": 8, "train.steps": 3,
    "train.batch_size": 8, "train.device": "cpu", "train.precision": "fp32", "train.threads": 1,
}  # fmt: skip
SMALL = [text for name, value in SETTINGS.items() for text in ("--set", f"{name}={value}")]


@pytest.fixture(autouse=True)
def short_study(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001  (its environment comes first)
    monkeypatch.delenv("ETLGAN_TRAINER")
    monkeypatch.setattr(score, "JUDGE_IMAGES", 40)
    monkeypatch.setattr(score, "JUDGE_STEPS", (30, 0))
    torch.set_num_threads(1)


def test_a_run_is_scored_beside_held_out_writers(etlgan: Typed) -> None:
    assert etlgan("run", *SMALL).code == 0
    said = etlgan("score", "last", "--per-char", "20", "--json")
    card = json.loads(said.out)
    assert said.code == 0
    assert set(card["generated"]["per_character"]) == {"く", "こ"}
    assert card["real"]["overall"] > 0.8, "く and こ of other writers are easily told apart"
    assert card["generated"]["worst"] <= card["generated"]["overall"] <= card["real"]["overall"], (
        "3 steps teach nothing"
    )
    assert card["spread"] > 0
    table = etlgan("score", "last", "--per-char", "20")
    assert "held-out real" in table.out
    assert "training the judge" not in table.err, "the judge comes from the cache"


def test_nothing_to_judge_is_one_clear_line(etlgan: Typed) -> None:
    assert etlgan("run", *SMALL, "--set", "data.held_out=0").code == 0
    said = etlgan("score", "last", "--per-char", "4")
    assert said.code == 1
    assert "held out no images" in said.err.splitlines()[-1]
    complains(etlgan("score", "nobody"), "nobody", code=1)


def test_quality_trains_judges_and_sums_up(etlgan: Typed) -> None:
    said = etlgan("bench", "quality", "hiragana-a-ka", "--seeds", "2", "--per-char", "4", *SMALL)
    assert said.code == 0, said.err
    lines = said.out.splitlines()
    assert len(lines) == 4
    assert lines[-1].startswith("2 seeds: ")
    assert "read right" in lines[0]


def test_training_is_timed_against_the_public_script(etlgan: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.studies import throughput

    monkeypatch.setattr(throughput, "IMAGES", 64)
    monkeypatch.setattr(throughput, "WARM_UP", 1)
    monkeypatch.setattr(throughput, "CASES", dict(list(throughput.CASES.items())[:1]))
    said = etlgan("bench", "train", "--rounds", "1", "--json")
    speeds = json.loads(said.out)["speeds"]
    assert [speed["name"] for speed in speeds] == [throughput.SCRIPT, "classic, batch 64"]
    assert speeds[0]["ratio"] == 1
    assert speeds[1]["ratio"] > 1, "fewer operations and bf16 or not: never slower than the script"
