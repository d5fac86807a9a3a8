"""The score card: right on made-up readings, one judge a data set in the cache, blank and perfect generators apart."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from core.config import DataConfig, RunConfig
from core.errors import DataError
from core.glyphs import penman
from core.judge import classifier, score

Small = Callable[..., RunConfig]
CHARS = ("あ", "い", "う")


@pytest.fixture
def data(small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataConfig:
    """Three characters, and a judge of 40 steps."""
    torch.set_num_threads(1)
    monkeypatch.setenv("ETLGAN_CACHE", str(tmp_path))
    monkeypatch.setattr(classifier, "BATCH", 64)
    monkeypatch.setattr(score, "JUDGE_IMAGES", 30)
    monkeypatch.setattr(score, "JUDGE_STEPS", (25, 5))
    return small().data


def written(labels: NDArray[np.int64], seed: int) -> NDArray[np.uint8]:
    """A generator that writes as people do."""
    return np.concatenate(
        [
            penman.render(CHARS[label], np.array([5_000_000 + seed + i]), size=32, style="clean", seed=0)
            for i, label in enumerate(labels)
        ]
    )


def test_accuracy_names_the_worst_character() -> None:
    asked = np.array([0, 0, 1, 1, 2, 2])
    told = score.accuracy(np.array([0, 0, 1, 0, 1, 1]), asked, CHARS)
    assert told.overall == 0.5
    assert (told.worst, told.worst_character) == (0.0, "う")
    assert told.per_character == {"あ": 1.0, "い": 0.5, "う": 0.0}


def test_spread_is_the_mean_distance_from_the_centre_of_the_class() -> None:
    features = np.array([[0, 0], [0, 2], [5, 5], [5, 5]], np.float32)
    assert score.spread(features, np.array([0, 0, 1, 1])) == pytest.approx(0.5)


def test_a_judge_is_trained_once_and_again_if_its_file_is_damaged(
    data: DataConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(score, "JUDGE_STEPS", (1, 1))
    calls: list[int] = []
    first = score.judge_for(data, progress=lambda done, _: calls.append(done))
    assert len(calls) == 4
    second = score.judge_for(data, progress=lambda done, _: calls.append(done))
    assert len(calls) == 4
    assert all(torch.equal(tensor, second.state_dict()[name]) for name, tensor in first.state_dict().items())
    (path,) = (tmp_path / "judges").glob("*.safetensors")
    path.write_bytes(path.read_bytes()[:1000])
    third = score.judge_for(data, progress=lambda done, _: calls.append(done))
    assert len(calls) == 8
    assert all(torch.equal(tensor, third.state_dict()[name]) for name, tensor in first.state_dict().items())


def test_a_good_a_monotonous_and_a_blank_generator(data: DataConfig) -> None:
    good = score.quick_card(written, data, per_char=6)
    same = score.quick_card(lambda labels, _: written(np.arange(3), 0)[labels], data, per_char=6)
    blank = score.quick_card(lambda labels, _: np.zeros((len(labels), 32, 32), np.uint8), data, per_char=6)
    assert good.real.overall > 0.6
    assert good.generated.overall > 0.6
    assert good.images == 6
    assert 0.5 < good.spread < 2
    assert same.spread == pytest.approx(0, abs=1e-3)
    assert blank.generated.overall == pytest.approx(1 / 3)
    assert blank.generated.worst == 0


def test_nothing_held_out_is_nothing_to_judge_by(small: Small, data: DataConfig) -> None:  # noqa: ARG001
    with pytest.raises(DataError, match=r"data.held_out=0"):
        score.quick_card(written, small(data__held_out=0).data, per_char=2)
