"""`run`, `resume`, `stop`: what is streamed, what the exit code is, what Ctrl-C does."""

import contextlib
import fcntl
import json
import os
import pty
import re
import resource
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.cells import cell_len

from core import config, events, presets
from core.events import Finished, Sampled, Started, Step
from core.rundir import Home
from core.runs import disk
from core.runs.find import find, run_ids
from core.runs.state import state_of
from core.settings import TrainConfig
from etlgan_tui.cli import following, watch
from etlgan_tui.cli.watch import Watched

from .conftest import LONG, PROGRAM, SHORT, Said, Typed, complains

Start = Callable[..., subprocess.Popen[str]]


def wait_for(condition: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def live(home: Home) -> bool:
    return any(home.run(run_id).events.stat().st_size > 400 for run_id in run_ids(home))


def test_events_as_json_lines(etlgan: Typed, home: Home) -> None:
    said = etlgan(
        "run", "hiragana-a-ka", "--json", "--name", "mine", "--tag", "a", "--tag", "b", "--note", "why", *SHORT
    )
    told = [events.decode(line.encode()) for line in said.out.splitlines()]
    assert said.code == 0
    assert isinstance(told[0], Started)
    assert isinstance(told[-1], Finished)
    assert [event.step for event in told if isinstance(event, Step)] == list(range(1, 13))
    run = find(home, "mine")
    assert b"".join(map(events.encode, told)) == run.events.read_bytes()
    assert run.id in said.err
    meta = json.loads(run.meta.read_text())
    assert (meta["tags"], meta["note"]) == (["a", "b"], "why")


def test_words_go_to_stderr_and_are_lines_without_a_terminal(etlgan: Typed) -> None:
    said = etlgan("run", "digits", *SHORT)
    assert said.code == 0
    assert said.out == ""  # the fake trainer draws nothing
    assert "step 12/12 100 %" in said.err
    assert "\x1b" not in said.err


def test_a_disk_that_fills_up_while_it_runs_is_told_once(etlgan: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "LOW_BYTES", 1 << 60)
    monkeypatch.setattr(watch, "_STATE_EVERY", 0.0)
    said = etlgan("run", *SHORT)
    assert said.code == 0
    before, while_it_runs = (
        re.findall(rf"{words}.* the disk of .*", said.err) for words in ("to come", "etlgan: only")
    )
    assert len(before) == 1
    assert len(while_it_runs) == 1


def test_settings_reach_the_run(etlgan: Typed, home: Home) -> None:
    assert etlgan("run", "--chars", "あい", "--set", "train.steps=3", "--set", "model.codes=2", "--seed", "5").code == 0
    made = config.decode(find(home, "last").config.read_bytes())
    assert (made.data.chars, made.train.steps, made.model.codes, made.seed) == ("あい", 3, 2, 5)


@pytest.mark.parametrize(
    ("mode", "code", "words"),
    [("fail", 1, ["failed", "fake"]), ("early", 1, ["fake trainer: no data", "failed (rc 1)", "etlgan logs"]),
     ("exit 3", 1, ["failed (rc 3)"]), ("torn", 1, ["killed (SIGKILL)"])],
)  # fmt: skip
def test_exit_code_is_the_runs(
    etlgan: Typed, monkeypatch: pytest.MonkeyPatch, mode: str, code: int, words: list[str]
) -> None:
    monkeypatch.setenv("FAKE_MODE", mode)
    said = etlgan("run", *SHORT)
    assert said.code == code
    assert "Traceback" not in said.err
    for word in words:
        assert word in said.err


def test_detach_stop_resume(etlgan: Typed, home: Home) -> None:
    said = etlgan("run", "--detach", *LONG)
    run = find(home, "last")
    assert (said.code, said.out) == (0, f"{run.id}\n")
    assert state_of(run).kind == "running"
    complains(etlgan("resume", "last"), "is live", code=1)
    complains(etlgan("rm", "last"), "is live", code=1)
    wait_for(lambda: live(home))
    assert f"run {run.id} stopped" in etlgan("stop", "last").out
    assert state_of(run).kind == "stopped"
    complains(etlgan("stop", "last"), "not live", code=1)
    reached = max(int(path.stem) for path in run.checkpoints.iterdir())
    said = etlgan("resume", run.id, "--steps", str(reached + 5), "--json")
    assert said.code == 0
    told = [events.decode(line.encode()) for line in said.out.splitlines()]
    assert isinstance(told[0], Started)  # the first attempt's events are history
    assert told[0].attempt == 2
    assert [event.step for event in told if isinstance(event, Step)] == list(range(reached + 1, reached + 6))


def interrupted(child: subprocess.Popen[str]) -> Said:
    out, err = child.communicate(timeout=30)
    return Said(child.returncode, out, err)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_kill_stop_cleanly_and_say_how_to_go_on(process: Start, home: Home, number: signal.Signals) -> None:
    child = process("run", *LONG)
    wait_for(lambda: live(home))
    os.killpg(child.pid, number)
    said = interrupted(child)
    run = find(home, "last")
    assert said.code == 130, said.err
    assert state_of(run).kind == "stopped"
    assert f"`etlgan resume {run.id}` goes on" in said.err


def test_a_study_that_is_ended_stops_its_run(process: Start, home: Home) -> None:
    """By SIGTERM: what a shell starts in the background, as a test suite may be, ignores Ctrl-C."""
    child = process("study", "ablation", "--only", "the recipe")
    wait_for(lambda: live(home))
    child.terminate()
    said = interrupted(child)
    assert said.code == 130, said.err
    assert "Traceback" not in said.err
    wait_for(lambda: state_of(find(home, "last")).kind == "stopped")


def test_a_second_ctrl_c_leaves_the_run_to_itself(process: Start, etlgan: Typed, home: Home) -> None:
    child = process("run", "--home", str(home.root), *LONG, FAKE_MODE="hang")
    wait_for(lambda: live(home))
    os.killpg(child.pid, signal.SIGINT)
    time.sleep(0.5)
    os.killpg(child.pid, signal.SIGINT)
    said = interrupted(child)
    run = find(home, "last")
    assert said.code == 130
    assert "left to itself" in said.err
    assert f"etlgan stop {run.id} --home {home.root} --kill-after" in said.err
    assert state_of(run)[:2] == ("running", "stopping")
    assert "running (stopping)" in etlgan("show", run.id).out
    assert "killed" in etlgan("stop", run.id, "--kill-after", "0.1").out
    assert state_of(run).kind == "killed"


def test_on_a_terminal_a_board_is_drawn_in_place(home: Home) -> None:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    variables = {name: value for name, value in os.environ.items() if name != "COLUMNS"} | {"TERM": "xterm-256color"}
    command = [*PROGRAM, "run", "hiragana-a-ka", "--set", "train.steps=150"]
    child = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=variables, start_new_session=True)
    os.close(slave)
    drawn = b""
    with contextlib.suppress(OSError):  # the terminal's end, once the command has gone
        while piece := os.read(master, 65536):
            drawn += piece
    os.close(master)
    text = drawn.decode()
    assert child.wait(timeout=30) == 0
    assert "● running" in text
    assert "/150" in text
    assert "loss of D" in text
    assert "▁" in text
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).splitlines()[1:]  # the first names the folder
    assert max(map(cell_len, lines)) <= 80
    assert len(run_ids(home)) == 1


