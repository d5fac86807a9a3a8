"""`etlgan` as a user types it: in this process where that is the same, else (signals, pipes) as a real one."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import pytest

from core.rundir import Home
from core.runs import alive
from core.runs.find import run_ids
from etlgan_tui.cli import main

SHORT = ("--set", "train.steps=12")
LONG = ("--set", "train.steps=100000")
TESTS = Path(__file__).parents[1]
PROGRAM = [sys.executable, "-P", "-c", "from etlgan_tui.cli import main; main()"]


class Said(NamedTuple):
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str


class Typed(Protocol):
    def __call__(self, *arguments: str) -> Said: ...


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """An empty home that commands find by ETLGAN_HOME; what still lives at the end is killed."""
    made = Home(tmp_path / "home")
    for name, value in {
        "ETLGAN_HOME": str(made.root),
        "ETLGAN_CACHE": str(tmp_path / "cache"),
        "PYTHONPATH": str(TESTS),
        "ETLGAN_TRAINER": "fake_trainer",
        "FAKE_DELAY": "0.002",
        "COLUMNS": "100",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("ETLGAN_DB", raising=False)
    yield made
    for run_id in run_ids(made):
        for pid in alive.processes(alive.read(made.run(run_id))):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def etlgan(home: Home, capsys: pytest.CaptureFixture[str]) -> Typed:  # noqa: ARG001  (its environment)
    """Type a command."""

    def typed(*arguments: str) -> Said:
        capsys.readouterr()
        code: object = 0
        try:
            main(list(arguments))
        except SystemExit as end:
            code = end.code
        said = capsys.readouterr()
        return Said(code if isinstance(code, int) else 0, said.out, said.err)

    return typed


@pytest.fixture
def process(home: Home) -> Iterator[Callable[..., subprocess.Popen[str]]]:  # noqa: ARG001
    """Start a command as a process of its own, in its own process group as a shell does."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **variables: str) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [*PROGRAM, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            env=os.environ | variables,
            process_group=0,
        )
        started.append(child)
        return child

    yield start
    for child in started:
        child.kill()
        child.communicate()


def complains(said: Said, *words: str, code: int) -> None:
    """One clear line on stderr, nothing on stdout, no traceback."""
    assert said.code == code, said
    assert said.out == ""
    assert said.err.startswith("etlgan: "), said.err
    assert said.err.count("\n") == 1, said.err
    for word in words:
        assert word in said.err, said.err
