"""The playground's warm sampler, seen from the dashboard: core.gan.answering as a subprocess, asked over its pipe.

The calls wait for the answer: they belong into an Errand. `load` starts the subprocess, also again after it died; it
ends with the dashboard, however that ends, since its standard input closes then.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from itertools import count
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec
import numpy as np

from core.errors import RunError
from core.rundir import RunDir
from core.runs.meta import printable

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MODULE = "core.gan.answering"
_LONGEST_ANSWER = 1 << 20  # bytes of its line
_TAIL = 4000  # bytes of what it said on standard error, for the reason of its death

T = TypeVar("T")


class EndedError(RunError):
    """The subprocess has ended."""


class Loaded(msgspec.Struct, frozen=True):
    """The checkpoint that is drawn from."""

    step: int
    characters: tuple[str, ...]
    code_names: tuple[str, ...]
    size: int  # pixels, height and width
    passed_over: tuple[str, ...] = ()  # newer checkpoints, and why they were not loaded


class Wanted(NamedTuple):
    """Every character in every hand, all with the same codes."""

    characters: tuple[str, ...]
    codes: tuple[float, ...]  # one for each of the run's continuous codes
    seeds: tuple[int, ...]  # of the noise: one a hand


class _Head(msgspec.Struct):
    """The line of an answer."""

    id: int | None = None
    error: str = ""
    shape: tuple[int, int, int, int] | None = None
    bytes: int = 0


class WarmSampler:
    """One run's; safe to be called from several threads, one at a time is answered."""

    def __init__(self, run: RunDir) -> None:
        self.run = run
        self._lock = threading.Lock()
        self._numbers = count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._said: IO[bytes] | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        """Of the subprocess while it lives."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def load(self, checkpoint: str = "newest") -> Loaded:
        """None there, or damaged: RunError, and what was loaded before stays. The process died: EndedError."""
        with self._lock:
            self._start()
            return self._exchange({"do": "load", "checkpoint": checkpoint}, Loaded)[0]

    def draw(self, wanted: Wanted) -> NDArray[np.uint8]:
        """(characters, hands, S, S) uint8, 255 = ink. Not to be done: RunError. The process died: EndedError."""
        request = {"do": "draw", **wanted._asdict()}
        with self._lock:
            head, images = self._exchange(request, _Head)
        shape = head.shape
        if shape is None or shape[:2] != (len(wanted.characters), len(wanted.seeds)) or np.prod(shape) != len(images):
            raise RunError(f"the sampler of {self.run.id} answered with a picture of another shape")
        return np.frombuffer(images, np.uint8).reshape(shape)

    def close(self) -> None:
        """End it, now: it holds nothing that could be lost. Does not wait."""
        self._closed = True
        if self._process is not None:
            self._process.kill()
            threading.Thread(target=self._process.wait, daemon=True).start()  # collected, not left a zombie

    def _exchange(self, request: dict[str, Any], kind: type[T]) -> tuple[T, bytes]:
        """One request and its answer: the line as `kind`, and the raw bytes behind it."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise EndedError(f"the sampler of {self.run.id} has ended")
        number = next(self._numbers)
        try:
            process.stdin.write(msgspec.json.encode({"id": number, **request}) + b"\n")
            process.stdin.flush()
            line = process.stdout.readline(_LONGEST_ANSWER)
            head = msgspec.json.decode(line, type=_Head) if line.endswith(b"\n") else _Head()
            images = process.stdout.read(head.bytes)
        except (OSError, ValueError) as error:  # a broken pipe, or an answer that is none
            raise self._gone(error) from None
        if head.id is None or len(images) < head.bytes:
            raise self._gone(None)
        if head.error:
            raise RunError(head.error)
        return msgspec.json.decode(line, type=kind), images

    def _start(self) -> None:
        """Unless it lives."""
        if self._process is None or self._process.poll() is not None:
            self._said = tempfile.TemporaryFile()  # noqa: SIM115  (a pipe could fill up; this is read after its death)
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", _MODULE, str(self.run.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                env=os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
                start_new_session=True,
            )
        if self._closed:  # meanwhile
            self._process.kill()

    def _gone(self, error: Exception | None) -> EndedError:
        """Why: the last thing it said, or the signal that ended it. What still lives cannot be trusted any more."""
        process, self._process = self._process, None
        if process is None:
            return EndedError(f"the sampler of {self.run.id} has ended")
        if process.poll() is None and isinstance(error, ValueError):
            process.kill()
        with contextlib.suppress(OSError):
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    pipe.close()
        try:
            code = process.wait(2.0)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        reason = f"killed by signal {-code}" if code < 0 else self._last_words() or f"it ended with {code}"
        return EndedError(f"the sampler of {self.run.id} has ended: {reason}")

    def _last_words(self) -> str:
        said = self._said
        if said is None:
            return ""
        said.seek(max(0, said.seek(0, os.SEEK_END) - _TAIL))
        lines = said.read().decode(errors="replace").strip().splitlines()
        return printable(lines[-1]) if lines else ""


def newest_step(run: RunDir) -> int | None:
    """Of the checkpoints that lie there, whole or not; None where there is none."""
    return max((int(path.stem) for path in run.checkpoints.glob("*.json") if path.stem.isdecimal()), default=None)