def test_killing_the_command_leaves_the_run_alone(process: Start, home: Home) -> None:
    child = process("run", "--set", "train.steps=300", FAKE_DELAY="0.005")
    wait_for(lambda: live(home))
    child.kill()
    run = find(home, "last")
    assert state_of(run).kind == "running"
    wait_for(lambda: not state_of(run).live)
    assert state_of(run).kind == "finished"


def test_two_launches_at_once(process: Start, home: Home) -> None:
    children = [process("run", "digits", *SHORT) for _ in range(2)]
    assert [interrupted(child).code for child in children] == [0, 0]
    names = {json.loads(home.run(run_id).meta.read_text())["name"] for run_id in run_ids(home)}
    assert names == {"digits-1", "digits-2"}


def test_dry_run_prints_every_setting_and_makes_nothing(etlgan: Typed, home: Home) -> None:
    said = etlgan("run", "kanji-10", "--set", "train.steps=77", "--dry-run")
    assert said.code == 0
    for field in config.fields():
        assert re.search(rf"^ *{field.name.split('.')[-1]}: ", said.out, re.MULTILINE), field.name
    assert "steps: 77 " in said.out
    assert f"# default: {TrainConfig().steps}" in said.out
    assert "10 characters: 一右雨円王音下火花貝" in said.out
    assert re.search(r"about [\d:]+ on 2 CPU cores", said.out)
    assert re.search(r"about [\d.]+ [MG]B of memory", said.out)
    assert not home.root.exists()


