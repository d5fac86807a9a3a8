"""Real waiters, runners and kills: who waits, who goes, and that nothing is lost or started twice."""

import contextlib
import json
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from core.errors import RunError
from core.presets import resolve
from core.rundir import Home, RunDir, write_json
from core.runs import alive, disk, launcher, queue, slots, tickets, waiter
from core.runs.meta import edit_meta, read_meta
from core.runs.state import newest_attempt, state_of

from .conftest import ended, wait_for, working

LONG = resolve("digits", {"train.steps": 100_000})
SHORT = resolve("digits", {"train.steps": 5})


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, home: Home) -> Iterator[None]:
    """One slot, whatever this machine has; no waiter outlives its test."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.delenv(slots.ALL, raising=False)
    slots.gpus.cache_clear()
    yield
    tickets.change_settings(home, paused=True)
    wait_for(lambda: not waiter.waits(home))
    slots.gpus.cache_clear()


def kind(run: RunDir) -> str:
    return state_of(run).kind


def paused(home: Home) -> None:
    """Nothing goes until the test says so."""
    tickets.change_settings(home, paused=True)


def waiter_pid(home: Home) -> int:
    """Of the one that lives now: the file also has the pid of those before."""
    wait_for(lambda: waiter.waits(home) and alive.started_of(noted_pid(home)))
    return noted_pid(home)


def noted_pid(home: Home) -> int:
    return int((home.waiter(alive.host()).read_text().split() or ["0"])[0])


def begun(runs: list[RunDir]) -> list[str]:
    """Names in the order in which they were set going."""
    return [read_meta(run).name for run in sorted(runs, key=lambda run: alive.read(run).time)]


def kill_run(run: RunDir) -> None:
    for pid in alive.processes(alive.read(run)):
        os.kill(pid, signal.SIGKILL)


def test_one_after_another_in_order_of_priority(home: Home) -> None:
    paused(home)
    made = {name: launcher.start(home, SHORT, name=name, queued=True) for name in ("a", "b", "c")}
    made["d"] = launcher.start(home, SHORT, name="d", queued=True, priority=1)
    runs = list(made.values())
    assert [kind(run) for run in runs] == ["queued"] * 4
    assert [ticket.id for ticket in tickets.waiting(home)] == [made[name].id for name in "dabc"]
    queue.hold(home, [], held=False)
    assert {ended_in_turn(run) for run in runs} == {"finished"}
    assert begun(runs) == ["d", "a", "b", "c"]
    times = sorted((alive.read(run).time, json.loads(run.exit.read_text())["time"]) for run in runs)
    assert all(end <= start for (_, end), (start, _) in pairwise(times))  # never two at a time
    wait_for(lambda: not waiter.waits(home))  # nobody stays behind
    assert not list(home.tickets.iterdir())


def ended_in_turn(run: RunDir) -> str:
    wait_for(lambda: kind(run) not in ("queued", "running"), 30)
    return kind(run)


def test_a_run_started_directly_takes_the_slot(home: Home) -> None:
    first = launcher.start(home, LONG)
    second = launcher.start(home, SHORT, queued=True)
    working(first)
    time.sleep(2 * waiter.LOOK_SECONDS)
    assert kind(second) == "queued"
    launcher.stop(first, wait=10)
    assert ended_in_turn(second) == "finished"


def test_slots_go_side_by_side(home: Home) -> None:
    tickets.change_settings(home, slots=2)
    runs = [launcher.start(home, LONG, queued=True) for _ in range(3)]
    wait_for(lambda: sorted(map(kind, runs)) == ["queued", "running", "running"])
    wait_for(lambda: sorted(place.slot for place in queue.look(home).running) == [0, 1])
    kill_run(runs[0])
    wait_for(lambda: kind(runs[2]) == "running")
    wait_for(lambda: {place.slot for place in slots.places(home)} == {0, 1})
    for run in runs[1:]:
        launcher.stop(run, wait=10)


def test_fewer_slots_hold_for_what_already_goes(home: Home) -> None:
    """A run in a slot that is no more counts: as many go as are to go, none beside them."""
    tickets.change_settings(home, slots=2)
    first, second = (launcher.start(home, LONG, queued=True) for _ in range(2))
    wait_for(lambda: {place.slot for place in slots.places(home)} == {0, 1})
    tickets.change_settings(home, slots=1)
    third = launcher.start(home, SHORT, queued=True)
    kill_run(next(run for run in (first, second) if run.id == _in_slot(home, 0)))
    assert slots.free(home) == []
    assert kind(third) == "queued"
    kill_run(home.run(_in_slot(home, 1)))
    assert ended_in_turn(third) == "finished"


def _in_slot(home: Home, slot: int) -> str:
    return next(place.id for place in slots.places(home) if place.slot == slot)


def test_a_killed_holder_frees_its_place_at_once(home: Home) -> None:
    first, second = (launcher.start(home, LONG, queued=True) for _ in range(2))
    working(first)
    waiter_pid(home)
    begin = time.monotonic()
    kill_run(first)
    wait_for(lambda: kind(second) == "running")
    assert time.monotonic() - begin < 3
    assert kind(first) == "crashed"
    launcher.stop(second, wait=10)


def test_a_killed_waiter_is_replaced_when_a_run_ends(home: Home) -> None:
    first, second = launcher.start(home, LONG, queued=True), launcher.start(home, SHORT, queued=True)
    working(first)
    waiter_pid(home)

    def nobody_waits() -> bool:
        """Each launch started a waiter: the one that lost may still stand for election."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(noted_pid(home), signal.SIGKILL)
        return not waiter.waits(home)

    wait_for(nobody_waits)
    assert kind(second) == "queued"
    launcher.stop(first, wait=10)
    assert ended_in_turn(second) == "finished"


