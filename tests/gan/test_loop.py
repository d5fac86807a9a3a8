"""Training in this process: the rhythm, resuming without a seam, and ends of every kind."""

import io
import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image

from core.errors import RunError
from core.events import TIME_FIELDS, AnyEvent, Sampled, Saved, Scored, Step
from core.gan import checkpoint, grid, loop
from core.gan.sample import Sampler
from core.rundir import RunDir
from core.settings import RunConfig

Small = Callable[..., RunConfig]
NewRun = Callable[..., RunDir]
Attempt = Callable[[RunConfig, RunDir], Any]


def timeless(said: Sequence[AnyEvent], *kinds: type) -> list[dict[str, Any]]:
    """Events without what the clock says (paths stay: names of files hold no time)."""
    chosen = [event for event in said if not kinds or isinstance(event, kinds)]
    drop = TIME_FIELDS - {"path"}
    return [{k: v for k, v in msgspec.to_builtins(event).items() if k not in drop} for event in chosen]


def equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    assert first.keys() == second.keys()
    different = [name for name in first if not torch.equal(first[name], second[name])]
    assert not different
    return True


def test_two_runs_of_one_seed_are_equal(small: Small, new_run: NewRun, attempt: Attempt) -> None:
    config = small(train__steps=5, train__save_every=3, train__sample_every=2, recipe__augment=0.5)
    first, second = (attempt(config, new_run(config, name)) for name in "ab")
    other_config = small(train__steps=5, seed=1)
    other = attempt(other_config, new_run(other_config, "c"))
    for each in (first, second, other):
        assert each.go() is False
    assert timeless(first.said) == timeless(second.said)
    assert len(timeless(first.said, Step)) == 5
    assert equal(first.weights(), second.weights())
    assert timeless(first.said, Step) != timeless(other.said, Step)
    for picture in first.training.run.samples.iterdir():
        assert picture.read_bytes() == (second.training.run.samples / picture.name).read_bytes()


@pytest.mark.parametrize(
    ("changes", "stop"),
    [
        ({"train__report_every": 2}, 3),
        ({"recipe__name": "classic"}, 4),
        ({"recipe__name": "infogan"}, 4),
        ({"recipe__ramp": 0.5, "recipe__augment": 0.5}, 1),
    ],
)
def test_a_stop_and_a_resume_leave_no_seam(
    small: Small, new_run: NewRun, attempt: Attempt, changes: dict[str, Any], stop: int
) -> None:
    config = small(train__steps=6, **changes)
    whole = attempt(config, new_run(config, "whole"))
    assert whole.go() is False
    run = new_run(config, "parts")
    first = attempt(config, run)
    assert first.go(until=stop) is True
    second = attempt(config, run)
    assert second.training.step == stop
    assert second.go() is False
    assert timeless(first.said + second.said, Step) == timeless(whole.said, Step)
    assert equal(second.weights(), whole.weights())
    assert (
        checkpoint.find(run, "last").path.read_bytes() == checkpoint.find(whole.training.run, "last").path.read_bytes()
    )


def test_the_end_can_be_moved(small: Small, new_run: NewRun, attempt: Attempt) -> None:
    config = small(train__steps=2)
    run = new_run(config)
    attempt(config, run).go()
    again = attempt(config, run)
    assert again.go() is False  # at its end already: nothing to train, nothing new to save
    assert timeless(again.said, Step, Saved) == []
    longer = attempt(small(train__steps=4), run)
    assert longer.go() is False
    assert [event["step"] for event in timeless(longer.said, Step)] == [3, 4]
    assert checkpoint.find(run, "last").step == 4


def test_a_stop_before_the_first_step_writes_no_checkpoint(small: Small, new_run: NewRun, attempt: Attempt) -> None:
    config = small()
    made = attempt(config, new_run(config))
    assert made.go(until=0) is True
    assert checkpoint.everything(made.training.run) == []
    assert made.training.step == 0


def test_a_stop_at_the_end_is_the_end(small: Small, new_run: NewRun, attempt: Attempt) -> None:
    config = small(train__steps=2)
    made = attempt(config, new_run(config))
    assert made.go(until=2) is False


