"""Checkpoints on a real disk: what is written comes back, what is damaged is not trusted."""

import json
import pickle
import struct
from pathlib import Path
from typing import Any

import pytest
import torch

from core.errors import RunError
from core.gan import checkpoint
from core.rundir import RunDir


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    made = RunDir(tmp_path / "run")
    made.checkpoints.mkdir(parents=True)
    return made


def tensors(step: int = 0) -> dict[str, torch.Tensor]:
    return {"a.weight": torch.full((2, 3), float(step)), "b": torch.tensor(7), "none": torch.zeros(0, 4)}


def save(run: RunDir, step: int, *, quality: float = 0.5, keep: int = 2, **facts: Any) -> bool:
    return checkpoint.save(run, step, tensors(step), facts, quality=quality, keep=keep)


def steps(run: RunDir) -> list[int]:
    """What is on the disk: both files of each or neither."""
    names = [
        sorted(int(path.stem) for path in run.checkpoints.glob(f"*{ending}")) for ending in (".safetensors", ".json")
    ]
    assert names[0] == names[1]
    assert len(list(run.checkpoints.iterdir())) == 2 * len(names[0])
    return names[0]


def test_what_was_saved_comes_back(run: RunDir) -> None:
    strided = torch.arange(24.0).view(2, 3, 2, 2).to(memory_format=torch.channels_last)
    checkpoint.save(run, 5, {**tensors(5), "strided": strided}, {"characters": ["あ"]}, quality=0.25, keep=1)
    found = checkpoint.find(run, "5")
    back = checkpoint.read(found)
    assert (found.step, found.quality, found.facts["characters"]) == (5, 0.25, ["あ"])
    assert back.keys() == {*tensors(), "strided"}
    assert torch.equal(back["a.weight"], tensors(5)["a.weight"])
    assert torch.equal(back["strided"], strided)
    assert back["b"].dtype == torch.int64
    assert json.loads((run.checkpoints / "00000005.json").read_text())["shapes"]["none"] == [0, 4]


def test_the_newest_and_the_best_stay(run: RunDir) -> None:
    qualities = (0.1, 0.9, 0.3, 0.2, 0.4)
    said = [save(run, step, quality=quality) for step, quality in enumerate(qualities, 1)]
    assert said == [True, True, False, False, False]
    assert steps(run) == [2, 4, 5]
    assert checkpoint.find(run, "best").step == 2
    assert checkpoint.find(run, "last").step == 5


def test_the_best_is_one_that_was_ranked_as_the_newest_was(run: RunDir) -> None:
    save(run, 1, quality=0.99, judged=False)  # by Q
    assert save(run, 2, quality=0.85, judged=True), "resumed with a judge, whose numbers are smaller"
    assert not save(run, 3, quality=0.0, judged=True), "between its looks"
    assert save(run, 4, quality=0.84, judged=True)
    save(run, 5, quality=0.5, judged=True)
    assert checkpoint.find(run, "best").step == 4
    assert save(run, 6, quality=0.9, judged=False), "and without it again"


def test_of_equal_checkpoints_the_later_is_the_best(run: RunDir) -> None:
    assert [save(run, step, keep=1) for step in (1, 2, 3)] == [True, True, True]
    assert steps(run) == [3]


def test_a_step_saved_twice_is_the_second(run: RunDir) -> None:
    save(run, 4, quality=0.9)
    save(run, 4, quality=0.1)
    assert steps(run) == [4]
    assert checkpoint.find(run, "4").quality == 0.1


def test_asking_for_what_is_not_there(run: RunDir) -> None:
    with pytest.raises(RunError, match="no checkpoint yet"):
        checkpoint.find(run)
    save(run, 10)
    for which in ("11", "newest", "-1", "../10"):
        with pytest.raises(RunError, match=r"it has best, last, 10"):
            checkpoint.find(run, which)


def test_a_run_without_checkpoints_starts_at_its_beginning(run: RunDir) -> None:
    assert checkpoint.newest_readable(run, print) is None