def test_dry_run_as_json_is_the_tree_that_a_run_would_get(etlgan: Typed) -> None:
    plan = json.loads(etlgan("run", "hiragana", "--set", "train.lr=1e-4", "--dry-run", "--json").out)
    wanted = presets.resolve("hiragana", {"train.lr": "1e-4"})
    assert config.decode(json.dumps(plan["config"]).encode()) == wanted
    assert len(plan["characters"]) == 46
    assert plan["estimate"]["seconds"] == pytest.approx(presets.PRESETS["hiragana"].seconds)
    assert plan["estimate"]["images_seen"] == wanted.train.steps * wanted.train.batch_size


BAD = [
    (["higana"], 2, ["unknown preset 'higana'", "'hiragana'"]),
    (["--set", "train.btch_size=3"], 2, ["'train.btch_size'", "'train.batch_size'"]),
    (["--set", "train.lr=99"], 2, ["train.lr=99", ".. 1"]),
    (["--set", "train.steps=many"], 2, ["train.steps=many"]),
    (["--set", "data.size=33"], 2, ["data.size=33", "32, 64"]),
    (["--set", "train.lr"], 2, ["NAME=VALUE"]),
    (["--seed", "x"], 2, ["--seed"]),
    (["--seed", "-1"], 2, ["seed=-1"]),
    (["--chars", "hiragna"], 2, ["'hiragna'", "'hiragana'"]),
    (["--chars", ""], 2, ["data.chars: is empty", "hiragana-a-ka"]),
    (["--set", "train.device=cuda:99", "--dry-run"], 1, ["train.device=cuda:99", "train.device=cpu"]),
    (["--set", "train.devices=64", "--set", "train.device=cpu", "--dry-run"], 1, ["train.devices=64", "CPU cores"]),
    (["--chars", "あ龘"], 1, ["龘"]),
    (["--data", "no/such/folder"], 1, ["no/such/folder"]),
    (["--name", "last"], 1, ["last"]),
    (["--name", "last", "--dry-run"], 1, ["last"]),
    (["--name", "a\x1b[31mb"], 1, ["name"]),
    (["--sett", "x=1"], 2, ["--set", "etlgan run --help"]),
]


@pytest.mark.parametrize(("arguments", "code", "words"), BAD, ids=[" ".join(row[0]) for row in BAD])
def test_bad_input_is_told_in_one_line_before_anything_starts(
    etlgan: Typed, home: Home, arguments: list[str], code: int, words: list[str]
) -> None:
    complains(etlgan("run", *arguments), *words, code=code)
    assert run_ids(home) == []


def test_a_home_that_cannot_be_written(etlgan: Typed, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    complains(etlgan("run", "--home", str(tmp_path / "file")), "is a file", code=1)
    complains(etlgan("run", "--home", str(tmp_path / "file" / "below")), "cannot write", code=1)


def test_full_disk(home: Home) -> None:
    def hardly_any_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))  # bytes that a file may grow to

    done = subprocess.run(
        [*PROGRAM, "run", "digits"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=hardly_any_room,
    )
    complains(Said(done.returncode, done.stdout, done.stderr), "cannot write", "full", code=1)
    assert run_ids(home) == []


def test_the_last_samples_are_shown_in_the_terminal(etlgan: Typed, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_STEPS", "200")
    run = home.run(etlgan("run", "--detach", "--set", "train.steps=1000").out.strip())
    wait_for(lambda: live(home))
    cell = np.zeros((32, 32), np.uint8)
    cell[8:24, 4:8] = cell[8:24, 24:28] = 255  # two upright bars, five times
    for path in (run.grid, run.sample(1000)):
        Image.fromarray(np.tile(cell, (1, 5))).save(path)
    with run.events.open("ab") as file:
        sampled = Sampled(step=1000, time=0.0, path="samples/00001000.png", kind="grid", rows=["こ"])
        file.write(events.encode(sampled))
    wait_for(lambda: not state_of(run).live)
    watched = Watched(run, config.decode(run.config.read_bytes()))
    watched.read()
    shown = following.grid(watched)
    assert len(shown) == 4  # one row of characters
    assert all(len(line) == 40 for line in shown)
    assert shown[1] == shown[2] == shown[1][:8] * 5
    run.sample(1000).write_bytes(b"\x89PNG broken")
    assert following.grid(watched) == []
