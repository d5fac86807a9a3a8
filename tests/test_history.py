"""Tailing a growing file, and curves over several attempts."""

import math
from pathlib import Path
from typing import Any

import pytest

from core import events
from core.errors import RunError
from core.events import AnyEvent, Finished, Sampled, Saved, Scored, Started, Step
from core.history import MEASURED, History, Tail, curves


def report(step: int, *, d: float | None = 1.0, seconds: float = 0.0) -> Step:
    values: dict[str, Any] = dict.fromkeys(MEASURED, 0.5) | {"d": d}
    return Step(step=step, time=100.0 + step, seconds=seconds or step / 10, **values)


def started(attempt: int, step: int) -> Started:
    return Started(
        step=step, time=1.0, attempt=attempt, device="cpu", precision="fp32", threads=1, batch_size=2, classes=3,
        steps=9, data="x",
    )  # fmt: skip


def saved(step: int) -> Saved:
    return Saved(step=step, time=1.0, path=f"checkpoints/{step}", best=False)


def lines(*said: AnyEvent) -> bytes:
    return b"".join(map(events.encode, said))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def test_no_file_yet(path: Path) -> None:
    tail = Tail(path)
    assert tail.read() == []
    path.write_bytes(lines(report(1)))
    assert tail.read() == [report(1)]
    assert tail.read() == []


def test_a_torn_last_line_waits_for_its_rest(path: Path) -> None:
    whole = lines(report(1), report(2))
    tail = Tail(path)
    seen: list[AnyEvent] = []
    for length in range(len(whole) + 1):  # cut at every byte
        path.write_bytes(whole[:length]) if not path.exists() else path.open("ab").write(whole[length - 1 : length])
        seen += tail.read()
    assert seen == [report(1), report(2)]
    assert tail.problems == []
    assert tail.offset == len(whole)


def test_it_goes_on_from_an_offset(path: Path) -> None:
    path.write_bytes(lines(report(1), report(2)))
    assert Tail(path, len(lines(report(1)))).read() == [report(2)]


@pytest.mark.parametrize("limit", [1, 10, 200, 1 << 20])
def test_blocks_of_any_size_give_the_same_events(path: Path, limit: int) -> None:
    path.write_bytes(lines(*map(report, range(20))))
    tail, seen = Tail(path), list[AnyEvent]()
    while batch := tail.read(limit):
        seen += batch
    assert seen == list(map(report, range(20)))


@pytest.mark.parametrize("bad", [b"\0" * 30, b'{"event":"unknown","step":1,"time":1}', b"\xff\xfe", b"[" * 5000, b"{}"])
def test_a_damaged_line_is_named_and_the_rest_is_read(path: Path, bad: bytes) -> None:
    first = lines(report(1))
    path.write_bytes(first + bad + b"\n" + lines(report(2)))
    tail = Tail(path)
    assert tail.read() == [report(1), report(2)]
    assert len(tail.problems) == 1
    assert f"events.jsonl, byte {len(first)}: not an event line" in tail.problems[0]


@pytest.mark.parametrize("how", ["shorter", "longer", "elsewhere"])
def test_a_replaced_file_is_read_anew(path: Path, how: str) -> None:
    path.write_bytes(lines(*map(report, range(5))))
    tail = Tail(path)
    tail.read()
    other = [report(7, d=0.123456)] * (1 if how == "shorter" else 9)
    if how == "elsewhere":
        path.with_name("other").write_bytes(lines(*other))
        path.with_name("other").replace(path)
    else:
        path.write_bytes(lines(*other))
    assert tail.read() == other
    assert tail.restarts == 1


def test_a_file_that_cannot_be_read_is_an_error(path: Path) -> None:
    path.mkdir()
    with pytest.raises(RunError, match="cannot read"):
        Tail(path).read()


def test_columns(path: Path) -> None:
    path.write_bytes(lines(started(1, 0), report(10), report(20, d=None), Finished(
        step=20, time=1.0, attempt=1, state="finished", message="")))  # fmt: skip
    history = curves(path)
    assert list(history.step) == [10, 20]
    assert list(history.time) == [110.0, 120.0]
    assert history.d[0] == 1.0
    assert math.isnan(history.d[1])
    assert {len(getattr(history, name)) for name in MEASURED} == {2}
    assert [event.state for event in history.finished] == ["finished"]


def test_a_resumed_attempt_voids_what_lies_past_its_first_step() -> None:
    history = History()
    history.add([started(1, 0), *(report(step, seconds=step) for step in (10, 20, 30, 40)), saved(20), saved(40)])
    history.add([Scored(step=20, time=1.0, scores={"x": 1.0}), Scored(step=40, time=1.0, scores={"x": 2.0})])
    history.add([Sampled(step=40, time=1.0, path="p", kind="grid", rows=[])])
    history.add([started(2, 20), saved(20), report(30, d=3.0, seconds=10)])
    assert list(history.step) == [10, 20, 30]
    assert list(history.d) == [1.0, 1.0, 3.0]
    assert list(history.seconds) == [10, 20, 30]  # no seam: the second attempt took up where the first had saved
    assert history.saved == [saved(20)]
    assert history.sampled == []
    assert [event.scores for event in history.scored] == [{"x": 1.0}]
    assert len(history.started) == 2


def test_a_point_said_again_at_the_resume_step_counts_once() -> None:
    history = History()
    history.add([started(1, 0), report(10), report(20, d=1.0), started(2, 20), report(20, d=2.0), report(30)])
    assert list(history.step) == [10, 20, 30]
    assert history.d[1] == 2.0


def test_steps_out_of_order_never_make_a_curve_run_backwards() -> None:
    history = History()
    history.add([report(10), report(30), report(20), report(20), report(25)])
    assert list(history.step) == [10, 20, 25]


def test_without_a_checkpoint_it_starts_over() -> None:
    history = History()
    history.add([started(1, 0), report(10), started(2, 0)])
    assert list(history.step) == list(history.d) == []


def test_a_step_that_no_column_can_hold_is_a_damaged_line(tmp_path: Path) -> None:
    """Found by the fuzzer: it came out of `show` as an OverflowError."""
    line = b'{"event":"step","step":%d,"time":1,"seconds":1,"images_per_s":1,"d":1,"g":1,' % (1 << 70)
    path = tmp_path / "events.jsonl"
    path.write_bytes(line + b'"info_cat":1,"info_con":1,"q_real":1,"q_fake":1}\n')
    told = curves(path)
    assert len(told.step) == 0
    assert "not an event line" in told.problems[0]
