"""The warm sampler's side of the pipe: what it answers, what it refuses, and that it ends."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from core.gan import checkpoint
from core.gan.answering import LONGEST_REQUEST, Answerer, serve
from core.gan.networks import build_generator
from core.rundir import RunDir
from core.settings import RunConfig

KNOWN = ["あ", "い", "う"]


def save(run: RunDir, config: RunConfig, step: int, *, seed: int = 0) -> None:
    torch.manual_seed(seed)
    weights = checkpoint.prefixed("average", build_generator(config, len(KNOWN)).state_dict())
    checkpoint.save(run, step, weights, {"characters": KNOWN}, quality=0.5, keep=9)


@pytest.fixture
def run(new_run: Callable[..., RunDir], small: Callable[..., RunConfig]) -> RunDir:
    config = small(model__codes=2)
    made = new_run(config)
    save(made, config, 100)
    save(made, config, 200, seed=1)
    return made


def conversation(run: RunDir, *lines: dict[str, Any] | bytes) -> list[tuple[dict[str, Any], np.ndarray | None]]:
    """What is answered to these lines: the heads, and the pictures behind them."""
    said = b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines)
    answers = io.BytesIO()
    serve(run, io.BytesIO(said), answers)
    answers.seek(0)
    found = []
    while line := answers.readline():
        head = json.loads(line)
        raw = answers.read(head.get("bytes", 0))
        found.append((head, np.frombuffer(raw, np.uint8).reshape(head["shape"]) if "shape" in head else None))
    return found


LOAD = {"do": "load", "id": 1}


def draw(**changes: Any) -> dict[str, Any]:
    return {"do": "draw", "id": 2, "characters": ["あ", "う"], "codes": [0.0, 0.5], "seeds": [7, 8, 9], **changes}


def test_every_character_in_every_hand(run: RunDir) -> None:
    (loaded, _), (head, images), (_, one) = conversation(run, LOAD, draw(), draw(characters=["う"], seeds=[8]))
    assert loaded == {
        "id": 1, "step": 200, "characters": KNOWN, "code_names": ["slant", "thickness"], "size": 32, "passed_over": [],
    }  # fmt: skip
    assert (head["id"], head["shape"], head["bytes"]) == (2, [2, 3, 32, 32], 2 * 3 * 32 * 32)
    assert images is not None
    assert one is not None
    assert abs(images[1, 1].astype(int) - one[0, 0]).max() <= 1  # a hand is the same whoever else writes
    assert (images[0, 0] != images[0, 1]).any()


def test_codes_and_steps_change_the_picture(run: RunDir) -> None:
    (_, _), (_, first), (_, moved), (_, _), (_, older) = conversation(
        run, LOAD, draw(), draw(codes=[1.0, 0.5]), {"do": "load", "id": 3, "checkpoint": "100"}, draw()
    )
    assert first is not None
    assert (first != moved).any()
    assert (first != older).any()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"garbage\n", "malformed"),
        (b"\n", "truncated"),
        (b"\xff\xfe\n", ""),
        (b"[" * 50_000 + b"\n", ""),
        (b'{"do": "exec", "id": 1}\n', "exec"),
        (b'{"do": "draw", "id": 1}\n', "characters"),
        (b"x" * (3 * LONGEST_REQUEST) + b"\n", "truncated"),
        (draw(characters=["あ", "漢"]), "this run never saw 漢; it knows あいう"),
        (draw(characters=[]), "must be 1 to 2,048 images"),
        (draw(seeds=list(range(2000))), "must be 1 to 2,048 images"),
        (draw(codes=[0.0]), "codes: must be 2 values"),
        (draw(codes=[0.0, 1e30]), "from -2 to 2"),
        (draw(seeds=[-1]), "seeds"),
        (draw(more=1), "more"),
        ({"do": "load", "id": 5, "checkpoint": "../../x"}, "no checkpoint '../../x'; it has best, last, 100, 200"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_done_is_answered_and_the_next_request_works(
    run: RunDir, line: dict[str, Any] | bytes, told: str
) -> None:
    (_, _), (refused, none), (head, images) = conversation(run, LOAD, line, draw(id=9))
    assert told in refused["error"]
    assert none is None
    assert head["id"] == 9
    assert images is not None


def test_a_request_torn_at_the_end_is_nobodys(run: RunDir) -> None:
    assert [head["id"] for head, _ in conversation(run, LOAD, b'{"do": "load", "id": 4')] == [1]


def test_nothing_is_drawn_before_something_is_loaded(run: RunDir) -> None:
    ((head, _),) = conversation(run, draw())
    assert head["error"] == "nothing is loaded yet; ask for a checkpoint first"


def test_a_damaged_checkpoint_is_passed_over_and_named(run: RunDir) -> None:
    path = run.checkpoint(200)
    path.write_bytes(path.read_bytes()[:5000])
    ((head, _),) = conversation(run, LOAD)
    assert head["step"] == 100
    assert len(head["passed_over"]) == 1
    assert "00000200.safetensors" in head["passed_over"][0]


def test_what_is_loaded_stays_when_all_have_gone(run: RunDir) -> None:
    answerer = Answerer(run)
    answerer.answer(json.dumps(LOAD).encode())
    for path in run.checkpoints.iterdir():
        path.unlink()
    head, _ = answerer.answer(json.dumps(LOAD).encode())
    assert "no checkpoint yet" in head["error"]
    head, images = answerer.answer(json.dumps(draw()).encode())
    assert len(images) == head["bytes"] > 0


def test_the_process_answers_and_ends_with_its_input(run: RunDir) -> None:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "core.gan.answering", str(run.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(LOAD).encode() + b"\n" + json.dumps(draw()).encode() + b"\n")
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["step"] == 200
    head = json.loads(process.stdout.readline())
    assert len(process.stdout.read(head["bytes"])) == 6 * 32 * 32
    process.stdin.close()
    assert process.wait(10) == 0


def test_the_process_ends_when_whoever_asks_is_killed(run: RunDir) -> None:
    asker = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import subprocess, sys, time\n"
            "child = subprocess.Popen([sys.executable, '-P', '-m', 'core.gan.answering', sys.argv[1]],\n"
            "    stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)\n"
            "child.stdin.write(b'{}\\n'); child.stdin.flush(); child.stdout.readline()\n"
            "print(child.pid, flush=True); time.sleep(60)",
            str(run.path),
        ],
        stdout=subprocess.PIPE,
    )
    assert asker.stdout is not None
    pid = int(asker.stdout.readline())
    watch = os.pidfd_open(pid)
    asker.send_signal(signal.SIGKILL)
    asker.wait()
    import select

    assert select.select([watch], [], [], 10)[0]  # readable once it has ended
