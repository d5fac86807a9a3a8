"""Cut off, go on, refuse: what is in OUT is always a whole export, or known to be a part of one."""

import json
import re
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import events
from core.errors import ConfigError, RunError
from core.export import state
from core.export.card import Made, below, licence_notes, made_from
from core.export.characters import Characters
from core.export.formats import FORMATS
from core.export.job import carry_out
from core.gan.sample import Sampler
from core.rundir import RunDir, write_json

from .conftest import drawn, tree

Job = Callable[..., Characters]


class PulledPlugError(Exception):
    """Stands for kill -9: nothing of ours runs after it but `finally`."""


def cut_off(job: Characters, after: int) -> None:
    def progress(done: int, _total: int) -> None:
        if done >= after:
            raise PulledPlugError

    with pytest.raises(PulledPlugError):
        carry_out(job, progress=progress)


@contextmanager
def small_disk(size: int) -> Iterator[None]:
    """No file may grow past `size` bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("kind", ["png", "idx", "webdataset", "npz"])
def test_what_was_cut_off_goes_on_to_the_same_bytes(job: Job, tmp_path: Path, kind: str) -> None:
    carry_out(job(tmp_path / "whole", kind, shards=3))
    cut_off(job(tmp_path / "cut", kind, shards=3), after=100)
    assert not (tmp_path / "cut" / "card.json").exists()
    outcome = carry_out(job(tmp_path / "cut", kind, shards=3), resume=True)
    assert (outcome.written, outcome.complete) == (100, True)  # the first shard of 50 was there
    assert tree(tmp_path / "cut") == tree(tmp_path / "whole")
    assert carry_out(job(tmp_path / "cut", kind, shards=3), resume=True).written == 0


@pytest.mark.parametrize("kind", ["idx", "webdataset", "npz"])
def test_a_full_disk_is_one_line_and_resume_goes_on(job: Job, tmp_path: Path, kind: str) -> None:
    carry_out(job(tmp_path / "whole", kind, shards=2))
    with small_disk(60_000), pytest.raises(RunError, match="--resume goes on") as told:
        carry_out(job(tmp_path / "out", kind, shards=2))
    assert "\n" not in str(told.value)
    assert "File too large" in str(told.value)
    carry_out(job(tmp_path / "out", kind, shards=2), resume=True)
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_a_sample_does_not_depend_on_its_neighbours(job: Job, tmp_path: Path) -> None:
    made = job(tmp_path / "out", counts=dict.fromkeys("あい亜", 90))
    images, _ = drawn(made)
    for first, end in ((0, 1), (63, 65), (100, 230), (269, 270)):
        batches = list(made.drawer.batches(first, end, made.drawer.nothing_filtered()))
        assert batches[0].first == first
        np.testing.assert_array_equal(np.concatenate([batch.images for batch in batches]), images[first:end])
    shorter, _ = drawn(job(tmp_path / "out", counts=dict.fromkeys("あい亜", 40)))
    np.testing.assert_array_equal(shorter, images[:120])
    other, _ = drawn(job(tmp_path / "out", counts=dict.fromkeys("あい亜", 40), seed=1))
    assert (other != shorter).any()


def test_a_writer_has_one_style(job: Job, tmp_path: Path) -> None:
    for writers in (True, False):
        made = job(tmp_path / "out", writers=writers)
        batches = list(made.drawer.batches(0, 30, made.drawer.nothing_filtered()))
        codes = np.concatenate([batch.codes for batch in batches])
        assert all((codes[i : i + 3] == codes[i]).all() for i in range(0, 30, 3)) is writers


def test_frequencies(job: Job, tmp_path: Path) -> None:
    _, characters = drawn(job(tmp_path / "out", counts={"亜": 70, "あ": 3}))
    assert (characters.count("亜"), characters.count("あ"), len(characters)) == (70, 3, 73)


def test_a_job_whose_notes_another_one_tidied_away_is_done_too(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two jobs of one export: the last shard of the other is whole while this one says what it is at."""
    made = job(tmp_path / "out", "idx", counts={"あ": 2})
    made.out.mkdir()

    def late(path: Path, _tree: object) -> None:
        write_json(made.out / "card.json", {"fingerprint": made.fingerprint})
        raise FileNotFoundError(path)

    monkeypatch.setattr(state, "write_json", late)
    assert carry_out(made).complete
    (made.out / "card.json").unlink()
    monkeypatch.setattr(state, "write_json", lambda path, _tree: (made.out / "nowhere" / path.name).write_text(""))
    with pytest.raises(RunError, match="No such file"):
        carry_out(made)


