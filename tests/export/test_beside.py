"""Exports from a GPU: drawn here in large batches, written by processes of their own. There is none here, so a sampler
that says that it is not on the CPU, and draws there in batches of another length, stands for it."""

import copy
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.errors import RunError
from core.export.batch import Batch
from core.export.card import made_from
from core.export.characters import Characters
from core.export.formats.base import Task
from core.export.job import carry_out
from core.export.lines import Lines, LinesRequest
from core.export.request import Request
from core.export.writer import Writer
from core.gan.sample import Sampler
from core.rundir import RunDir

from .conftest import drawn, tree
from .test_job import Doubtful, small_disk

Job = Callable[..., Characters]


@pytest.fixture
def gpu(sampler: Sampler) -> Sampler:
    """The sampler, as if it were elsewhere."""
    pretended = copy.copy(sampler)
    pretended.on_cpu, pretended.at_once = False, 40
    return pretended


@pytest.fixture
def job(run: RunDir, gpu: Sampler) -> Job:
    def made(out: Path, kind: str = "png", *, reader: Any = None, **more: Any) -> Characters:
        counts = tuple(more.pop("counts", dict.fromkeys("あい亜", 50)).items())
        request = Request(kind, counts, **more)
        return Characters(out, gpu, request, made_from(run, gpu.config, gpu.step), reader=reader)

    return made


@pytest.fixture(autouse=True)
def _two_writers() -> Iterator[None]:
    torch.set_num_threads(2)
    yield
    assert torch.get_num_threads() == 2
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(("shard", "drawing"))]


def test_large_batches_are_the_same_samples(job: Job, run: RunDir, sampler: Sampler, tmp_path: Path) -> None:
    request = Request("png", tuple(dict.fromkeys("あい亜", 50).items()))
    here, characters = drawn(Characters(tmp_path, sampler, request, made_from(run, sampler.config, 6)))
    there, same = drawn(job(tmp_path))
    assert characters == same
    assert np.abs(here.astype(int) - there).max() <= 1


@pytest.mark.parametrize("kind", ["png", "npz", "idx"])
def test_shards_side_by_side_are_those_that_come_one_by_one(job: Job, tmp_path: Path, kind: str) -> None:
    for shard in range(3):
        carry_out(job(tmp_path / "one", kind, shards=3), only=shard)
    told: list[tuple[int, int]] = []
    outcome = carry_out(job(tmp_path / "many", kind, shards=3), progress=lambda *done: told.append(done))
    assert (outcome.written, outcome.complete) == (150, True)
    assert told[-1] == (150, 150)
    assert tree(tmp_path / "many") == tree(tmp_path / "one")


def test_an_export_that_was_stopped_goes_on_to_the_same(job: Job, tmp_path: Path) -> None:
    def stop(done: int, _total: int) -> None:
        if done > 90:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        carry_out(job(tmp_path / "cut", "webdataset", shards=5), progress=stop)
    assert not list((tmp_path / "cut").glob("..*.tmp")), "the writers tidied up"
    assert not (tmp_path / "cut" / "card.json").exists()
    carry_out(job(tmp_path / "cut", "webdataset", shards=5), resume=True)
    carry_out(job(tmp_path / "whole", "webdataset", shards=5))
    assert tree(tmp_path / "cut") == tree(tmp_path / "whole")


def test_a_full_disk_is_one_line_and_resume_goes_on(job: Job, tmp_path: Path) -> None:
    with small_disk(30_000), pytest.raises(RunError, match=r"File too large .*--resume goes on"):
        carry_out(job(tmp_path / "out", "npz", shards=3))
    carry_out(job(tmp_path / "out", "npz", shards=3), resume=True)
    carry_out(job(tmp_path / "whole", "npz", shards=3))
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_the_filter_counts_the_same(job: Job, tmp_path: Path) -> None:
    """Only what is in doubt is read again, and every shard's report reaches the card."""
    asked: dict[str, Any] = {"counts": {"あ": 40, "い": 20}, "confidence": 0.9, "shards": 2}
    for shard in range(2):
        carry_out(job(tmp_path / "one", reader=Doubtful(), **asked), only=shard)
    carry_out(job(tmp_path / "many", reader=Doubtful(), **asked))
    assert tree(tmp_path / "many") == tree(tmp_path / "one")
    assert '"kept_below": 20' in (tmp_path / "many" / "card.json").read_text()


def batch(first: int) -> Batch:
    index = np.arange(first, first + 5)
    return Batch(first, np.zeros((5, 32, 32), np.uint8), index * 0, index, np.zeros((5, 0), np.float32), None)


def test_a_writer_that_was_killed_is_told(tmp_path: Path) -> None:
    writer = Writer("webdataset", Task(tmp_path, ("あ",), 10, 1, 32, 32, (), judged=False))

    def batches() -> Iterator[Batch]:
        yield batch(0)
        assert writer._process.pid is not None
        os.kill(writer._process.pid, signal.SIGKILL)
        writer._process.join()
        yield batch(5)

    with pytest.raises(RunError, match=r"exit code -9.*--resume goes on"):
        writer.write(0, batches())
    writer.close()


def test_a_writer_ends_and_tidies_up_when_whoever_draws_has_gone(tmp_path: Path) -> None:
    writer = Writer("webdataset", Task(tmp_path, ("あ",), 10, 1, 32, 32, (), judged=False))
    assert writer._send(0)
    assert writer._send(batch(0))
    writer.close()
    assert writer._process.exitcode == 0
    assert not list(tmp_path.iterdir())


def test_a_writer_loads_no_torch() -> None:
    """One may be started for every core."""
    told = subprocess.run(
        [sys.executable, "-P", "-c", "import sys, core.export.writer; print('torch' in sys.modules)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout.strip() == "False"


def test_lines_in_large_blocks_are_the_same_lines(run: RunDir, gpu: Sampler, sampler: Sampler, tmp_path: Path) -> None:
    request = LinesRequest((), ("あ", "い", "亜"), random=20, length=6, hands=1)
    made = made_from(run, sampler.config, 6)
    here, there = (
        [line for block in Lines(tmp_path, each, request, made).blocks(3, 20) for line in block]
        for each in (sampler, gpu)
    )
    for (number, line), (same, other) in zip(here, there, strict=True):
        assert (number, line.text, line.ink.shape) == (same, other.text, other.ink.shape)
        assert np.abs(line.ink.astype(int) - other.ink).max() <= 2