def test_the_rhythm(small: Small, new_run: NewRun, attempt: Attempt) -> None:
    config = small(train__steps=7, train__report_every=2, train__sample_every=3, train__save_every=4, train__keep=1)
    made = attempt(config, new_run(config))
    made.go()
    said = [(type(event).__name__, event.step) for event in made.said]
    assert [step for name, step in said if name == "Step"] == [2, 4, 6, 7], (
        "the last one too, though 2 does not divide it"
    )
    assert [step for name, step in said if name == "Saved"] == [4, 7]
    grids = [event.step for event in made.said if isinstance(event, Sampled) and event.kind == "grid"]
    assert grids == [0, 3, 6, 7]
    assert [step for _, step in said] == sorted(step for _, step in said)
    assert 1 <= len(checkpoint.everything(made.training.run)) <= 2  # the newest, and the best if that is another
    facts = checkpoint.find(made.training.run, "last").facts
    assert facts["characters"] == ["あ", "い", "う"]
    assert facts["resolved"] == {"device": "cpu", "precision": "fp32", "threads": 1, "batch_size": 8}


def ink(path: Path) -> Any:
    with Image.open(io.BytesIO(path.read_bytes())) as picture:
        assert picture.mode == "L"
        return np.asarray(picture)


@pytest.mark.parametrize("size", [32, 64])
def test_pictures_have_a_row_a_class_and_dark_ink(small: Small, new_run: NewRun, attempt: Attempt, size: int) -> None:
    config = small(train__steps=1, data__size=size, model__codes=3)
    made = attempt(config, new_run(config))
    made.training.engine.average.out.bias.data.fill_(-9.0)  # nothing but paper
    made.go(until=0)
    pictures = {event.kind: event for event in made.said if isinstance(event, Sampled)}
    run = made.training.run
    assert ink(run.path / pictures["grid"].path).shape == (3 * size, 10 * size)
    assert ink(run.path / pictures["traversal"].path).shape == (3 * 3 * size, 10 * size)
    assert ink(run.path / pictures["grid"].path).min() > 250
    assert pictures["grid"].rows == ["あ", "い", "う"]
    assert pictures["traversal"].rows == ["あ", "い", "う"] * 3
    made.training.engine.average.out.bias.data.fill_(9.0)  # nothing but ink
    made.training._draw()
    assert ink(run.path / pictures["grid"].path).max() < 5


@pytest.mark.parametrize(("chars", "classes"), [("hiragana-a-ka", 10), ("hiragana-sa-ha", 20), ("hiragana", 46)])
def test_classic_runs_with_any_number_of_classes(
    small: Small, new_run: NewRun, attempt: Attempt, monkeypatch: pytest.MonkeyPatch, chars: str, classes: int
) -> None:
    monkeypatch.setattr(grid, "COLUMNS", 2)
    config = small(recipe__name="classic", data__chars=chars, data__per_char=3, data__held_out=1, train__steps=2)
    made = attempt(config, new_run(config))
    made.go()
    told = [event for event in made.said if isinstance(event, Step)]
    assert all(event.q_real is None for event in told)
    assert all(event.info_cat == pytest.approx(math.log(classes), abs=1.0) for event in told)
    assert made.training.rows == [f"c={value}" for value in range(classes)]  # no character's rows


def test_a_double_softmax_shows_in_the_curve(small: Small, new_run: NewRun, attempt: Attempt) -> None:
    config = small(recipe__name="classic", recipe__double_softmax=True, train__steps=3)
    made = attempt(config, new_run(config))
    made.go()
    floor = math.log(math.e + 2) - 1
    curve = [event.info_cat or 0.0 for event in made.said if isinstance(event, Step)]
    assert len(curve) == 3
    assert floor < min(curve) <= max(curve) < floor + 1.1


@pytest.mark.filterwarnings("ignore:Initializing zero-element")
@pytest.mark.parametrize(
    ("preset", "changes"),
    [
        ("kanji-10", {"data__chars": "kanji-10", "recipe__augment": 0.5}),
        ("", {"model__codes": 0}),
        ("", {"model__codes": 1}),
        ("", {"train__precision": "bf16"}),
        pytest.param("", {"recipe__name": "classic", "train__precision": "bf16"}, marks=pytest.mark.slow),
        ("", {"recipe__fake_targets": True, "recipe__r2": 0.1, "recipe__penalty_every": 1}),
        ("", {"data__style": "scanned", "data__per_char": 5, "data__held_out": 0}),
    ],
)
def test_runs_of_every_kind(
    small: Small, new_run: NewRun, attempt: Attempt, preset: str, changes: dict[str, Any]
) -> None:
    config = small(preset, **({"train__steps": 2} | changes))
    made = attempt(config, new_run(config))
    assert made.go() is False
    told = [event for event in made.said if isinstance(event, Step)]
    assert [event.step for event in told] == [1, 2]
    assert all(event.d is not None and math.isfinite(event.d) for event in told)
    has_traversal = any(isinstance(event, Sampled) and event.kind == "traversal" for event in made.said)
    assert has_traversal == (config.model.codes > 0)
    assert Sampler.load(made.training.run).draw(np.array([0, 1])).shape == (2, 32, 32)


