"""What the index of runs holds of each: a row, and how far its directory has been read."""

from typing import NamedTuple


class Row(NamedTuple):
    """One run as the index knows it; what is not known (yet) is None or empty. Texts hold no control characters."""

    id: str
    name: str = ""
    preset: str = ""
    recipe: str = ""
    source: str = ""
    chars: str = ""
    classes: int | None = None
    size: int | None = None  # pixels
    created: float = 0.0  # Unix seconds
    updated: float = 0.0  # time of the newest event
    attempt: int = 0
    device: str = ""
    step: int = 0
    steps: int | None = None
    images_per_s: float | None = None
    seconds: float = 0.0  # spent training, over all attempts
    d: float | None = None
    g: float | None = None
    info_cat: float | None = None
    info_con: float | None = None
    q_real: float | None = None
    q_fake: float | None = None
    score: float | None = None  # the first entry of the newest score card
    seconds_to_target: float | None = None  # of training, over all attempts, until the judge first saw train.target
    scores: str = ""  # that card, JSON
    finished: str = ""  # the newest attempt's own word: finished, stopped, failed; the state is `state_of`'s to say
    message: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""
    priority: int = 0
    parent: str = ""
    config: str = ""  # JSON
    error: str = ""  # what is damaged in this run
    # how far the directory has been read
    offset: int = 0  # bytes of events.jsonl
    signature: str = ""  # of the files when they were read
    seconds_before: float = 0.0  # of earlier attempts
    score_step: int = 0
    target_step: int = 0
    bad_lines: int = 0
    bad_line: str = ""  # the first one
    mark: str = ""  # checksum of what stands before the offset


class Position(NamedTuple):
    """How far one run has been read."""

    signature: str
    offset: int
