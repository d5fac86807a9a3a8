"""`etlgan queue`, `sweep` and `gc` as one types them."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from core.rundir import Home, write_json
from core.runs import alive, launcher, retention, tickets, waiter
from core.runs.find import run_ids
from core.runs.meta import read_meta
from core.runs.state import state_of

from .conftest import LONG, SHORT, Typed, complains


@pytest.fixture(autouse=True)
def quiet(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    tickets.change_settings(home, paused=True)
    yield
    tickets.change_settings(home, paused=True)
    deadline = time.monotonic() + 10
    while waiter.waits(home) and time.monotonic() < deadline:
        time.sleep(0.05)


def wait_until_empty(home: Home) -> None:
    deadline = time.monotonic() + 30
    while any(state_of(home.run(run_id)).kind in ("queued", "running") for run_id in run_ids(home)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_queue_list_move_priority_pause_and_cancel(etlgan: Typed, home: Home) -> None:
    ids = [etlgan("run", "digits", *SHORT, "--queue", "--name", name).out.strip() for name in ("one", "two", "three")]
    said = etlgan("queue")
    assert [line.split()[1] for line in said.out.splitlines()[1:4]] == ["one", "two", "three"]
    assert "3 waiting, 0 running, 1 slot; paused" in said.out
    assert etlgan("queue", "move", "three", "first").out == f"run {ids[2]} is number 1 of 3\n"
    assert "number 1 in the queue" in etlgan("queue", "priority", "two", "4").out
    tree = json.loads(etlgan("queue", "--json").out)
    assert [waits["name"] for waits in tree["waiting"]] == ["two", "three", "one"]
    assert etlgan("queue", "cancel", "two").code == 0
    assert "○ queued" in etlgan("ls").out
    assert "■ stopped" in etlgan("ls", "two").out
    assert etlgan("queue", "slots", "2").out == "2 slots (set; no GPU here)\n"
    assert etlgan("queue", "slots", "auto").out == "1 slot (automatic; no GPU here)\n"
    etlgan("queue", "pause", "one")
    etlgan("queue", "go")
    deadline = time.monotonic() + 20
    while state_of(home.run(ids[2])).kind != "finished":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert state_of(home.run(ids[0])).kind == "queued"
    etlgan("queue", "go", "one")
    wait_until_empty(home)
    assert etlgan("resume", "two", "--queue").code == 0
    wait_until_empty(home)
    assert state_of(home.run(ids[1])).kind == "finished"


def test_queue_mistakes_are_one_line(etlgan: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    complains(etlgan("queue", "slots", "0"), "must be 1 .. 256", code=2)
    complains(etlgan("queue", "move", "nothing", "1"), "no run", code=1)
    run_id = etlgan("run", "digits", *SHORT, "--queue").out.strip()
    complains(etlgan("queue", "move", run_id, "0"), "first, last", code=2)
    with monkeypatch.context() as patched:
        patched.setattr(launcher, "cancel", lambda _run: False)  # its turn comes at this moment
        assert etlgan("queue", "cancel", "all") == (0, "", "")
    etlgan("stop", run_id)
    complains(etlgan("queue", "cancel", run_id), "does not wait", code=1)
    complains(etlgan("queue", "pause", run_id), "does not wait", code=1)


def test_a_rerun_may_wait_its_turn(etlgan: Typed, home: Home) -> None:
    before = etlgan("run", "digits", *SHORT, "--queue").out.strip()
    said = etlgan("rerun", before, "--queue", "--name", "again")
    assert "queued, number 2" in said.err
    again = home.run(said.out.strip())
    assert (state_of(again).kind, read_meta(again).parent) == ("queued", before)


def test_a_command_finds_that_nobody_waits_and_says_so(etlgan: Typed, home: Home) -> None:
    run = home.run(etlgan("run", "digits", *SHORT, "--queue").out.strip())
    ticket = tickets.read(run)
    assert ticket
    tickets.write(home, ticket._replace(queued=time.time() - 60))
    write_json(home.queue_settings, {})  # as if the machine had gone down and come up again
    assert "1 queued, but nobody waited" in etlgan("ls").err
    wait_until_empty(home)


def test_sweep_from_command_to_best(etlgan: Typed, home: Home) -> None:
    words = ("sweep", "digits", *SHORT, "--grid", "train.lr=1e-4,2e-4", "--seeds", "2")
    assert "train.lr=2e-4 seed=1" in etlgan(*words, "--dry-run").out
    assert not home.runs.exists()
    said = etlgan(*words)
    sweep = said.out.strip()
    assert "4 runs queued" in said.err
    assert "4 as they were" in etlgan(*words).err
    assert len(etlgan("ls", "--sweep", sweep).out.splitlines()) == 5
    etlgan("sweep", "stop", sweep)
    assert "4 go on" in etlgan("sweep", "--resume", sweep).err
    etlgan("queue", "slots", "4")
    etlgan("queue", "go")
    wait_until_empty(home)
    said = etlgan("sweep", "show", sweep, "--by", "q_fake")
    assert said.out.count("2 finished") == 2
    assert "best: etlgan run digits --set train.steps=12 --set train.lr=0.000" in said.out
    assert (home.sweeps / sweep / "train.lr.png").read_bytes()[:4] == b"\x89PNG"
    assert (
        json.loads(etlgan("sweep", "show", "--by", "d", "--json").out)["configurations"][0]["states"]
        == ["finished"] * 2
    )
    assert "4/4" in etlgan("sweep", "ls").out
    (kept,) = json.loads(etlgan("sweep", "ls", "--json").out)
    assert (kept["sweep"], kept["fields"], kept["finished"], kept["wanted"]) == (sweep, ["train.lr"], 4, 4)
    complains(etlgan("sweep", "stop", sweep, "--json"), "sweep stop takes no --json", code=2)
    complains(etlgan("sweep", "stop", sweep, "--dry-run"), "sweep stop takes no --dry-run", code=2)
    complains(etlgan("sweep", "--resume", sweep, "--seeds", "3"), "sweep --resume takes no --seeds", code=2)
    complains(etlgan("sweep", "show", sweep, "--by", "beauty"), "no objective", code=1)
    complains(etlgan("sweep", "digits", "--grid", "data.chars=nonsense-set"), "", code=2)


def test_search_from_command_to_best(etlgan: Typed, home: Home) -> None:
    pytest.importorskip("optuna")
    words = ("sweep", "digits", *SHORT, "--search", "2", "--over", "train.lr=1e-5..1e-3")
    assert "2 runs; nothing was queued" in etlgan(*words, "--dry-run").err
    complains(etlgan(*words[:-4], *words[-2:]), "range needs", code=2)
    complains(etlgan(*words, "--by", "beauty"), "no objective", code=1)
    complains(etlgan("sweep", "digits", "--grid", "train.lr=1e-4", "--by", "d"), "go with --search", code=2)
    etlgan("queue", "slots", "2")
    etlgan("queue", "go")
    said = etlgan(*words, "--by", "q_fake")
    assert said.code == 0, said.err
    assert "2 of 2 (train.lr=" in said.err
    assert said.out.count("1 finished") == 2
    assert "best: etlgan run digits --set train.steps=12 --set train.lr=" in said.out
    assert "2/2" in etlgan("sweep", "ls").out
    assert etlgan("sweep", "--resume", "last").code == 0
    assert len(run_ids(home)) == 2


def test_a_search_is_left_and_its_runs_are_not(
    etlgan: Typed, home: Home, process: Callable[..., subprocess.Popen[str]]
) -> None:
    pytest.importorskip("optuna")
    words = ("sweep", "digits", *LONG, "--search", "2", "--over", "train.lr=1e-5..1e-3", "--by", "q_fake")
    working = process(*words)
    deadline = time.monotonic() + 30
    while not run_ids(home):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(working.pid, signal.SIGKILL)
    working.wait()
    working = process(*words)  # it finds the run that it began
    assert working.stdout
    sweep = working.stdout.readline().strip()
    while driver_pid(home, sweep) != str(working.pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    said = etlgan("sweep", "stop", sweep)
    assert "ends" in said.err
    assert "out of the queue" in said.out
    out, err = working.communicate(timeout=20)
    assert (working.returncode, out) == (130, "")
    assert "its runs are not stopped" in err
    assert len(run_ids(home)) == 1


def driver_pid(home: Home, sweep: str) -> str:
    return (home.sweeps / sweep / "driver.lock").read_text().partition(" ")[0]


def test_gc_says_how_much_and_asks(etlgan: Typed, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = etlgan("run", "digits", *SHORT, "--detach").out.strip()
    wait_until_empty(home)
    etlgan("rm", run_id)
    assert "in all" in etlgan("gc", "--dry-run", "--older", "0").out
    assert "--yes deletes it" in etlgan("gc", "trash", "--older", "0").err
    assert (home.trash / run_id).exists()
    with monkeypatch.context() as patched:
        patched.setattr(retention, "delete", lambda _home, _items: (0, ["busy"]))
        assert etlgan("gc", "trash", "--older", "0", "--yes", "--json").code == 1
    assert "freed" in etlgan("gc", "trash", "--older", "0", "--yes").out
    assert not (home.trash / run_id).exists()
    complains(etlgan("gc", "everything"), "choose from", code=2)


def test_a_disk_that_is_too_small_is_told_before_the_start(etlgan: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.runs import disk

    monkeypatch.setattr(disk, "free", lambda _folder: 510_000_000)
    said = etlgan("run", "digits", *SHORT, "--queue", "--set", "train.keep=10", "--set", "train.save_every=1")
    assert said.code == 0
    assert "MB of checkpoints and pictures are to come" in said.err


def test_a_kill_of_the_holder_lets_the_next_go(etlgan: Typed, home: Home) -> None:
    first = home.run(etlgan("run", "digits", "--set", "train.steps=100000", "--detach").out.strip())
    second = home.run(etlgan("run", "digits", *SHORT, "--queue").out.strip())
    etlgan("queue", "go")
    time.sleep(1)
    assert state_of(second).kind == "queued"
    for pid in alive.processes(alive.read(first)):
        os.kill(pid, signal.SIGKILL)
    wait_until_empty(home)
    assert state_of(second).kind == "finished"
