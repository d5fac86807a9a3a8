"""What training takes of the machine: a thread's lines in a file of their own."""

import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from core import usage
from core.events import Usage
from core.history import Tail
from core.usage import GIB, UsageHistory

UUID = "0a1b2c3d-0000-1111-2222-333344445555"


def said(path: Path) -> list[Usage]:
    return [event for batch in Tail(path).read_all() for event in batch if isinstance(event, Usage)]


def record(path: Path, *, gpu: str = "", lines: int = 3) -> list[Usage]:
    """Ten steps a look, at most; burns a core meanwhile."""
    with usage.recorded(path, step=lambda: 10 * len(said(path)), gpu=gpu, seconds=0.02):
        deadline = time.monotonic() + 20
        while len(said(path)) < lines and time.monotonic() < deadline:
            pass
    return said(path)


def test_lines_come_while_the_body_runs_and_end_with_it(tmp_path: Path) -> None:
    path = tmp_path / "usage.jsonl"
    lines = record(path)
    assert [line.step for line in lines[:3]] == [0, 10, 20]
    assert all(line.cpu > 1 and 1 << 20 < line.memory < 1 << 40 for line in lines)
    assert {(line.gpu, line.gpu_memory) for line in lines} == {(None, None)}
    time.sleep(0.1)
    assert said(path) == lines


def test_a_pause_without_steps_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "usage.jsonl"
    with usage.recorded(path, step=lambda: 7, seconds=0.01):
        time.sleep(0.3)
    assert [line.step for line in said(path)] == [7]


def test_a_disk_that_takes_nothing_disturbs_nobody(tmp_path: Path) -> None:
    with usage.recorded(tmp_path / "not" / "there", step=lambda: 1, seconds=0.01):
        time.sleep(0.1)
    assert not (tmp_path / "not").exists()


@pytest.mark.parametrize("slice_of", [False, True])
def test_a_gpu_is_asked_by_its_uuid_and_a_slice_tells_its_memory_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slice_of: bool
) -> None:
    class NVMLError(Exception): ...

    def handle(name: str) -> str:
        if name != f"{'MIG' if slice_of else 'GPU'}-{UUID}":
            raise NVMLError
        return name

    def busy(_handle: str) -> SimpleNamespace:
        if slice_of:
            raise NVMLError
        return SimpleNamespace(gpu=94)

    driver = SimpleNamespace(
        NVMLError=NVMLError, nvmlInit=lambda: None, nvmlDeviceGetHandleByUUID=handle,
        nvmlDeviceGetUtilizationRates=busy, nvmlDeviceGetMemoryInfo=lambda _handle: SimpleNamespace(used=5 << 30),
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    lines = record(tmp_path / "usage.jsonl", gpu=UUID, lines=1)
    assert (lines[0].gpu, lines[0].gpu_memory) == (None if slice_of else 94.0, 5 << 30)


def test_without_a_driver_there_is_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class NVMLError(Exception): ...

    def missing() -> None:
        raise NVMLError

    monkeypatch.setitem(sys.modules, "pynvml", SimpleNamespace(NVMLError=NVMLError, nvmlInit=missing))
    assert record(tmp_path / "usage.jsonl", gpu=UUID, lines=1)[0].gpu is None


def at(step: int, memory: int) -> Usage:
    return Usage(step=step, time=1.0, cpu=50.0, memory=memory, gpu=None, gpu_memory=None)


def test_what_a_resumed_attempt_does_again_replaces_what_was_said_before() -> None:
    history = UsageHistory()
    history.add([at(10, GIB), at(20, 2 * GIB), at(30, 3 * GIB)])
    assert (list(history.step), list(history.memory), history.cuts) == ([10, 20, 30], [1.0, 2.0, 3.0], 0)
    history.add([at(20, 4 * GIB)])
    assert (list(history.step), list(history.memory), history.cuts) == ([10, 20], [1.0, 4.0], 1)
    assert len(history.gpu) == len(history.cpu) == len(history.gpu_memory) == 2
