"""Speaks events.jsonl as the trainer does, without torch. FAKE_STEPS, FAKE_DELAY (seconds a step) and FAKE_MODE set it.

FAKE_MODE: "" works and finishes; "early" dies before its first event; "torn" dies half way through a line;
"hang" ignores SIGTERM; "exit N" leaves with N and no last word; "fail" says that it failed; "deaf" takes 30 s to start.
"""

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
run, asked = RunDir(Path(sys.argv[1])), []
signal.signal(signal.SIGTERM, (lambda *_: None) if MODE == "hang" else (lambda *_: asked.append(1)))
if MODE == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    time.sleep(30)
if MODE == "early":
    sys.exit("fake trainer: no data")
settings = config.decode(run.config.read_bytes())
steps = int(os.environ.get("FAKE_STEPS", "0")) or settings.train.steps
begun = step = max((int(path.stem) for path in run.checkpoints.glob("*.safetensors")), default=0)
attempt = int(__import__("json").loads(run.lock.read_bytes())["attempt"])

with run.events.open("ab", buffering=0) as file:
    now = time.time
    file.write(
        events.encode(
            Started(
                step=begun, time=now(), attempt=attempt, device="cpu", precision="fp32", threads=1,
                batch_size=2, classes=10, steps=steps, data="none",
            )
        )
    )  # fmt: skip
    for step in range(begun + 1, steps + 1):
        time.sleep(DELAY)
        values = {"d": 1 / step, "g": 2 / step, "info_cat": float("nan"), "info_con": 0.1, "q_real": 0.5, "q_fake": 0.6}
        line = events.encode(Step(step=step, time=now(), seconds=step * DELAY, images_per_s=100.0, **values))
        if MODE == "torn" and step == 3:
            file.write(line[:20])
            os.kill(os.getpid(), signal.SIGKILL)
        file.write(line)
        if step % 10 == 0 or step == steps or asked:
            run.checkpoint(step).touch()
            file.write(events.encode(Saved(step=step, time=now(), path=f"checkpoints/{step:08d}.safetensors", best=False)))
            file.write(events.encode(Sampled(step=step, time=now(), path=f"samples/{step:08d}.png", kind="grid", rows=["あ"])))
        if asked:
            break
    if MODE.startswith("exit"):
        sys.exit(int(MODE.split()[1]))
    state = "stopped" if asked else "failed" if MODE == "fail" else "finished"
    file.write(events.encode(Finished(step=step, time=now(), attempt=attempt, state=state, message="fake")))
sys.exit(1 if MODE == "fail" else 0)
