"""A process that encodes and writes shards beside the one that draws; it starts without torch.

Batches go to it by a pipe that holds little, so that nobody draws far ahead of the disk. It ends when its pipe does,
whatever became of whoever draws.
"""

import contextlib
import multiprocessing
import signal
from collections.abc import Iterable
from multiprocessing.connection import Connection
from typing import Any

from core.errors import RunError
from core.export.batch import Batch
from core.export.formats import open_format
from core.export.formats.base import Task


class Writer:
    """A process that writes shards, one after another."""

    def __init__(self, kind: str, task: Task) -> None:
        context = multiprocessing.get_context("spawn")  # a fork of a process with a GPU or threads is none
        batches, self._batches = context.Pipe(duplex=False)
        self._answers, answers = context.Pipe(duplex=False)
        self._process = context.Process(target=_serve, args=(kind, task, batches, answers), daemon=True)
        self._process.start()
        batches.close()  # these ends are the child's alone, so that each side learns when the other is gone
        answers.close()

    def write(self, shard: int, batches: Iterable[Batch]) -> None:
        """A whole shard, as `Format.write`: OSError where the disk refuses. The process was killed: RunError."""
        answer: Exception | None
        if self._send(shard) and all(map(self._send, batches)):
            self._send(None)
        try:
            answer = self._answers.recv()
        except EOFError:
            self._process.join()
            code = self._process.exitcode
            raise RunError(
                f"a process that wrote shard {shard} ended (exit code {code}; was memory short?); "
                "the same command with --resume goes on"
            ) from None
        if answer is not None:
            raise answer

    def close(self) -> None:
        """The process tidies up what it has not finished, and ends."""
        self._batches.close()
        self._process.join()
        self._answers.close()

    def _send(self, what: int | Batch | None) -> bool:
        """False where nobody listens: the answer says why."""
        try:
            self._batches.send(what)
        except BrokenPipeError:
            return False
        return True


def _serve(kind: str, task: Task, batches: "Connection[Any, Any]", answers: "Connection[Any, Any]") -> None:
    """In the process: shards, each a number, its batches and None. After an error it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that draws; its pipe's end tells us
    form = open_format(kind, task)
    with contextlib.suppress(EOFError, BrokenPipeError), answers, batches:
        while True:
            shard = batches.recv()
            try:
                form.write(shard, iter(batches.recv, None))
            except OSError as error:
                answers.send(OSError(error.errno, error.strerror or str(error), error.filename))
                return
            answers.send(None)
