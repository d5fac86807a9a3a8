"""What a trainer says: typed facts, one JSON object a line in `events.jsonl`.

A non-finite number is written as null; a torn last line is the reader's business: it waits for the rest. Fields named
in TIME_FIELDS differ between two runs of one seed; everything else is equal to the last digit on CPU.
"""

from typing import Annotated, Literal

import msgspec

from core.errors import RunError

TIME_FIELDS = frozenset({"time", "seconds", "images_per_s", "path", "spent"})


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", forbid_unknown_fields=False):
    """Base: `step` is the number of finished updates, `time` Unix seconds."""

    step: Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]  # what columns and the index can hold
    time: float


class Started(Event, frozen=True, tag="started"):
    """An attempt begins (or goes on) at `step`, with everything that was resolved automatically."""

    attempt: int
    device: str
    precision: str
    threads: int
    batch_size: int
    classes: int
    steps: int
    data: str  # fingerprint of the glyph set
    problems: tuple[str, ...] = ()  # what of data and checkpoints was stepped over, or is less than asked for


class Step(Event, frozen=True, tag="step", gc=False):  # numbers only; a long run has a hundred thousand of them
    """Means over the report interval that ends at `step`."""

    seconds: float  # of training in this attempt, set-up and drawing left out
    images_per_s: float | None
    d: float | None  # discriminator loss
    g: float | None  # generator's adversarial loss
    info_cat: float | None  # categorical information loss, nats
    info_con: float | None  # continuous information loss
    q_real: float | None  # Q's accuracy on real images, 0 .. 1 (classic: of its best guess for nothing, so null)
    q_fake: float | None  # Q's accuracy on generated images, 0 .. 1


class Sampled(Event, frozen=True, tag="sampled"):
    """A picture was drawn."""

    path: str  # inside the run directory
    kind: Literal["grid", "traversal"]
    rows: list[str]  # what each row shows: characters, or c=0, c=1, ... of a run without labels


class Saved(Event, frozen=True, tag="saved"):
    """A checkpoint was written."""

    path: str  # inside the run directory
    best: bool


class Scored(Event, frozen=True, tag="scored"):
    """What the judge says of the generator as it is at `step`."""

    scores: dict[str, float | None]
    seconds: float | None = None  # of training in this attempt so far, as in Step
    passed: bool | None = None  # whether train.target is reached; null: nobody compared


class Finished(Event, frozen=True, tag="finished"):
    """The attempt's own word on how it ended."""

    attempt: int
    state: Literal["finished", "stopped", "failed"]
    message: str
    spent: dict[str, float] = {}  # seconds of the attempt by what they went to; the names are core/gan/clock.py's


class Usage(Event, frozen=True, tag="usage", gc=False):
    """What training took of the machine since the line before. Said in `usage.jsonl`, a file of its own, about every
    two seconds: no two runs are alike in it."""

    cpu: float  # per cent of one core, by the trainer's process
    memory: int  # bytes resident, of the trainer's process
    gpu: float | None  # per cent of the time in which the device computed; null: no GPU, or it does not tell
    gpu_memory: int | None  # bytes used on the device, by whoever


AnyEvent = Started | Step | Sampled | Saved | Scored | Finished | Usage

_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


def encode(event: AnyEvent) -> bytes:
    """One line, newline included; NaN and infinities become null (msgspec's rule)."""
    return msgspec.json.encode(event) + b"\n"


def decode(line: bytes, *, where: str = "events.jsonl") -> AnyEvent:
    """One line back. Anything that is no known event: RunError that names the place."""
    try:
        return _decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RunError(f"{where}: not an event line: {error}") from None


def decode_lines(block: bytes) -> list[AnyEvent]:
    """Many whole lines in one go, several times faster than one by one. One damaged line: RunError for the block."""
    try:
        found = _decoder.decode_lines(block)
        if len(found) == block.count(b"\n") + (block[-1:] not in (b"\n", b"")):
            return found
        raise RunError("not an event a line")  # to JSON an end of line is a space: an event cut in two may still be one
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RunError(f"not event lines: {error}") from None
