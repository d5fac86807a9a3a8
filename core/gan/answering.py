"""python -P -m core.gan.answering RUN_DIR: one warm sampler that answers over its pipe, for the playground.

A request is a line of JSON on standard input; the answer is a line of JSON on standard output, for `draw` followed by
`bytes` raw uint8 values (rows, hands, S, S; 255 = ink). Nothing is pickled. Whatever cannot be done is answered with
{"error": "..."}; the process ends when its standard input closes, so that nothing outlives who asked.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from core.errors import EtlganError, RunError
from core.gan.checkpoint import everything, find
from core.gan.sample import Sampler
from core.rundir import RunDir

LONGEST_REQUEST = 1 << 16  # bytes of a line
MOST_IMAGES = 2048  # of one answer
FARTHEST = 2.0  # codes are trained in [-1, 1]; a little beyond is worth a look, further out is noise


class Load(msgspec.Struct, tag_field="do", tag="load", forbid_unknown_fields=True):
    """Load a checkpoint: newest (the newest that can be read), best, last, or a step."""

    id: int
    checkpoint: str = "newest"


class Draw(msgspec.Struct, tag_field="do", tag="draw", forbid_unknown_fields=True):
    """Every character in every hand: a hand is one seed's noise, the codes are the same for all."""

    id: int
    characters: list[str]
    codes: list[float]
    seeds: list[int]


class Answerer:
    """What is loaded, and how each request is answered."""

    def __init__(self, run: RunDir) -> None:
        self.run = run
        self.sampler: Sampler | None = None

    def answer(self, line: bytes) -> tuple[dict[str, Any], bytes]:
        """One request -> the line and the bytes of its answer. Never raises for what was asked or what lies on disk."""
        request: Load | Draw | None = None
        try:
            request = msgspec.json.decode(line, type=Load | Draw)
            if isinstance(request, Load):
                return {"id": request.id, **self._load(request.checkpoint)}, b""
            images = self._draw(request)
        except (EtlganError, OSError, RecursionError, RuntimeError, UnicodeDecodeError, msgspec.MsgspecError) as error:
            told = " ".join(str(error).split()) or type(error).__name__
            return {"id": request.id if request else None, "error": told}, b""
        return {"id": request.id, "shape": images.shape, "bytes": images.nbytes}, images.tobytes()

    def _load(self, which: str) -> dict[str, Any]:
        """What is loaded stays where the new one cannot be."""
        loaded, passed_over = _newest(self.run) if which == "newest" else (Sampler.load(self.run, checkpoint=which), [])
        self.sampler = loaded
        return {
            "step": loaded.step,
            "characters": loaded.characters,
            "code_names": loaded.code_names,
            "size": loaded.size,
            "passed_over": passed_over,
        }

    def _draw(self, request: Draw) -> NDArray[np.uint8]:
        """(R, hands, S, S), 255 = ink."""
        sampler = self.sampler
        if sampler is None:
            raise RunError("nothing is loaded yet; ask for a checkpoint first")
        rows, hands = len(request.characters), len(request.seeds)
        if not 1 <= rows * hands <= MOST_IMAGES:
            raise RunError(f"{rows} characters in {hands} hands: must be 1 to {MOST_IMAGES:,} images")
        if len(request.codes) != sampler.codes or any(abs(value) > FARTHEST for value in request.codes):
            raise RunError(f"codes: must be {sampler.codes} values from -{FARTHEST:g} to {FARTHEST:g}")
        if any(not 0 <= seed < 2**63 for seed in request.seeds):
            raise RunError("seeds: must be whole numbers from 0 to 2^63 - 1")
        labels = np.repeat(sampler.labels(request.characters), hands)
        noise = np.stack([_noise(seed, sampler.config.model.noise) for seed in request.seeds])
        codes = np.tile(np.array(request.codes, np.float32), (rows * hands, 1))
        images = sampler.draw(labels, codes=codes, noise=np.tile(noise, (rows, 1)))
        return images.reshape(rows, hands, sampler.size, sampler.size)


def serve(run: RunDir, requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the requests end; a line that they end within is nobody's request."""
    answerer = Answerer(run)
    while (line := requests.readline(LONGEST_REQUEST)).endswith(b"\n") or len(line) == LONGEST_REQUEST:
        if not line.endswith(b"\n"):
            _skip_line(requests)
            line = b""  # answered as what it is: no request
        head, images = answerer.answer(line)
        answers.write(json.dumps(head, ensure_ascii=False).encode() + b"\n" + images)
        answers.flush()


def _newest(run: RunDir) -> tuple[Sampler, list[str]]:
    """The newest checkpoint that can be drawn from, and what was wrong with the newer ones."""
    found, problems = everything(run), list[str]()
    for checkpoint in reversed(found):
        try:
            return Sampler.load(run, checkpoint=str(checkpoint.step)), problems
        except RunError as error:
            problems.append(str(error))
    if not found:
        find(run)  # says that there is none, and when there will be
    raise RunError(problems[0])


def _noise(seed: int, length: int) -> NDArray[np.float32]:
    """(Z,) standard normal, by the seed alone: a hand is the same whoever else writes."""
    return np.random.default_rng(seed).standard_normal(length, dtype=np.float32)


def _skip_line(requests: BinaryIO) -> None:
    while (rest := requests.readline(LONGEST_REQUEST)) and not rest.endswith(b"\n"):
        pass


def main(path: Path) -> None:
    """Whatever else is printed goes to standard error: standard output carries answers only."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    torch.set_num_threads(1)
    try:
        serve(RunDir(path.resolve()), sys.stdin.buffer, answers)
    except BrokenPipeError:
        os._exit(0)  # who asked has gone: nothing to flush, nobody to tell


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