def damage(path: Path) -> None:
    """Half of the file is lost."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_a_damaged_newest_is_passed_over(run: RunDir, capsys: pytest.CaptureFixture[str]) -> None:
    save(run, 1)
    save(run, 2)
    damage(run.checkpoint(2))
    found = checkpoint.newest_readable(run, print)
    assert found is not None
    assert found[0].step == 1
    assert "00000002.safetensors" in capsys.readouterr().out
    assert checkpoint.find(run, "last").step == checkpoint.find(run, "best").step == 1, "the damaged one is set aside"
    assert (run.checkpoints / "00000002.damaged").is_file()


def test_a_run_whose_every_checkpoint_is_damaged_does_not_begin_anew(run: RunDir) -> None:
    for step in (1, 2):
        save(run, step)
        damage(run.checkpoint(step))
    with pytest.raises(RunError, match=r"00000002.safetensors, 00000001.safetensors.*etlgan rerun"):
        checkpoint.newest_readable(run, print)
    assert steps(run) == [1, 2], "nothing was touched"
    with pytest.raises(RunError, match=r"00000002.safetensors: cannot be read.*choose another checkpoint"):
        checkpoint.read(checkpoint.find(run, "last"))


def test_weights_that_are_no_numbers_are_refused(run: RunDir) -> None:
    spoilt = tensors() | {"a.weight": torch.tensor([[1.0, float("nan")]])}
    checkpoint.save(run, 3, spoilt, {}, quality=0.5, keep=2)
    with pytest.raises(RunError, match=r"00000003.safetensors: its numbers are not all finite"):
        checkpoint.read(checkpoint.find(run))


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{", '{"format": 2, "step": 2, "quality": 1}', '{"format": 1, "step": "2", "quality": 1}'],
)
def test_a_damaged_json_leaves_open_which_is_the_best(
    run: RunDir, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for step in (1, 2):
        save(run, step)
    (run.checkpoints / "00000002.json").write_text(text)
    for which in ("best", "last"):
        with pytest.raises(RunError, match=rf"the {which} cannot be told, for .*00000002.json is damaged.*a step: 1$"):
            checkpoint.find(run, which)
    assert checkpoint.find(run, "1").step == 1
    resumed = checkpoint.newest_readable(run, print)
    assert resumed is not None
    assert resumed[0].step == 1
    assert "00000002.safetensors is damaged and is set aside; this goes on from step 1" in capsys.readouterr().out
    assert checkpoint.find(run, "last").step == 1


def test_half_written_ones_do_not_count(run: RunDir) -> None:
    save(run, 1)
    run.checkpoint(2).write_bytes(run.checkpoint(1).read_bytes())  # the JSON comes last
    (run.checkpoints / ".00000003.safetensors.77.tmp").write_bytes(b"x")
    (run.checkpoints / "00000004.json").write_text('{"format": 1, "step": 4, "quality": 1}')
    assert [found.step for found in checkpoint.everything(run)] == [1]


def test_other_shapes_than_the_json_lists_are_refused(run: RunDir) -> None:
    save(run, 1)
    checkpoint.save(run, 2, {"a.weight": torch.zeros(9)}, {}, quality=0, keep=2)
    run.checkpoint(1).write_bytes(run.checkpoint(2).read_bytes())
    with pytest.raises(RunError, match="not those that its JSON lists"):
        checkpoint.read(checkpoint.find(run, "1"))


class Boom:
    """What a pickle could do."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("boom"),))


@pytest.mark.parametrize("kind", ["pickle", "torch", "huge header", "empty"])
def test_nothing_is_ever_unpickled(run: RunDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.chdir(tmp_path)
    save(run, 1)
    path = run.checkpoint(1)
    if kind == "torch":
        torch.save({"a.weight": torch.zeros(2, 3), "x": Boom()}, path)
    else:
        contents = {"pickle": pickle.dumps(Boom()), "huge header": struct.pack("<Q", 1 << 60) + b"{}", "empty": b""}
        path.write_bytes(contents[kind])
    with pytest.raises(RunError, match="cannot be read"):
        checkpoint.read(checkpoint.find(run))
    assert not (tmp_path / "boom").exists()


def test_a_disk_that_fills_leaves_the_older_one_alone(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    save(run, 1)
    before = run.checkpoint(1).read_bytes()

    def full(_path: Path, _tree: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "write_json", full)
    with pytest.raises(OSError, match="No space"):
        save(run, 2, keep=1)
    assert checkpoint.find(run, "last").step == 1
    assert run.checkpoint(1).read_bytes() == before


def test_chance_does_not_make_an_early_checkpoint_the_best(run: RunDir) -> None:
    for step, quality in ((1, 0.999), (2, 0.998), (3, 0.5)):
        save(run, step, quality=quality, keep=3)
    assert checkpoint.find(run, "best").step == 2
