"""A real Slurm of two nodes, started once; skipped, with the reason, where it cannot be."""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.rundir import Home, RunDir
from core.runs.slurm.programs import TABLE
from core.runs.state import State, state_of

TESTS = Path(__file__).parents[1]
SCRIPT = Path(__file__).with_name("cluster.sh")
WANTED = "ETLGAN_TEST_SLURM"  # environment


class Cluster:
    """Two nodes, n1 and n2, of two CPUs each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def do(self, verb: str, *words: str) -> None:
        subprocess.run([SCRIPT, verb, self.folder, *words], check=True, timeout=120, stdin=subprocess.DEVNULL)

    def ask(self, *words: str) -> str:
        return subprocess.run(words, check=True, timeout=240, capture_output=True, text=True).stdout

    def node_of(self, job: str) -> str:
        return self.ask("squeue", "--noheader", f"--jobs={job}", "--format=%N").strip()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if missing := subprocess.run([SCRIPT, "missing"], capture_output=True, text=True, check=True).stdout.strip():
        pytest.skip(f"no Slurm here: {missing.replace(chr(10), ', ')}")
    made = Cluster(tmp_path_factory.mktemp("slurm"))
    before = os.environ.get("SLURM_CONF")
    os.environ["SLURM_CONF"] = str(made.folder / "slurm.conf")
    try:
        made.do("start")
        yield made
    finally:
        made.do("stop")
        os.environ.pop("SLURM_CONF")
        os.environ |= {"SLURM_CONF": before} if before else {}


@pytest.fixture
def home(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home whose runs use the fake trainer; no job is left behind."""
    monkeypatch.setenv("PYTHONPATH", f"{TESTS}{os.pathsep}{TESTS.parent}")
    monkeypatch.setenv("ETLGAN_TRAINER", "fake_trainer")
    monkeypatch.setenv("ETLGAN_CONFIG", str(tmp_path / "settings"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("ETLGAN_DB", raising=False)
    TABLE.forget()
    yield Home(tmp_path / "home")
    monkeypatch.undo()
    with contextlib.suppress(subprocess.CalledProcessError):
        cluster.ask("scancel", "--user=root")
        wait_for(lambda: not cluster.ask("squeue", "--noheader"), 60)


def wait_for(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Until the condition holds; never: the test fails."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.2)


def until(run: RunDir, *kinds: str, seconds: float = 60.0) -> list[State]:
    """Every state seen, the last of one of these kinds."""
    seen: list[State] = []
    deadline = time.monotonic() + seconds
    while True:
        state = state_of(run)
        if not seen or seen[-1] != state:
            seen.append(state)
        if state.kind in kinds:
            return seen
        assert state.kind in ("queued", "running"), f"{seen}\n{run.console.read_text()}"
        assert time.monotonic() < deadline, f"{seen}\n{run.console.read_text() if run.console.exists() else ''}"
        time.sleep(0.2)
