"""The agent starts processes, hands stops down, tells which was the first to fail. Its processes load no torch."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

from core import spread
from core.gan import agent

WAITING = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
print("waiting", flush=True)
time.sleep(60)
sys.exit(9)
"""


def run(script: str, *, restarts: int = 0, stop: threading.Event | None = None) -> agent.Failure | None:
    return agent.run(
        [sys.executable, "-P", "-c", script],
        processes=2,
        restarts=restarts,
        stop=stop or threading.Event(),
        lost=spread.LOST,
        meeting=spread.MEETING,
        variables={},
    )


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", os.environ.copy())


def test_a_failure_ends_the_others_and_is_told_with_its_last_lines(capfd: pytest.CaptureFixture[str]) -> None:
    failing = f"import os, sys, time\nif os.environ['RANK'] == '0':\n{'    '.join(WAITING.splitlines(True))}"
    failing += "for n in range(5): print(f'line {n}', flush=True)\nos.kill(os.getpid(), 9)"
    start = time.monotonic()
    failure = run(failing)
    assert failure == (1, -signal.SIGKILL, ["line 2", "line 3", "line 4"])
    assert time.monotonic() - start < 25, "the other one was ended, not waited for"
    assert "[rank 1] line 4" in capfd.readouterr().out
    assert spread.told(*failure) == (
        "rank 1 was ended by SIGKILL (out of memory?); its last lines: line 2 | line 3 | line 4; "
        "`etlgan resume` goes on from the last checkpoint"
    )


def test_a_stop_reaches_all_though_it_comes_before_they_are_there() -> None:
    stop = threading.Event()
    stop.set()
    assert run(WAITING, stop=stop) is None


def test_all_start_again_as_often_as_they_may(tmp_path: Path) -> None:
    script = (
        "import os, pathlib, sys\n"
        f"pathlib.Path({str(tmp_path)!r}, os.environ['RANK'] + os.environ['TORCHELASTIC_RESTART_COUNT']).touch()\n"
        "sys.exit(os.environ['RANK'] == '1' and os.environ['TORCHELASTIC_RESTART_COUNT'] == '0')"
    )
    assert run(script, restarts=1) is None
    assert {path.name for path in tmp_path.iterdir()} >= {"10", "01", "11"}
    failure = run(script)
    assert failure is not None
    assert failure[:2] == (1, 1)


def test_who_only_lost_the_others_is_not_to_blame(tmp_path: Path) -> None:
    ends = [spread.LOST, -signal.SIGTERM, -signal.SIGSEGV, spread.LOST]
    failures = [ProcessFailure(local_rank=n, pid=1, exitcode=code, error_file="") for n, code in enumerate(ends)]
    assert agent._culprit(failures, spread.LOST, tmp_path) == (2, -signal.SIGSEGV, [])


def test_a_users_mistake_is_told_as_it_was_said() -> None:
    words = ["Traceback", "etlgan: out of memory; set train.batch_size or model.size lower"]
    assert spread.told(1, 1, words) == "rank 1: out of memory; set train.batch_size or model.size lower"


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel")
def test_no_process_outlives_its_agent() -> None:
    child = "from core import spread; import time; print(spread.enlisted(), flush=True); time.sleep(60)"
    parent = (
        "import os, subprocess, sys, time; os.environ['ETLGAN_AGENT'] = str(os.getpid())\n"
        f"subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(60)"
    )
    started = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    assert started.stdout.readline() == "True\n"
    started.kill()
    assert started.stdout.read() == "", "the pipe's last holder is gone"
    started.wait()
    assert not spread.enlisted()


def test_a_process_whose_agent_is_gone_already_ends_at_once() -> None:
    script = "from core import spread; spread.enlisted(); print('went on')"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {spread.AGENT: "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "is gone" in done.stderr