def test_a_suspended_waiter_gives_its_place_up(home: Home) -> None:
    """It lives and holds the lock of all waiters, but does nothing; without this the queue stood still for ever."""
    paused(home)
    run = launcher.start(home, SHORT, queued=True)
    tickets.change_settings(home, paused=False)
    with tickets.locked(home):  # so that the run does not go before the waiter was suspended
        assert waiter.revive(home)
        first = waiter_pid(home)
        os.kill(first, signal.SIGSTOP)
    wait_for(lambda: alive.suspended(first, alive.started_of(first)))
    assert waiter.waits(home)
    assert waiter.revive(home)
    assert ended_in_turn(run) == "finished"
    assert not alive.started_of(first)


def test_a_suspended_editor_is_told_and_does_not_hold_up_others_for_ever(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "LOCK_SECONDS", 0.05)
    with tickets.locked(home), pytest.raises(RunError, match="locked for 0 s by another etlgan"):
        tickets.change_settings(home, slots=2)
    assert tickets.change_settings(home, slots=2).slots == 2


@pytest.mark.slow  # for two beats of a runner
def test_a_live_runner_replaces_a_killed_waiter(home: Home) -> None:
    run = launcher.start(home, SHORT)
    ended(run)
    launcher.resume(home, run, steps=100_000)
    launcher.start(home, SHORT, queued=True)
    os.kill(waiter_pid(home), signal.SIGKILL)
    wait_for(lambda: not waiter.waits(home))
    wait_for(lambda: waiter.waits(home), alive.BEAT_SECONDS + 5)
    launcher.stop(run, wait=10)


def test_after_a_restart_nobody_waits_until_somebody_looks(home: Home) -> None:
    paused(home)
    run = launcher.start(home, SHORT, queued=True)
    write_json(home.queue_settings, {})  # as if the machine had gone down: tickets, and no process
    assert kind(run) == "queued"
    assert not waiter.waits(home)
    assert waiter.revive(home)
    assert ended_in_turn(run) == "finished"
    assert not waiter.revive(home)


def enqueued(home: Home, number: int) -> RunDir:
    return launcher.start(home, SHORT, queued=True, note=str(number))