def broken(made: Any, at: int, what: str) -> None:
    """From update `at` on, a loss or a weight is no number."""
    advance = made.training.engine.advance

    def broken_advance(number: int, count: int) -> None:
        advance(number, count)
        if number == at and what == "loss":
            made.training.engine._sums[1] = float("inf")
        if number == at and what == "weight":
            made.training.engine.discriminator.logit.weight.data[0, 0] = float("nan")

    made.training.engine.advance = broken_advance


@pytest.mark.parametrize(("what", "every"), [("loss", 1), ("loss", 1000), ("weight", 1), ("weight", 1000)])
def test_what_is_no_number_ends_the_run_and_keeps_the_good_checkpoint(
    small: Small, new_run: NewRun, attempt: Attempt, what: str, every: int
) -> None:
    """Also where the broken step is the one that is saved, and where nothing is reported in between."""
    config = small(train__save_every=2, train__report_every=every, train__keep=1)
    run = new_run(config)
    made = attempt(config, run)
    broken(made, 3, what)
    with pytest.raises(RunError, match=r"non-finite by step 4; try a lower train.lr"):
        made.go()
    assert [found.step for found in checkpoint.everything(run)] == [2]
    again = attempt(config, run)
    assert again.training.step == 2
    assert again.go() is False


def test_other_data_are_refused(small: Small, new_run: NewRun, attempt: Attempt) -> None:
    config = small(train__steps=1)
    run = new_run(config)
    attempt(config, run).go()
    with pytest.raises(RunError, match="other fingerprint"):
        attempt(small(data__seed=1), run)


def test_other_networks_are_refused(small: Small, new_run: NewRun, attempt: Attempt) -> None:
    config = small(train__steps=1)
    run = new_run(config)
    attempt(config, run).go()
    with pytest.raises(RunError, match="does not fit"):
        attempt(small(model__noise=17), run)


def test_a_scorer_decides_which_checkpoint_is_the_best(small: Small, new_run: NewRun, attempt: Attempt) -> None:
    config = small(train__steps=3, train__save_every=1, train__keep=1)
    start = time.perf_counter()
    made, values = attempt(config, new_run(config)), iter([0.2, 0.9, 0.4])

    def scorer(draw: Callable[[Any, int], Any]) -> loop.Scores:
        images = draw(np.array([0, 1, 2]), 5)
        assert images.shape == (3, 32, 32)
        assert np.array_equal(images, draw(np.array([0, 1, 2]), 5))
        value = next(values)
        time.sleep(0.05)
        return loop.Scores({"left out": None, "accuracy": value}, passed=value > 0.5)

    made.training.go_on(lambda: False, scorer)
    assert checkpoint.find(made.training.run, "best").step == 2
    assert [found.step for found in checkpoint.everything(made.training.run)] == [2, 3]
    assert [event.scores["accuracy"] for event in made.said if isinstance(event, Scored)] == [0.2, 0.9, 0.4]
    assert [event.best for event in made.said if isinstance(event, Saved)] == [True, True, False]
    scored = [event for event in made.said if isinstance(event, Scored)]
    assert [event.passed for event in scored] == [False, True, False]
    spent = made.training.clock.spent
    assert spent["scores"] >= 0.15
    assert scored[0].seconds
    assert scored[-1].seconds == spent["training"] > scored[0].seconds > 0
    assert sum(spent.values()) <= time.perf_counter() - start, "no second counts twice"


def test_ranking_leaves_no_trace(small: Small, new_run: NewRun, attempt: Attempt) -> None:
    """How many images Q reads to rank a checkpoint changes no weight, in the recipe with batch norm and dropout too."""
    config = small(recipe__name="classic", train__steps=4, train__save_every=1)
    first, second = (attempt(config, new_run(config, name)) for name in "ab")
    first.go()
    second.training._own_quality = lambda: 0.5
    second.go()
    assert equal(first.weights(), second.weights())
    assert loop.QUALITY_IMAGES == 30


