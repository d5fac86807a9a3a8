"""The arithmetic of the OCR gain, the subsets it is made of, and the command from end to end in tiny numbers."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from core.errors import ConfigError
from core.glyphs import glyphset
from core.glyphs.glyphset import GlyphSet
from core.judge import pupil
from core.judge.pupil import Food
from core.rundir import Home, RunDir, write_json
from core.studies.gain import kept, outcome, plan, subsets
from core.studies.gain.outcome import Gain, Outcome
from core.studies.plans import GAINS
from etlgan_tui.cli import main


def test_the_interval_holds_the_truth_and_tells_no_gain_from_a_small_one() -> None:
    random = np.random.default_rng(0)
    right = random.random((3, 400)) < 0.9
    nothing = np.where(random.random((3, 400)) < 0.5, right, random.random((3, 400)) < 0.9)
    better = right | (random.random((3, 400)) < 0.5)
    writers = np.arange(400) // 10
    low, high = outcome.interval(nothing.astype(float) - right, writers)
    assert low < 0 < high
    low, high = outcome.interval(better.astype(float) - right, writers)
    assert 0 < low < 0.05 < high
    one_writer = np.zeros((1, 400))
    one_writer[:, :10] = 1  # read better in one hand only: as likely chance
    assert outcome.interval(one_writer, writers)[0] == 0
    assert outcome.interval(one_writer, np.zeros(400, np.int64))[0] > 0  # no writers known: by image


def test_few_images_are_those_of_few_writers(cache: Path) -> None:
    data = plan.real_domain("penman", "あいう", pool=12, held_out=3)
    glyphs = glyphset.load(data)
    poor = np.array([False, True, True])
    some = subsets.choose(glyphs, 2, 0, poor)
    assert np.bincount(some.labels).tolist() == [12, 2, 2]
    rows = [int(np.flatnonzero((np.asarray(glyphs.images) == image).all((1, 2)))[0]) for image in some.images]
    assert not glyphs.held_out[rows].any()
    writers = glyphs.groups[rows]
    assert set(writers[some.labels == 1]) == set(writers[some.labels == 2])
    other = subsets.choose(glyphs, 2, 1, poor)
    assert not np.array_equal(some.images[some.labels == 1], other.images[other.labels == 1])
    assert np.bincount(subsets.choose(glyphs, 0, 0, poor).labels, minlength=3).tolist() == [12, 0, 0]
    assert cache.is_dir()


def test_a_written_subset_is_read_back_as_it_is(cache: Path, tmp_path: Path) -> None:
    glyphs = glyphset.load(plan.real_domain("penman", "あいう", pool=12, held_out=3))
    subset = subsets.choose(glyphs, 2, 0, np.ones(3, bool))
    place = subsets.written(tmp_path, subset, glyphs.characters)
    assert place == subsets.written(tmp_path, subset, glyphs.characters)
    back = glyphset.load(
        plan.real_domain(f"folder:{place}", "あいう", pool=12, held_out=0)
    ).part(held_out=False)  # fmt: skip
    assert np.array_equal(back[0], subset.images)
    assert np.array_equal(back[1], subset.labels)
    assert cache.is_dir()


def test_augmentation_moves_every_image_a_little() -> None:
    torch.manual_seed(0)
    images = torch.zeros(30, 1, 32, 32)
    images[:, :, 8:24, 14:18] = 1
    changed = pupil.augment(images)
    assert changed.shape == images.shape
    assert 0 <= float(changed.min()) <= float(changed.max()) <= 1
    assert all(not torch.equal(a, b) for a, b in zip(changed, images, strict=True))
    ink = changed.sum((1, 2, 3)) / images.sum((1, 2, 3))
    assert 0.4 < float(ink.min()) <= float(ink.max()) < 2.6


def test_a_pupil_learns_what_only_one_source_shows() -> None:
    torch.set_num_threads(1)
    images = np.zeros((3, 32, 32), np.uint8)
    images[0, 4:28, 14:18], images[1, 14:18, 4:28], images[2, 6:12, 6:12] = 255, 255, 255
    labels = np.arange(3)
    reader = pupil.train([Food(images[:2], labels[:2], 0.5), Food(images[2:], labels[2:], 0.5)], 3, steps=30, seed=0)
    assert reader.read(images).label.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "calls", [[[], []], pytest.param([[], [], ["--look", "prepared"]], marks=pytest.mark.slow)], ids=["twice", "look"]
)
def test_the_command_goes_on_where_it_was(
    tmp_path: Path,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    calls: list[list[str]],
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    home = Home(tmp_path)
    words = [
        "ocr-gain",
        "--chars",
        "あい",
        "--half",
        "--n",
        "0",
        "--seeds",
        "1",
        "--steps",
        "3",
        "--pen-steps",
        "2",
        "--reader-steps",
        "10",
    ]
    words += ["--pool", "8", "--held-out", "4", "--home", str(home.root), "--json"]
    said, told = [], []
    for more in calls:
        if more:
            assert len(list(home.runs.iterdir())) == 2  # embedded handwriting, then the mixture
        with pytest.raises(SystemExit) as ended:
            main([*words, *more])
        assert not ended.value.code
        heard = capsys.readouterr()
        said.append(json.loads(heard.out))
        told.append(heard.err.splitlines()[-2:])
    assert said[0] == said[1]
    assert list(said[0]["accuracy"]["0"]) == ["real", "augmented", "+ embedded", "+ generated", "+ both"]
    assert [(gain["arm"], gain["over"]) for gain in said[0]["gains"]] == [
        ("+ generated", "augmented"), ("+ generated", "+ embedded"), ("+ both", "+ embedded")
    ]  # fmt: skip
    sources = sorted(json.loads((run / "config.json").read_bytes())["data"]["source"] for run in home.runs.iterdir())
    looks = ["clean", *(more[-1] for more in calls if more)]
    wanted = sorted(f"{name}penman:{look}" for look in looks for name in ("pen=", ""))
    assert [source.partition("+")[0] for source in sources] == wanted
    assert sorted(path.name for path in (home.studies / "ocr-gain-half").iterdir()) == ["data", "readings"]
    assert told[0] == told[1]
    places = [path for path in home.studies.iterdir() if path.name != "ocr-gain-half"]
    assert len(places) == len(looks), "the pen in another look is another result"
    for place in places:
        tree = json.loads((place / "scores.json").read_bytes())
        assert tree["kind"] == "ocr-gain-half"
        assert [row["real_per_char"] for row in tree["gain"]] == [0]
        assert (place / "ocr-gain.png").stat().st_size > 1000
        assert any(str(place / "scores.json") in lines[0] and str(place) in lines[1] for lines in told)
    assert cache.is_dir()


@pytest.mark.slow
def test_one_generator_of_embedded_handwriting_serves_all_subsets(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    words = (
        "ocr-gain --chars あい --n 1 --n 2 --seeds 2 --pen-steps 2 --reader-steps 10 --pool 8 --held-out 4 --extra 3"
    )
    with pytest.raises(SystemExit) as ended:
        main([*words.split(), "--set", "data.per_char=6", "--json", "--home", str(tmp_path)])
    assert not ended.value.code
    (run,) = Home(tmp_path).runs.iterdir()
    data = json.loads((run / "config.json").read_bytes())["data"]
    assert (data["source"], data["per_char"]) == ("penman:prepared", 6)
    shares = json.loads(capsys.readouterr().out)["accuracy"]
    assert {n: len(arms["+ generated"]) for n, arms in shares.items()} == {"1": 2, "2": 2}
    assert cache.is_dir()


def asked(*few: int, seeds: int = 1, **changes: Any) -> plan.Plan:
    data = plan.real_domain(changes.pop("source", "penman"), changes.pop("chars", "あい"), pool=12, held_out=3)
    return plan.Plan(data=data, few=few, seeds=seeds, **changes)


def came(accuracy: dict[int, int], value: float) -> Outcome:
    """An outcome: by real images how many seeds; all shares are the value, and so are the gains."""
    gains = [Gain(n, arm, over, value, value, value) for n in accuracy for arm, over in plan.COMPARED]
    return Outcome({n: dict.fromkeys(plan.ARMS, [value] * seeds) for n, seeds in accuracy.items()}, gains)


def test_questions_that_differ_in_more_than_numbers_seeds_and_pace_have_folders_of_their_own(tmp_path: Path) -> None:
    home = Home(tmp_path)
    first = kept.place(home, asked(5), "f")
    same = [asked(20), asked(5, 20, seeds=3), asked(5, threads=1)]
    assert {kept.place(home, each, "f") for each in same} == {first}
    others = [
        asked(5, half=True), asked(5, chars="あう"), asked(5, source="etl:/e"), asked(5, how="warm"), asked(5, steps=9),
        asked(5, pen_steps=9), asked(5, reader_steps=9), asked(5, mix=0.2), asked(5, look="clean"), asked(5, size="s"),
        asked(5, lr=1e-3), asked(5, extra=9), asked(5, temperature=2), asked(5, changes=()),
    ]  # fmt: skip
    assert (
        len({first, kept.place(home, asked(5), "other files"), *(kept.place(home, each, "f") for each in others)}) == 16
    )
    assert kept.place(home, asked(5, chars="hiragana-a-ka"), "f").name.startswith("ocr-gain-hiragana-a-ka-")
    assert kept.place(home, asked(5, chars="../../あ"), "f").parent == home.studies


def test_settings_of_the_generators_are_values_however_they_are_written() -> None:
    usual = plan.Plan._field_defaults["changes"]
    assert plan.changed(usual, {}) == usual
    other = dict(plan.changed(usual, {"recipe.r1": "0.3", "data.per_char": "700", "model.noise": "16"}))
    assert other == {**dict(usual), "recipe.r1": 0.3, "data.per_char": 700, "model.noise": 16}
    for wrong in ({"recipe.r3": "1"}, {"recipe.r1": "-1"}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            plan.changed(usual, wrong)


def test_one_character_is_nothing_to_tell_apart() -> None:
    with pytest.raises(ConfigError, match="--chars あ: a recogniser needs two characters"):
        plan.check(plan.Plan(plan.real_domain("penman", "あ"), few=(5,), seeds=1))


@pytest.mark.parametrize(
    ("words", "steps", "lr", "per_char", "held_out"),
    [
        ([], 400, 1e-4, 3000, 1000),
        (["--steps", "7", "--lr", "0.01", "--set", "data.per_char=9", "--held-out", "3"], 7, 0.01, 9, 3),
        (["--gan", "subset"], 800, 5e-4, 3000, 1000),
        (["--half"], 1200, 5e-4, 700, 200),
        (["--data", "kmnist:nowhere"], 400, 1e-4, 3000, 200),
    ],
    ids=str,
)
def test_defaults_are_those_of_the_question(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    words: list[str],
    steps: int,
    lr: float,
    per_char: int,
    held_out: int,
) -> None:
    heard: list[plan.Plan] = []

    def run(_home: Home, plan: plan.Plan, **_: object) -> tuple[Outcome, Path]:
        heard.append(plan)
        return Outcome({}, []), tmp_path

    monkeypatch.setattr("core.studies.gain.study.run", run)
    with pytest.raises(SystemExit) as ended:
        main(["ocr-gain", "--chars", "あい", *words])
    assert not ended.value.code
    (asked,) = heard
    assert (asked.steps, asked.lr, dict(asked.changes)["data.per_char"], asked.data.held_out) == (
        steps, lr, per_char, held_out
    )  # fmt: skip


def test_the_table_asks_what_the_commands_ask_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    heard: list[plan.Plan] = []

    def run(_home: Home, plan: plan.Plan, **_: object) -> tuple[Outcome, Path]:
        heard.append(plan)
        return Outcome({}, []), tmp_path

    monkeypatch.setattr("core.studies.gain.study.run", run)
    for words in ([], ["--half", "--n", "0"]):
        with pytest.raises(SystemExit):
            main(["ocr-gain", *words])
    assert [each.question for each in heard] == [row.plan.question for row in GAINS.values()]


def test_later_calls_add_and_more_seeds_stay(tmp_path: Path, cache: Path) -> None:
    home = Home(tmp_path)
    glyphs = glyphset.load(asked(5).data)
    place = write(home, asked(5, 20, seeds=3), came({5: 3, 20: 3}, 0.1), glyphs)
    scores = RunDir(place).scores
    write(home, asked(5, plan.ALL), came({5: 1, plan.ALL: 1}, 0.2), glyphs)
    assert gains(scores) == [(5, 3, 0.1), (20, 3, 0.1), ("all", 1, 0.2)], "fewer seeds do not replace more"
    write(home, asked(20, seeds=3), came({20: 3}, 0.3), glyphs)
    assert gains(scores) == [(5, 3, 0.1), (20, 3, 0.3), ("all", 1, 0.2)], "of as many the newer"
    tree = json.loads(scores.read_bytes())
    assert list(tree["accuracy"]) == ["5", "20", "all"]
    assert tree["settings"] | {"few": [5, 20, "all"], "seeds": 3} == tree["settings"]
    assert (tree["data"]["source"], tree["data"]["chars"], tree["data"]["style"]) == ("penman", "あい", "scanned")
    assert len(tree["gains"]) == 9
    assert kept.read(scores).gains[-1].few == plan.ALL
    for damaged in ("[", '{"accuracy": 3}', '{"accuracy": {"x": {}}, "gains": []}'):
        scores.write_text(damaged)
        assert kept.read(scores) == Outcome({}, [])
    write_json(scores, tree | {"accuracy": {"5": {"real": [0.5]}}})  # arms of another version
    assert kept.read(scores).accuracy == {}
    assert cache.is_dir()


def write(home: Home, question: plan.Plan, found: Outcome, glyphs: GlyphSet) -> Path:
    place = kept.write(home, question, found, glyphs)
    assert (place / "ocr-gain.png").stat().st_size > 1000
    return place


def gains(scores: Path) -> list[tuple[object, int, float]]:
    rows = json.loads(scores.read_bytes())["gain"]
    return [(row["real_per_char"], row["seeds"], row["gain"]) for row in rows]


def test_a_look_is_asked_of_embedded_handwriting_only() -> None:
    assert plan.real_domain("penman", "あ").style == "scanned"
    assert plan.real_domain("penman", "あ", style="clean").style == "clean"
    assert plan.real_domain("etl:/e", "あ").source == "etl:/e"
    with pytest.raises(ConfigError, match="--data penman"):
        plan.real_domain("etl:/e", "あ", style="scanned")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--style", "old"], "data.style=old: must be"),
        (["--size", "huge"], "model.size=huge: must be"),
        (["--n", "few"], "--n few: must be a number of images, or all"),
        (["--n", "0"], "at least one real image"),
        (["--gan", "magic"], "must be pen, subset, warm or mixed"),
        (["--look", "old"], "must be clean or prepared"),
        (["--half", "--gan", "warm"], "--gan mixed"),
        (["--half", "--gan", "pen"], "--gan mixed"),
        (["--gan", "warm", "--pen-steps", "0"], "nothing to begin with"),
        (["--pen-steps", "0"], "nothing to begin with"),
        (["--set", "recipe.r3=1"], "recipe.r3"),
        (["--lr", "7"], "train.lr=7"),
        (["--temperature", "3"], "--temperature"),
    ],
)
def test_bad_plans_are_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["ocr-gain", *words])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_what_a_table_shows_is_of_its_own_question(tmp_path: Path) -> None:
    home, one, other = Home(tmp_path), asked(5, 20, seeds=2), asked(5, steps=7)

    def write(question: plan.Plan, outcome: Outcome, fingerprint: str, time: float) -> Path:
        glyphs = SimpleNamespace(fingerprint=fingerprint, characters="あい")
        folder = kept.write(home, question, outcome, glyphs)  # type: ignore[arg-type]
        path = RunDir(folder).scores
        path.write_text(json.dumps({**json.loads(path.read_bytes()), "time": time}))
        return path

    assert kept.measured(home, one) == Outcome({}, [])
    write(one, came({5: 1, 80: 1}, 0.5), "new", 2.0)
    write(one, came({5: 3}, 0.25), "of data that has changed since", 1.0)
    last = write(other, came({5: 1}, 0.75), "new", 3.0)
    assert kept.measured(home, one) == came({5: 1}, 0.5), "20 is not there, 80 was not asked for"
    assert kept.measured(home, other) == came({5: 1}, 0.75)
    for damaged in ('{"settings": 3}', "[", '{"data": null, "settings": {}, "time": "soon"}'):
        last.write_text(damaged)
        assert kept.measured(home, other) == Outcome({}, [])