def test_many_at_once_start_one_waiter_and_none_is_lost_or_run_twice(home: Home) -> None:
    tickets.change_settings(home, slots=4)
    with multiprocessing.get_context("spawn").Pool(16) as pool:
        runs = pool.map(partial(enqueued, home), range(16), chunksize=1)
    assert len({read_meta(run).name for run in runs}) == 16
    assert {ended_in_turn(run) for run in runs} == {"finished"}
    assert {newest_attempt(run) for run in runs} == {1}
    assert all(run.events.read_text().count('"started"') == 1 for run in runs)


def test_moving(home: Home) -> None:
    paused(home)
    made = {name: launcher.start(home, SHORT, name=name, queued=True) for name in "abcd"}

    def order() -> str:
        return "".join(read_meta(home.run(ticket.id)).name for ticket in tickets.waiting(home))

    for name, place, wanted in (("d", 1, "dabc"), ("a", 3, "dbac"), ("d", 99, "bacd"), ("c", 2, "bcad")):
        queue.move(home, made[name], place)
        assert order() == wanted
    edit_meta(made["d"], priority=3)
    assert order() == "dbca"
    assert queue.move(home, made["a"], 1) == 1
    assert order() == "adbc"
    assert read_meta(made["a"]).priority == 3
    queue.move(home, made["d"], 4)
    assert order() == "abcd"
    for _ in range(80):  # halving an interval of floats ends somewhere
        queue.move(home, made["d"], 3)
        queue.move(home, made["c"], 3)
        assert order() == "abcd"


def test_a_held_run_is_passed_over(home: Home) -> None:
    paused(home)
    first, second = (launcher.start(home, SHORT, queued=True) for _ in range(2))
    queue.hold(home, [first], held=True)
    queue.hold(home, [], held=False)
    assert ended_in_turn(second) == "finished"
    assert kind(first) == "queued"
    queue.hold(home, [first], held=False)
    assert ended_in_turn(first) == "finished"
    with pytest.raises(RunError, match="does not wait"):
        queue.hold(home, [first], held=True)


def test_stopping_and_removing_queued_runs(home: Home) -> None:
    paused(home)
    first, second, third = (launcher.start(home, SHORT, queued=True) for _ in range(3))
    assert "out of the queue" in launcher.stop(first)
    assert state_of(first) == ("stopped", "", "taken out of the queue before its turn", False)
    trashed = launcher.remove(home, second)
    assert [ticket.id for ticket in tickets.waiting(home)] == [third.id]
    assert kind(launcher.restore(home, trashed.name)) == "stopped"
    launcher.resume(home, first)
    assert ended(first).kind == "finished"
    assert not launcher.cancel(first)


def test_resume_waits_its_turn_and_cancelling_leaves_what_was(home: Home) -> None:
    run = launcher.start(home, SHORT)
    ended(run)
    paused(home)
    launcher.resume(home, run, steps=9, queued=True)
    assert kind(run) == "queued"
    with pytest.raises(RunError, match="already"):
        launcher.resume(home, run, queued=True)
    assert launcher.cancel(run)
    assert kind(run) == "finished"
    launcher.resume(home, run, queued=True)
    queue.hold(home, [], held=False)
    wait_for(lambda: newest_attempt(run) == 2)
    assert ended_in_turn(run) == "finished"
    assert json.loads(run.env.read_text())["resumed"][0]["attempt"] == 2


def test_a_run_that_is_bad_at_its_turn_fails_and_the_queue_goes_on(home: Home) -> None:
    paused(home)
    bad, good = (launcher.start(home, SHORT, queued=True) for _ in range(2))
    bad.config.write_text('{"train": {"stepz": 3}}')
    queue.hold(home, [], held=False)
    assert ended_in_turn(good) == "finished"
    state = state_of(bad)
    assert (state.kind, state.detail) == ("failed", "rc 2")
    assert "stepz" in state.message
    assert "stepz" in bad.console.read_text()
    bad.config.write_bytes(good.config.read_bytes())
    launcher.resume(home, bad)
    assert ended(bad).kind == "finished"


