"""One judge a data set, in the cache; it reads what other writers wrote."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from core.glyphs import glyphset, penman
from core.judge import classifier, judges
from core.settings import DataConfig, RunConfig

Small = Callable[..., RunConfig]
CHARS = ("あ", "い", "う")


@pytest.fixture
def data(small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataConfig:
    """Three characters, and a judge of 40 steps."""
    torch.set_num_threads(1)
    monkeypatch.setenv("ETLGAN_CACHE", str(tmp_path))
    monkeypatch.setattr(classifier, "BATCH", 64)
    monkeypatch.setattr(judges, "JUDGE_IMAGES", 30)
    monkeypatch.setattr(judges, "JUDGE_STEPS", (25, 5))
    return small(data__style="clean").data


def written(labels: NDArray[np.int64], seed: int) -> NDArray[np.uint8]:
    """A generator that writes as people do."""
    return np.concatenate(
        [
            penman.render(CHARS[label], np.array([5_000_000 + seed + i]), size=32, style="clean", seed=0)
            for i, label in enumerate(labels)
        ]
    )


def test_a_judge_is_trained_once_and_again_if_its_file_is_damaged(
    data: DataConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judges, "JUDGE_STEPS", (1, 1))
    calls: list[int] = []
    first = judges.judge_for(data, progress=lambda done, _: calls.append(done))
    assert len(calls) == 4
    second = judges.judge_for(data, progress=lambda done, _: calls.append(done))
    assert len(calls) == 4
    assert all(torch.equal(tensor, second.state_dict()[name]) for name, tensor in first.state_dict().items())
    (path,) = (tmp_path / "judges").glob("*.safetensors")
    path.write_bytes(path.read_bytes()[:1000])
    third = judges.judge_for(data, progress=lambda done, _: calls.append(done))
    assert len(calls) == 8
    assert all(torch.equal(tensor, third.state_dict()[name]) for name, tensor in first.state_dict().items())


def test_a_judge_reads_what_other_writers_wrote(data: DataConfig) -> None:
    labels = np.repeat(np.arange(3), 6)
    judge = judges.judge_for(data)
    assert (judge.read(written(labels, 1)).label == labels).mean() > 0.6
    assert (judge.read(np.zeros((18, 32, 32), np.uint8)).label == labels).mean() == pytest.approx(1 / 3)


@pytest.mark.parametrize("source", ["penman", "penman:clean", "penman:prepared", "penman:scanned"])
def test_a_judge_of_embedded_data_has_writers_of_its_own_whatever_the_look(
    data: DataConfig, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = msgspec.structs.replace(data, source=source)
    taught: list[NDArray[np.uint8]] = []

    def kept(images: NDArray[np.uint8], *_: object, **__: object) -> classifier.Judge:
        taught.append(images)
        return classifier.Judge(3, 32)

    monkeypatch.setattr(judges, "train", kept)
    judges.judge_for(looked)
    glyphs = glyphset.load(looked)
    theirs = {image.tobytes() for image in np.asarray(glyphs.images)}
    assert len(taught[0]) == 3 * 30
    assert not theirs & {image.tobytes() for image in taught[0]}
