"""Speaks events.jsonl as the trainer does, without torch. FAKE_DELAY (seconds a step) and FAKE_MODE set how.

FAKE_MODE: "" works and finishes; "early" dies before its first event; "torn" dies half way through a line;
"hang" ignores SIGTERM; "exit N" leaves with N and no last word; "fail" says that it failed; "deaf" takes 30 s to start.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

from core import config, events
from core.events import Finished, Sampled, Saved, Started, Step
from core.rundir import RunDir

os.set_inheritable(int(os.environ.pop("ETLGAN_LOCK_FD")), False)
MODE, DELAY = os.environ.get("FAKE_MODE", ""), float(os.environ.get("FAKE_DELAY", "0.005"))
asked = list[int]()
if MODE == "deaf":
    time.sleep(30)
signal.signal(signal.SIGTERM, lambda *_: None if MODE == "hang" else asked.append(1))
if MODE == "early":
    sys.exit("fake trainer: no data")

run = RunDir(Path(sys.argv[1]))
steps = config.decode(run.config.read_bytes()).train.steps
attempt = json.loads(run.lock.read_bytes())["attempt"]
begun = step = max((int(path.stem) for path in run.checkpoints.glob("*.safetensors")), default=0)
log = run.events.open("ab", buffering=0)


def say(kind: type[events.AnyEvent], /, **values: object) -> None:
    line = events.encode(kind(step=step, time=time.time(), **values))  # type: ignore[arg-type]  # any event's fields
    if MODE == "torn" and step == 3:
        log.write(line[:20])
        os.kill(os.getpid(), signal.SIGKILL)
    log.write(line)


say(
    Started, attempt=attempt, device="cpu", precision="fp32", threads=1, batch_size=2, classes=10, steps=steps, data="x"
)
for step in range(begun + 1, steps + 1):
    time.sleep(DELAY)
    losses = {"d": 1 / step, "g": 2 / step, "info_cat": float("nan"), "info_con": 0.1, "q_real": 0.5, "q_fake": 0.6}
    say(Step, seconds=(step - begun) * DELAY, images_per_s=100.0, **losses)
    if step % 10 == 0 or step == steps or asked:
        run.checkpoint(step).touch()
        say(Saved, path=f"checkpoints/{step:08d}.safetensors", best=False)
        say(Sampled, path=f"samples/{step:08d}.png", kind="grid", rows=["あ"])
    if asked:
        break
if MODE.startswith("exit"):
    sys.exit(int(MODE.split()[1]))
state = "stopped" if asked else "failed" if MODE == "fail" else "finished"
say(Finished, attempt=attempt, state=state, message="fake")
sys.exit(1 if MODE == "fail" else 0)
