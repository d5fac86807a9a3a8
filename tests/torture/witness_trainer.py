"""A trainer without torch that is made to be killed: whatever it has flushed, it also tells a witness outside the run.

Its checkpoints are real safetensors with facts beside them, written in the order that the real trainer writes them.
Environment: WITNESS (a folder), FAKE_DELAY (seconds a step).
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from core import config, events
from core.events import Finished, Saved, Started, Step
from core.rundir import RunDir, write_atomic, write_json

os.set_inheritable(int(os.environ.pop("ETLGAN_LOCK_FD")), False)
asked: list[int] = []
signal.signal(signal.SIGTERM, lambda *_: asked.append(1))

run, delay = RunDir(Path(sys.argv[1])), float(os.environ.get("FAKE_DELAY", "0.01"))
steps = config.decode(run.config.read_bytes()).train.steps
attempt = json.loads(run.lock.read_bytes())["attempt"]
whole = [path for path in run.checkpoints.glob("*.safetensors") if path.with_suffix(".json").exists()]
begun = step = max((int(path.stem) for path in whole), default=0)
log = run.events.open("ab", buffering=0)
witness = (Path(os.environ["WITNESS"]) / run.id).open("ab", buffering=0)


def say(kind: type[events.AnyEvent], /, **values: object) -> None:
    line = events.encode(kind(step=step, time=time.time(), **values))  # type: ignore[arg-type]  # any event's fields
    log.write(line)
    witness.write(line)


def keep() -> None:
    path, tensors = run.checkpoint(step), {"weights": np.full((64, 64), step, np.float32)}
    write_atomic(path, save(tensors))
    facts = {"format": 1, "step": step, "quality": 0.5, "shapes": {"weights": [64, 64]}}
    write_json(path.with_suffix(".json"), facts)
    say(Saved, path=f"checkpoints/{path.name}", best=True)


say(
    Started, attempt=attempt, device="cpu", precision="fp32", threads=1, batch_size=2, classes=10, steps=steps, data="x"
)
for step in range(begun + 1, steps + 1):
    time.sleep(delay)
    shares = {"info_cat": 1.0, "info_con": 0.1, "q_real": 0.5, "q_fake": 0.6}
    say(Step, seconds=(step - begun) * 0.01, images_per_s=100.0, d=1 / step, g=2 / step, **shares)
    if step % 25 == 0 or step == steps or asked:
        keep()
    if asked:
        break
ended = "stopped" if asked and step < steps else "finished"
say(Finished, attempt=attempt, state=ended, message="")