class TestSampler:
    """One run of two steps, sampled."""

    @pytest.fixture
    def run(self, small: Small, new_run: NewRun, attempt: Attempt) -> RunDir:
        config = small(train__steps=2, train__save_every=1, model__codes=3, train__keep=5)
        run = new_run(config)
        attempt(config, run).go()
        return run

    def test_the_same_call_gives_the_same_images(self, run: RunDir) -> None:
        labels = np.array([2, 0, 0, 1])
        first, second = Sampler.load(run), Sampler.load(run)
        images = first.draw(labels, seed=4)
        assert images.shape == (4, 32, 32)
        assert images.dtype == np.uint8
        assert np.array_equal(images, second.draw(labels, seed=4))
        assert np.array_equal(images, first.draw(labels, seed=4))
        assert not np.array_equal(images, first.draw(labels, seed=5))
        assert not np.array_equal(images[1], images[2])  # another noise

    def test_labels_are_in_the_order_of_the_characters(self, run: RunDir) -> None:
        sampler = Sampler.load(run)
        assert sampler.characters == ("あ", "い", "う")
        assert sampler.labels("うあああ").tolist() == [2, 0, 0, 0]
        assert sampler.code_names == ["slant", "thickness", "code 2"]
        with pytest.raises(RunError, match=r"never saw ん 亜; it knows あいう"):
            sampler.labels("あん亜ん")

    def test_codes_are_used_as_given(self, run: RunDir) -> None:
        sampler, labels = Sampler.load(run), np.array([0, 1])
        fixed = sampler.draw(labels, codes=np.full((2, 3), 0.5), seed=1)
        assert np.array_equal(fixed, sampler.draw(labels, codes=np.full((2, 3), 0.5), seed=1))
        assert not np.array_equal(fixed, sampler.draw(labels, codes=np.full((2, 3), -0.5), seed=1))

    def test_an_image_does_not_depend_on_how_many_are_drawn(self, run: RunDir) -> None:
        """Codes given, so that they are not drawn: their stream follows the noise of the whole call."""
        sampler, codes = Sampler.load(run), np.zeros((40, 3))
        many = sampler.draw(np.zeros(40, np.int64), codes=codes, seed=1).astype(int)
        few = sampler.draw(np.zeros(16, np.int64), codes=codes[:16], seed=1).astype(int)
        assert np.abs(many[:16] - few).max() <= 1

    def test_a_chosen_checkpoint_is_the_one_that_draws(self, run: RunDir) -> None:
        early, late = (Sampler.load(run, checkpoint=which) for which in ("1", "last"))
        assert (early.step, late.step) == (1, 2)
        assert not np.array_equal(early.draw(np.arange(3)), late.draw(np.arange(3)))
        with pytest.raises(RunError, match="it has best, last, 1, 2"):
            Sampler.load(run, checkpoint="3")

    def test_networks_that_do_not_fit_the_configuration(self, run: RunDir, small: Small) -> None:
        from core import config as configs

        run.config.write_bytes(configs.encode(small(model__codes=2)))
        with pytest.raises(RunError, match="does not fit the networks"):
            Sampler.load(run)
        run.config.unlink()
        with pytest.raises(RunError, match="cannot read"):
            Sampler.load(run)


def test_a_profile_is_a_trace_and_ten_lines_and_changes_nothing(
    small: Small, new_run: NewRun, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.gan.profile.AFTER", 2)
    plain, watched = (
        small(train__steps=8, train__report_every=8),
        small(train__steps=8, train__report_every=8, train__profile=3),
    )
    one, other = attempt(plain, new_run(plain, "plain")), attempt(watched, new_run(watched, "watched"))
    assert one.go() is False
    assert other.go() is False
    assert equal(one.weights(), other.weights())
    folder = other.training.run.profile
    assert "traceEvents" in json.loads((folder / "trace.json").read_bytes())
    lines = (folder / "summary.txt").read_text().splitlines()
    assert lines[0].startswith("3 updates, ")
    assert len(lines) == 11
    shares = [float(line.split("%")[0]) for line in lines[1:]]
    assert shares == sorted(shares, reverse=True)
    assert 0 < sum(shares) <= 100
    assert not one.training.run.profile.exists()