def test_a_run_that_cannot_even_be_ended_is_passed_over(home: Home) -> None:
    paused(home)
    bad, good = (launcher.start(home, SHORT, queued=True) for _ in range(2))
    bad.config.write_text("{")
    bad.exit.mkdir()  # so that exit.json cannot be written
    queue.hold(home, [], held=False)
    assert ended_in_turn(good) == "finished"
    assert kind(bad) == "queued"
    time.sleep(2 * waiter.LOOK_SECONDS)
    assert "passed over" in home.waiter_log.read_text()
    assert home.waiter_log.read_text().count("passed over") < 5
    queue.hold(home, [], held=True)


def test_killed_while_it_sets_a_run_going_the_run_is_not_lost(home: Home) -> None:
    """The ticket is taken away by the runner only: killing the waiter at any moment loses nothing."""
    paused(home)
    runs = [launcher.start(home, SHORT, queued=True) for _ in range(4)]
    queue.hold(home, [], held=False)
    for _ in range(6):
        os.kill(waiter_pid(home), signal.SIGKILL)
        wait_for(lambda: not waiter.waits(home))
        waiter.revive(home)
        time.sleep(random.uniform(0, 0.6))
        if not list(tickets.ids(home)):
            break
    wait_for(lambda: not any(kind(run) in ("queued", "running") for run in runs), 30)
    assert {kind(run) for run in runs} == {"finished"}
    assert {newest_attempt(run) for run in runs} <= {1, 2}


def test_tickets_and_settings_may_be_damaged(home: Home) -> None:
    paused(home)
    first, second = (launcher.start(home, SHORT, queued=True) for _ in range(2))
    first.ticket.write_text("\x00{")
    second.ticket.write_text('{"order": "x", "held": 1, "host": 5, "queued": true}')
    (home.tickets / "gone.json").write_text("{}")
    assert {ticket.id for ticket in tickets.waiting(home)} == {first.id, second.id}
    home.queue_settings.write_text('{"slots": -3, "paused": "no"}')
    assert tickets.settings(home) == tickets.Settings()
    waiter.revive(home)
    assert {ended_in_turn(first), ended_in_turn(second)} == {"finished"}


def test_a_slot_hands_down_its_gpu(home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two GPUs by name; the trainer writes which one it sees."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-a,GPU-b")
    slots.gpus.cache_clear()
    assert slots.count(home) == 2
    (tmp_path / "sees.py").write_text(
        "import os, sys, time\n"
        "with open(sys.argv[1] + '/sees', 'w') as f: f.write(os.environ['CUDA_VISIBLE_DEVICES'])\n"
        "time.sleep(1)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("ETLGAN_TRAINER", "sees")
    runs = [launcher.start(home, SHORT, queued=True) for _ in range(3)]
    chosen = launcher.start(home, resolve("digits", {"train.device": "cuda:1"}), queued=True)
    assert {ended_in_turn(run) for run in [*runs, chosen]} == {"finished"}
    seen = [(run.path / "sees").read_text() for run in runs]
    assert set(seen) == {"GPU-a", "GPU-b"}  # also once a runner has started the next waiter
    assert (chosen.path / "sees").read_text() == "GPU-a,GPU-b"
    assert f"run {chosen.id} goes in slot 1" in home.waiter_log.read_text()
    wait_for(lambda: not list(home.places.iterdir()))


def test_two_hundred_are_listed_at_once(home: Home) -> None:
    paused(home)
    run = launcher.start(home, SHORT, queued=True)
    for number in range(199):
        twin = home.run(f"{run.id}{number:03d}")
        twin.path.mkdir()
        for name in ("config.json", "meta.json"):
            (twin.path / name).write_bytes((run.path / name).read_bytes())
        tickets.write(home, tickets.ticket_for(twin.id, device="auto"))
    begin = time.process_time()
    assert len(queue.look(home).waiting) == 200
    assert time.process_time() - begin < 0.1
    assert queue.position(home, twin.id) == 200
