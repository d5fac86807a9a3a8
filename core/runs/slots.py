"""Slots: how many runs go at a time on this host, which are taken, and the GPU that each one hands down.

A slot is taken by the kernel lock of the run that it was given to (`alive.lock`): when runner and trainer are gone,
however they went, it is free.
"""

import contextlib
import os
from functools import cache
from typing import NamedTuple

from core.rundir import Home, RunDir, read_json, write_json
from core.runs import alive, tickets

VISIBLE = "CUDA_VISIBLE_DEVICES"
ALL = "ETLGAN_GPUS"  # environment: what VISIBLE was before a slot narrowed it; a runner may start the next waiter


class Place(NamedTuple):
    """One attempt of a live run."""

    id: str
    attempt: int
    slot: int  # -1: set going directly, out of turn
    device: str = "auto"  # train.device
    host: str = ""


def take(run: RunDir, *, attempt: int, slot: int, device: str) -> None:
    """Note that this attempt goes now. Its lock must be held already. OSError where the disk refuses."""
    run.place.parent.mkdir(parents=True, exist_ok=True)
    write_json(run.place, Place(run.id, attempt, slot, device, alive.host())._asdict())


def places(home: Home) -> list[Place]:
    """Of every live run of this host; what others left behind is cleared away."""
    found = []
    with contextlib.suppress(OSError):
        for path in sorted(home.places.glob("[!.]*.json")):
            run, tree = home.run(path.stem), read_json(path)
            if tree.get("host") != alive.host():
                continue
            holder = alive.read(run)
            if holder.attempt == tree.get("attempt") and alive.held(run, holder):
                slot = tree.get("slot")
                device = str(tree.get("device") or "auto")
                found.append(Place(run.id, holder.attempt, slot if isinstance(slot, int) else -1, device, alive.host()))
            elif not alive.held(run):  # else it comes up just now
                path.unlink(missing_ok=True)
    return found


def count(home: Home) -> int:
    """Runs that may go at a time: what was set, else one for each GPU, else one."""
    return tickets.settings(home).slots or max(1, len(gpus()))


def free(home: Home) -> list[int]:
    """The numbers of free slots, smallest first.

    A run that was started directly takes one too, if its device is there; so does one whose slot is no more, since
    fewer are to go at a time than went when it began.
    """
    number, running = count(home), places(home)
    left = [slot for slot in range(number) if slot not in {place.slot for place in running}]
    for place in running:
        if place.slot < 0:
            wanted = "cuda:0" if place.device in ("auto", "cuda") else place.device
            used = next((slot for slot in left if fits(slot, wanted) and (gpus() == () or wanted != "cpu")), None)
        elif place.slot >= number and left:
            used = next((slot for slot in left if gpus() and (slot - place.slot) % len(gpus()) == 0), left[0])
        else:
            continue
        left = [slot for slot in left if slot != used]
    return left


def fits(slot: int, device: str) -> bool:
    """Whether a run that asks for `device` may take the slot: only cuda:1 and the like insist on theirs."""
    number = device.removeprefix("cuda:")
    return not gpus() or not number.isdecimal() or slot % len(gpus()) == int(number)


def variables(slot: int, device: str) -> dict[str, str]:
    """Environment of a run in that slot: it sees one GPU, its own. One that names its GPU sees them all."""
    if not gpus():
        return {}
    every = ",".join(gpus())
    return {VISIBLE: every if device.removeprefix("cuda:").isdecimal() else gpus()[slot % len(gpus())], ALL: every}


@cache
def gpus() -> tuple[str, ...]:
    """As CUDA_VISIBLE_DEVICES names them: those that this process may use. () without a driver."""
    told = os.environ.get(ALL, os.environ.get(VISIBLE))
    if told is not None:
        return tuple(name.strip() for name in told.split(",") if name.strip() not in ("", "-1"))
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # no package, no driver, a driver that is broken: all the same here
        return ()
    with contextlib.suppress(pynvml.NVMLError):
        return tuple(map(str, range(pynvml.nvmlDeviceGetCount())))
    return ()
