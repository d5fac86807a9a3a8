"""Every kind of event to a line and back."""

import json

import pytest

from core import events
from core.errors import RunError
from core.events import AnyEvent, Finished, Sampled, Saved, Scored, Started, Step, Usage

EVERY_KIND: list[AnyEvent] = [
    Started(
        step=0, time=1.5, attempt=1, device="cuda:1", precision="bf16", threads=2, batch_size=64, classes=10,
        steps=100, data="penman:abc",
    ),
    Step(
        step=20, time=2.5, seconds=1.0, images_per_s=None, d=0.5, g=1.25, info_cat=None, info_con=0.0, q_real=1.0,
        q_fake=0.1,
    ),
    Sampled(step=20, time=3.0, path="samples/00000020.png", kind="grid", rows=["あ", "い", "[bold]", "\x1b"]),
    Saved(step=20, time=3.0, path="checkpoints/00000020.safetensors", best=True),
    Scored(step=20, time=3.0, scores={"as asked": 0.98, "worst class": None}),
    Scored(step=40, time=3.5, scores={"as asked": 0.99}, seconds=17.5, passed=True),
    Finished(step=20, time=4.0, attempt=1, state="failed", message="the loss is not finite\nat step 20",
             spent={"set-up": 2.5, "training": 1.5}),
    Usage(step=21, time=4.0, cpu=187.5, memory=900_000_000, gpu=None, gpu_memory=None),
]  # fmt: skip


@pytest.mark.parametrize("event", EVERY_KIND, ids=lambda event: type(event).__name__)
def test_round_trip_on_one_line(event: AnyEvent) -> None:
    line = events.encode(event)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert events.decode(line) == event


def test_a_block_of_lines() -> None:
    block = b"".join(map(events.encode, EVERY_KIND))
    assert events.decode_lines(block) == EVERY_KIND
    with pytest.raises(RunError):
        events.decode_lines(block + b"half a li\n")
    assert events.decode_lines(block[:-1]) == EVERY_KIND
    assert events.decode_lines(b"") == []
    for at, instead in ((block.index(b",") + 1, b"\n"), (block.index(b"\n"), b"")):  # JSON still, but no event a line
        with pytest.raises(RunError):
            events.decode_lines(block[:at] + instead + block[at + (not instead) :])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_becomes_null(value: float) -> None:
    line = events.encode(Scored(step=1, time=1.0, scores={"x": value}))
    assert json.loads(line)["scores"] == {"x": None}
    assert events.decode(line) == Scored(step=1, time=1.0, scores={"x": None})


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"event":"stepp","step":1,"time":1}', "stepp"),
        (b'{"event":"saved","step":1,"time":1,"path":"x"}', "best"),
        (b'{"event":"saved","step":"1","time":1,"path":"x","best":true}', "step"),
        (b'{"step":1}', "event"),
        (b"", "truncated"),
        (b"\xff", "malformed"),
        (b"[" * 100_000, "object"),
    ],
)
def test_anything_else_fails_loudly_and_names_the_place(line: bytes, reason: str) -> None:
    with pytest.raises(RunError, match=rf"^run x, byte 7: not an event line: .*{reason}"):
        events.decode(line, where="run x, byte 7")


def test_a_newer_etlgan_may_say_more() -> None:
    assert events.decode(b'{"event":"saved","step":1,"time":1,"path":"x","best":true,"new":[1]}') == Saved(
        step=1, time=1.0, path="x", best=True
    )