def test_a_folder_that_is_not_empty(job: Job, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    for resume, force in ((False, False), (True, False), (False, True)):
        with pytest.raises(ConfigError):
            carry_out(job(out, "idx"), resume=resume, force=force)
    assert tree(out) == {"thesis.txt": b"mine"}


def test_another_export_is_neither_resumed_nor_overwritten_by_chance(job: Job, tmp_path: Path) -> None:
    out = tmp_path / "out"
    carry_out(job(out, "png"))
    before = tree(out)
    with pytest.raises(ConfigError, match="--resume goes on"):
        carry_out(job(out, "png"))
    with pytest.raises(ConfigError, match="another export"):
        carry_out(job(out, "png", seed=1), resume=True)
    assert tree(out) == before
    for own in ("train.py", "U+3042/mine.png"):
        (out / own).write_text("mine")
        with pytest.raises(ConfigError, match=rf"{re.escape(own)}: is no part of an export"):
            carry_out(job(out, "idx", seed=1), force=True)
        assert tree(out) == before | {own: b"mine"}
        (out / own).unlink()
    carry_out(job(out, "idx", seed=1), force=True)
    assert set(tree(out)) == {"README.md", "card.json", "characters.csv", "images-idx3-ubyte", "labels-idx1-ubyte"}


@pytest.mark.parametrize("kind", FORMATS)
def test_all_that_an_export_makes_can_be_replaced(job: Job, tmp_path: Path, kind: str) -> None:
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    few = dict.fromkeys("あい亜", 8)
    for cut in (False, True):
        out = tmp_path / f"{cut}"
        if cut:
            cut_off(job(out, kind, counts=few, shards=2), after=20)
            (out / ".card.json.77.tmp").write_text("half")
        else:
            carry_out(job(out, kind, counts=few, shards=2))
        carry_out(job(out, "npz", counts=few, seed=1), force=True)
        assert set(tree(out)) == {"README.md", "card.json", "data-00000-of-00001.npz"}


def test_out_is_a_file(job: Job, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(ConfigError, match="is a file"):
        carry_out(job(tmp_path / "out"))


def test_the_card_tells_what_it_was_made_from(job: Job, tmp_path: Path) -> None:
    carry_out(job(tmp_path / "out", "idx", seed=5))
    card: dict[str, Any] = json.loads((tmp_path / "out" / "card.json").read_text())
    assert card["run"]["step"] == 6
    assert len(card["run"]["checkpoint_sha256"]) == 64
    assert (card["export"]["seed"], card["export"]["counts"]["亜"]) == (5, 50)
    assert "KanjiVG" in card["licence"][0]
    text = (tmp_path / "out" / "README.md").read_text()
    for word in ("150 characters", "seed 5", "penman", "CC BY-SA", "50 each of 3: あい亜", "Nobody judged"):
        assert word in text, word


class Doubtful:
    """Reads every fifth image of い as あ, by its pixels alone, and is certain of 亜 only half the time."""

    def __call__(self, images: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        digest = np.array([int(image.astype(np.int64).sum()) for image in images])
        return np.zeros(len(images), np.int64), np.where(digest % 2, 0.95, 0.4).astype(np.float32)


def test_the_filter_draws_again_and_reports(job: Job, tmp_path: Path) -> None:
    """The judge calls everything あ: い is never read, half of あ only with doubt."""
    counts = {"あ": 40, "い": 20}
    made = job(tmp_path / "out", "png", counts=counts, confidence=0.9, reader=Doubtful(), shards=2)
    carry_out(made)
    told = json.loads((tmp_path / "out" / "card.json").read_text())["filter"]
    assert told["い"] == {"samples": 20, "drawn": 200, "kept_below": 20}
    assert told["あ"]["samples"] == 40
    assert 55 <= told["あ"]["drawn"] <= 140
    assert told["あ"]["kept_below"] == 0
    assert below(tmp_path / "out") == {"い": 20}
    assert "drawn again" in (tmp_path / "out" / "README.md").read_text().lower()
    lines = (tmp_path / "out" / "labels.csv").read_text().splitlines()
    confidence = {line.split(",")[2]: line.rsplit(",", 1)[1] for line in lines[1:]}
    assert confidence == {"あ": "0.95", "い": "0.0"}
    plain, _ = drawn(job(tmp_path / "plain", counts=counts))
    kept, _ = drawn(made)
    same = (plain == kept).all((1, 2))
    assert 0 < same[[*range(0, 40, 2)]].sum() < 20  # those of あ that were read at once are what they were


def test_the_scanned_look(job: Job, tmp_path: Path) -> None:
    clean, _ = drawn(job(tmp_path / "a"))
    cells, _ = drawn(job(tmp_path / "b", look="scanned"))
    assert cells.shape == (150, 63, 64)
    assert set(np.unique(cells % 17)) == {0}
    again = list(
        job(tmp_path / "b", look="scanned").drawer.batches(70, 80, job(tmp_path / "b").drawer.nothing_filtered())
    )
    np.testing.assert_array_equal(np.concatenate([batch.images for batch in again]), cells[70:80])
    dark, _ = drawn(job(tmp_path / "c", black_on_white=True))
    np.testing.assert_array_equal(255 - dark, clean)


def test_the_card_carries_the_scores_of_its_checkpoint(job: Job, run: RunDir, tmp_path: Path) -> None:
    home = tmp_path / "run"
    shutil.copytree(run.path, home)
    judged = RunDir(home)
    scored = [events.Scored(step=step, time=0.0, scores={"gan_test": step / 10}) for step in (4, 6, 8)]
    judged.events.write_bytes(b"".join(map(events.encode, scored)))
    config = Sampler.load(judged).config
    assert made_from(judged, config, 6).scores["columns"] == {"generated": {"gan_test": 0.6}}  # not of a later step
    write_json(
        judged.scores, {"step": 6, "columns": {"generated": {"gan_test": 0.9}, "held-out real": {"gan_test": 1}}}
    )
    made = job(tmp_path / "out", "idx")
    made.made = made_from(judged, config, 6)
    carry_out(made)
    text = (tmp_path / "out" / "README.md").read_text()
    assert "| generated read as asked (`gan_test`) | 90.00 % | 100.00 % |" in text
    assert "held-out real" in text


def judged_at(tmp_path: Path, run: RunDir, *, whole: int = 0, quick: tuple[int, ...] = (), domain: str = "") -> Made:
    """The run's checkpoint of step 6, judged at these steps; `domain`: it learned from two, and this one was judged."""
    home = tmp_path / "judged"
    shutil.copytree(run.path, home)
    judged = RunDir(home)
    scored = [events.Scored(step=step, time=0.0, scores={"gan_test": step / 10}) for step in quick]
    judged.events.write_bytes(b"".join(map(events.encode, scored)))
    if whole:
        columns = {"generated": {"gan_test": 0.9}}
        write_json(judged.scores, {"step": whole, "columns": columns, "domain": domain or None})
    if domain:
        facts = judged.checkpoint(6).with_suffix(".json")
        write_json(facts, json.loads(facts.read_text()) | {"domains": ["pen", "etl"]})
    return made_from(judged, Sampler.load(run).config, 6)


@pytest.mark.parametrize(
    ("judged", "asked", "words", "table"),
    [
        ({}, None, "Nobody judged this run yet. `etlgan score judged --checkpoint 6` does", False),
        (
            {"whole": 8},
            None,
            "judged at step 8, and this export is of step 6. `etlgan score judged --checkpoint 6` judges this one",
            False,
        ),
        ({"quick": (7, 8, 1200)}, None, "judged at step 7, 8, 1,200, and this export is of step 6", False),
        ({"whole": 6}, None, "Card `whole` of step 6.", True),
        (
            {"whole": 8, "quick": (4, 8)},
            None,
            "Card `quick` of step 4. This export is of step 6: `etlgan score judged --checkpoint 6` judges that.",
            True,
        ),
        ({"whole": 6, "domain": "etl"}, None, "Card `whole` of step 6, domain `etl`.", True),
        (
            {"whole": 6, "domain": "etl"},
            "pen",
            "Card `whole` of step 6, domain `etl`. This export is in the look of domain `pen`: "
            "`etlgan score judged --checkpoint 6 --domain pen` judges that.",
            True,
        ),
        (
            {"quick": (4,), "domain": "etl"},
            "pen",
            "Card `quick` of step 4, domain `etl`. This export is of step 6 and in the look of domain `pen`: ",
            True,
        ),
    ],
)
def test_the_card_says_of_what_its_scores_are(
    job: Job, run: RunDir, tmp_path: Path, judged: dict[str, Any], asked: str | None, words: str, table: bool
) -> None:
    made = job(tmp_path / "out", "idx", counts={"あ": 2})
    made.made = judged_at(tmp_path, run, **judged)
    made.request = made.request._replace(domain=asked)
    carry_out(made)
    text = (tmp_path / "out" / "README.md").read_text()
    told = text.partition("## Scores\n\n")[2].partition("\n")[0]
    assert words in told
    assert told.endswith(words) or words.endswith(" ") or not table
    assert ("(`gan_test`) |" in text) is table


def test_the_card_says_that_another_temperature_was_not_judged(job: Job, run: RunDir, tmp_path: Path) -> None:
    made = job(tmp_path / "out", "idx", counts={"あ": 2})
    made.made = judged_at(tmp_path, run, whole=6)
    made.request = made.request._replace(temperature=1.3)
    carry_out(made)
    told = (tmp_path / "out" / "README.md").read_text().partition("## Scores\n\n")[2].partition("\n")[0]
    assert told == "Card `whole` of step 6. It judged temperature 1; this export was drawn at 1.3."


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("etl:/data", ["AIST", "cite"]),
        ("etl:/my data", ["AIST"]),
        ("penman+etl:/d", ["KanjiVG", "AIST"]),
        ("pen=penman+real=etl:/d", ["KanjiVG", "AIST"]),
        ("mnist:/d", ["mnist"]),
    ],
)
def test_licence_notes_name_the_data(source: str, words: list[str]) -> None:
    told = " ".join(licence_notes(source))
    assert all(word in told for word in words)
    assert "/d" not in told
    assert len(licence_notes(source)) == len(source.split("+"))


def test_the_licence_of_a_path_is_of_what_was_found_there() -> None:
    assert "AIST" in licence_notes("/my/scans", "ETL9G (2 files)")[0]
    assert "your own files (scans)" in licence_notes("/my/scans", "scans (70 image files, 3 characters)")[0]
    mixed = licence_notes("a=/d/one+b=/d/two", "a: one (7 image files, 3 characters) + b: ETL1 (1 file)")
    assert ["AIST" in note for note in mixed] == [False, True]
