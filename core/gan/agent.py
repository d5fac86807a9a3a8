"""Start the processes of one run and see them to their end: torch's own launcher (torchrun), held so that a stop
reaches each of them, and that nobody else on the network can meet them.
"""

import contextlib
import os
import signal
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, Std
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

LOOK_SECONDS = 0.1  # between two looks at the processes
TOLD_SECONDS = 0.2  # between two looks for processes that do not know of a stop yet
WORDS = 3  # last lines that are told of a process
STOPS = frozenset({signal.SIGTERM, signal.SIGINT})


class Failure(NamedTuple):
    """Of the process that was the first to go wrong."""

    rank: int
    code: int  # negative: the signal that ended it
    words: list[str]  # its last lines


def run(
    command: Sequence[str],
    *,
    processes: int,
    restarts: int,
    stop: threading.Event,
    lost: int,
    meeting: str,
    variables: dict[str, str],
) -> Failure | None:
    """`command` as so many processes, until all have ended; None when they ended well.

    `variables` go into their environment, and so does `meeting`: a folder of their own. What they print goes on to our
    own output, each line with its process's number. When one fails the others are ended too, and up to `restarts` times
    all start anew. A process that ends with code `lost` only says that another one did. Called in the main thread,
    whose handlers of STOPS set `stop`.
    """
    with tempfile.TemporaryDirectory(prefix="etlgan-") as folder, _stops_handed_down(stop):
        os.environ.update(variables | {meeting: folder} | _private())
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=processes,
            run_id=uuid.uuid4().hex,
            rdzv_backend="c10d",
            rdzv_endpoint=str(Path(folder, "agent")),
            rdzv_configs={"store_type": "file"},
            local_addr="localhost",  # looking up a full name may take seconds
            max_restarts=restarts,
            monitor_interval=LOOK_SECONDS,
            log_line_prefix_template="[rank ${rank}] ",
            logs_specs=DefaultLogsSpecs(str(Path(folder, "logs")), redirects=Std.ALL, tee=Std.ALL),
            signals_to_handle="SIGQUIT",  # its own answer to SIGTERM ends them before they have saved
        )
        program, *arguments = (part.replace("$", "$$") for part in command)  # it substitutes ${local_rank}
        try:
            elastic_launch(config, program)(*arguments)
        except ChildFailedError as error:
            return _culprit(list(error.failures.values()), lost, Path(folder, "logs"))
    return None


def _private() -> dict[str, str]:
    """The processes of one machine meet in files that are the user's alone, and talk over the loopback interface.

    torch's other ways listen on a port of every interface, and the launcher unpickles what it is told there.
    """
    loopback = {"GLOO_SOCKET_IFNAME": "lo"} if sys.platform == "linux" else {}
    return {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"} | loopback


@contextlib.contextmanager
def _stops_handed_down(stop: threading.Event) -> Iterator[None]:
    """The processes are in sessions of their own: what our process group is told, they hear from us.

    They start with signals blocked as our main thread has them, so that a stop that comes too early waits for them.
    """
    ended = threading.Event()
    thread = threading.Thread(target=_hand_down, args=(stop, ended), daemon=True, name="stops")
    thread.start()  # takes the signals from now on
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    try:
        yield
    finally:
        ended.set()
        thread.join()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _hand_down(stop: threading.Event, ended: threading.Event) -> None:
    """Tell each process once, also one that is started after the stop came."""
    told = set[psutil.Process]()
    while not ended.wait(TOLD_SECONDS):
        if stop.is_set():
            for child in set(psutil.Process().children()) - told:
                told.add(child)
                with contextlib.suppress(psutil.Error):
                    child.send_signal(signal.SIGTERM)


def _culprit(failures: list[ProcessFailure], lost: int, logs: Path) -> Failure:
    """The others lost contact with it, or were ended by the launcher (SIGTERM)."""
    first = min(failures, key=lambda f: (f.exitcode in (lost, -signal.SIGTERM), f.timestamp, f.local_rank))
    folders = sorted(logs.glob(f"*/attempt_*/{first.local_rank}"), key=lambda path: path.stat().st_mtime)
    return Failure(first.local_rank, first.exitcode, _last_words(folders[-1]) if folders else [])


def _last_words(folder: Path) -> list[str]:
    """Of what it said of errors, else of what it said."""
    for name in ("stderr.log", "stdout.log"):
        with contextlib.suppress(OSError):
            lines = [line for line in Path(folder, name).read_text(errors="replace").splitlines() if line.strip()]
            if lines:
                return lines[-WORDS:]
    return []
