"""One attempt on several devices: a process for each, started and watched by this one (torchrun's agent), which holds
the run's lock. The first of them, the leader, says how it went; when it cannot, this one does.

The trainer starts as the agent; each process is the trainer again, told by its environment what it is.
"""

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import RunError
from core.events import Finished
from core.rundir import RunDir, cut_torn_line
from core.settings import RunConfig

if TYPE_CHECKING:
    from core.gan.device import Resolved
    from core.gan.world import Peers

AGENT = "ETLGAN_AGENT"  # environment: pid of the agent that started this process
MEETING = "ETLGAN_MEETING"  # environment: the folder in which the processes of a run find each other
LOST = 75  # exit code of a process that ended because another one did
LOST_SECONDS = 2.0  # until it ends: the agent is to see the other one's end first
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def enlisted() -> bool:
    """Whether an agent started this process; it then does not outlive the agent."""
    agent = os.environ.pop(AGENT, "")
    if not agent.isdecimal():
        return False
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(agent):  # it was gone before we could ask
        sys.exit("etlgan: whoever started this process is gone")
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT})
    return True


def rank() -> int:
    """This process's number in its run; 0 leads."""
    return int(os.environ.get("RANK", "0"))


def join(config: RunConfig, resolved: "Resolved") -> "tuple[Peers, Resolved]":
    """Meet the other processes; what was resolved, for this one's own device."""
    import torch

    from core.gan.world import Peers

    place, again = int(os.environ["LOCAL_RANK"]), os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    if resolved.device.startswith("cuda"):
        resolved = resolved._replace(device=f"cuda:{place}")
    meeting = Path(os.environ[MEETING], f"start-{again}")
    return Peers(rank(), config.train.devices, torch.device(resolved.device), meeting), resolved


def clear_up(run: RunDir) -> None:
    """What a leader that died on the way may have left; for the one that goes on in its place."""
    if os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0":
        cut_torn_line(run.events)
        print("all processes start again from the last checkpoint", flush=True)


def await_end() -> int:
    """Another process is gone: give the agent time to see which. The exit code that says so."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    time.sleep(LOST_SECONDS)
    return LOST


def trained(run: RunDir, config: RunConfig, *, attempt: int, stop: threading.Event) -> None:
    """As the agent: an attempt on `train.devices` devices, to its end. A process failed: RunError, its last words."""
    from core.gan import agent

    print(f"{config.train.devices} processes, a device each", flush=True)
    failure = agent.run(
        [sys.executable, "-P", "-m", "core.trainer", str(run.path)],
        processes=config.train.devices,
        restarts=config.train.max_restarts,
        stop=stop,
        lost=LOST,
        meeting=MEETING,
        variables={AGENT: str(os.getpid())},
    )
    if failure and not ended(run, attempt):
        raise RunError(told(failure.rank, failure.code, failure.words))


def ended(run: RunDir, attempt: int) -> bool:
    """Whether the leader has had its last word."""
    from core.runs.state import last_word

    word = last_word(run)
    return isinstance(word, Finished) and word.attempt == attempt


def told(rank: int, code: int, words: list[str]) -> str:
    """What became of a process, in a line."""
    from core.runs.meta import printable

    said = [printable(word).strip() for word in words]
    if said and said[-1].startswith("etlgan: "):
        return f"rank {rank}: {said[-1].removeprefix('etlgan: ')}"
    how = f"ended with code {code}"
    if code < 0:
        how = f"was ended by {signal_name(-code)}" + (" (out of memory?)" if code == -signal.SIGKILL else "")
    last = f"; its last lines: {' | '.join(said)}" if said else ""
    return f"rank {rank} {how}{last}; `etlgan resume` goes on from the last checkpoint"


def signal_name(number: int) -> str:
    with contextlib.suppress(ValueError):
        return signal.Signals(number).name
    return f"signal {number}"
