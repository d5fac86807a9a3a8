"""What the files in a run directory are taken to mean, without any process."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core import events
from core.events import Finished, Started, Step
from core.rundir import RunDir
from core.runs import alive, disk
from core.runs.alive import Holder
from core.runs.state import newest_attempt, reached, state_of


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    return RunDir(tmp_path)


@pytest.fixture
def lock(run: RunDir) -> Iterator[int]:
    descriptor = alive.take(run)
    yield descriptor
    os.close(descriptor)


def started(attempt: int, step: int = 0) -> Started:
    return Started(
        step=step, time=1.0, attempt=attempt, device="cpu", precision="fp32", threads=1, batch_size=2, classes=3,
        steps=9, data="x",
    )  # fmt: skip


def report(step: int, time: float = 1.0) -> Step:
    values: dict[str, Any] = dict.fromkeys(("images_per_s", "d", "g", "info_cat", "info_con", "q_real", "q_fake"))
    return Step(step=step, time=time, seconds=1.0, **values)


def last(attempt: int, state: Any = "finished", message: str = "bye") -> Finished:
    return Finished(step=9, time=1.0, attempt=attempt, state=state, message=message)


def note(run: RunDir, holder: Holder) -> None:
    descriptor = alive.take(run)
    alive.write(descriptor, holder._replace(host=alive.host()))
    os.close(descriptor)


def write(run: RunDir, *said: events.AnyEvent) -> None:
    run.events.write_bytes(b"".join(map(events.encode, said)))


def leave(run: RunDir, attempt: int, returncode: int | None, **more: object) -> None:
    run.exit.write_text(
        json.dumps({"attempt": attempt, "returncode": returncode, "signal": "", "stopped": False} | more)
    )


def test_never_started(run: RunDir) -> None:
    assert state_of(run) == ("crashed", "never started", "", False)


def test_the_lock_is_a_lock(run: RunDir, lock: int) -> None:
    alive.write(lock, Holder(attempt=1, host=alive.host()))
    write(run, last(1))
    leave(run, 1, 0)
    assert state_of(run).kind == "running"


def test_a_readers_probe_does_not_disturb_a_launcher(run: RunDir) -> None:
    note(run, Holder(attempt=1))
    with alive._opened(run.lock) as probe:
        assert disk.try_lock(probe, fcntl.LOCK_SH)
        before = time.monotonic()
        with pytest.raises(Exception, match="is live"):  # held for good: refused in the end
            alive.take(run)
        assert time.monotonic() - before > alive.TAKE_SECONDS / 2
    os.close(alive.take(run))


@pytest.mark.parametrize("kind", ["finished", "stopped", "failed"])
def test_the_last_word_decides(run: RunDir, kind: str) -> None:
    note(run, Holder(attempt=1))
    write(run, started(1), last(1, kind, "why \x1b[31mred"))
    leave(run, 1, 1)
    assert state_of(run) == (kind, "rc 1" if kind == "failed" else "", "why [31mred", False)


def test_the_last_word_of_an_earlier_attempt_does_not(run: RunDir) -> None:
    note(run, Holder(attempt=2))
    write(run, started(1), last(1))
    leave(run, 1, 0)
    assert state_of(run).kind == "crashed"
    leave(run, 2, -9, signal="SIGKILL")
    assert state_of(run)[:2] == ("killed", "SIGKILL")


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        ({"returncode": 0}, ("finished", "")),
        ({"returncode": 3}, ("failed", "rc 3")),
        ({"returncode": -15, "signal": "SIGTERM"}, ("killed", "SIGTERM")),
        ({"returncode": -15, "signal": "SIGTERM", "stopped": True}, ("stopped", "")),
        ({"returncode": None, "stopped": True}, ("stopped", "")),
        ({"returncode": -9, "signal": "SIGKILL", "stopped": True}, ("killed", "SIGKILL")),
        ({"returncode": "0"}, ("crashed", "")),
        ({"attempt": "1"}, ("crashed", "")),
    ],
)
def test_without_a_last_word_the_exit_decides(run: RunDir, ending: dict[str, Any], expected: tuple[str, str]) -> None:
    note(run, Holder(attempt=1))
    run.exit.write_text(json.dumps({"attempt": 1, "signal": "", "stopped": False} | ending))
    assert state_of(run)[:2] == expected


def test_what_the_lock_says_after_a_full_disk(run: RunDir) -> None:
    leave(run, 1, 0)
    note(run, Holder(attempt=2, exit={"attempt": 2, "returncode": 1, "signal": "", "stopped": False}))
    assert state_of(run)[:2] == ("failed", "rc 1")


def test_last_words_are_found_behind_much_else(run: RunDir) -> None:
    write(run, started(1), *(report(step) for step in range(1000)), last(1))
    assert state_of(run).kind == "finished"
    write(run, started(3), *(report(step) for step in range(3000)))
    assert newest_attempt(run) == 3
    assert reached(run) == 2999
    run.events.write_bytes(run.events.read_bytes() + b'{"event":"step","st')
    assert reached(run) == 2999


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"[" * 9999, b"\xff\xfe", b'{"attempt": "2", "pid": [], "exit": 3, "time": null}', b"null"]
)
def test_damaged_files_never_raise(run: RunDir, content: bytes) -> None:
    for path in (run.lock, run.exit, run.events, run.meta):
        path.write_bytes(content)
    assert state_of(run) == ("crashed", "never started", "", False)


def test_silence_is_a_warning(run: RunDir, lock: int) -> None:
    long_ago = time.time() - 1000
    alive.write(lock, Holder(attempt=1, host=alive.host(), time=long_ago))
    write(run, started(1), report(1, 100.0), report(2, 110.0), report(3, 120.0))
    assert not state_of(run).stale
    os.utime(run.events, (long_ago, long_ago))
    assert state_of(run) == ("running", "", "", True)
    write(run, started(1), report(1, 100.0), report(2, 200.0), report(3, 300.0))  # a slow one: 20 x 100 s
    os.utime(run.events, (long_ago, long_ago))
    assert not state_of(run).stale
