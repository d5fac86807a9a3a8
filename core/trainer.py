"""python -P -m core.trainer RUN_DIR: one attempt of one run, from its config.json to its pictures.

Speaks through files only: events.jsonl, samples, checkpoints, and console.log for people. SIGTERM: finish the step,
save, end as stopped.
"""

import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

# Threads that wait for each other spin a moment (some 20 microseconds), then sleep. Spinning for milliseconds,
# libgomp's default, was measured to slow training down ten times on a machine that others use too; sleeping at once
# costs a quarter of the speed on one that nobody else uses. torch reads this when it is loaded, so it is said before.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

from core import config as configs
from core import events, spread, usage
from core.errors import ConfigError, EtlganError, LostError, RunError, of_memory
from core.events import AnyEvent, Finished, Started
from core.rundir import RunDir, append_line, read_json, write_json
from core.runs import alive
from core.settings import RunConfig

if TYPE_CHECKING:
    from core.gan.device import Resolved
    from core.gan.loop import Scorer, Training
    from core.gan.world import World
    from core.glyphs.glyphset import GlyphSet

AUTOMATIC = {
    "device": "auto",
    "precision": "auto",
    "threads": 0,
    "batch_size": 0,
}  # train.*: the values that mean "look yourself"
BEGAN = time.perf_counter()


def main(path: Path) -> int:
    """Run one attempt; 0 when it finished or was stopped, 1 when it failed."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    run = RunDir(path.resolve())
    if spread.enlisted():
        return _attempt(run, _number(run), stop, one_of_many=True)
    with contextlib.ExitStack() as stack:
        if not _inherited():
            try:
                stack.enter_context(alive.locked(run))
            except RunError as error:
                print(f"etlgan: {error}", file=sys.stderr)
                return 1
        return _attempt(run, _number(run), stop)


def _number(run: RunDir) -> int:
    return max(1, alive.read(run).attempt)


def _attempt(run: RunDir, attempt: int, stop: threading.Event, *, one_of_many: bool = False) -> int:
    log = EventLog(run) if spread.rank() == 0 or not one_of_many else Silence(run)
    try:
        config = _config(run)
        if config.train.devices > 1 and not one_of_many:
            return _spread(run, config, attempt, log, stop)
        stopped = _train(run, config, attempt, log, stop)
    except Exception as error:
        message = _told(error, run)
        print(f"etlgan: {message}", file=sys.stderr, flush=True)
        if one_of_many:  # the agent says how it ended: another one may have failed first
            return spread.await_end() if isinstance(error, LostError) else 1
        log.finish(attempt, "failed", message)
        return 1
    log.finish(attempt, "stopped" if stopped else "finished", "")
    return 0


def _config(run: RunDir) -> RunConfig:
    try:
        return configs.decode(run.config.read_bytes(), where=str(run.config))
    except OSError as error:
        raise ConfigError(f"cannot read {run.config}: {error.strerror}") from None


def _spread(run: RunDir, config: RunConfig, attempt: int, log: "EventLog", stop: threading.Event) -> int:
    """As the agent of several processes, whose leader has the last word unless one of them fails."""
    from core.runs.state import reached

    _note_resolved(run, {**_resolved(run, config)._asdict(), "devices": config.train.devices})  # alike for all
    try:
        spread.trained(run, config, attempt=attempt, stop=stop)
    finally:
        log.step = reached(run)
    if not spread.ended(run, attempt):
        log.finish(attempt, "stopped", "")
    return 0


def _train(run: RunDir, config: RunConfig, attempt: int, log: "EventLog", stop: threading.Event) -> bool:
    """True if it was stopped before its end."""
    world, resolved = _joined(run, config) if config.train.devices > 1 else (None, None)
    if not resolved and config.train.device not in ("auto", "cpu"):  # a GPU that is not there: told before preparing
        resolved = _resolved(run, config)
    glyphs = _glyphs(config, world, stop)
    early = glyphs is None or stop.is_set()
    if (world.agreed(early) if world else early) or glyphs is None:
        return True

    from core.gan import loop  # torch, which takes a second or two, once there is something to train on
    from core.gan.world import ALONE

    world, resolved = world or ALONE, resolved or _resolved(run, config)
    config = configs.override(config, {"train.batch_size": resolved.batch_size})
    training = loop.Training(config, run, glyphs, resolved, log.emit, world)
    log.spent = training.clock.spent
    log.spent["set-up"] = time.perf_counter() - BEGAN
    _begin(training, attempt)
    with training.clock.of("judge"):
        scorer, early = _scorer(config, stop) if config.train.score_every and world.leads else (None, False)
    if world.agreed(early):
        return True
    print(f"training on {resolved.device} in {resolved.precision} from step {training.step}", flush=True)
    stopped = _went_on(training, scorer, stop)
    if world.leads:
        with training.clock.of("figures"):
            _draw_figures(run, config, training)
    return stopped


def _glyphs(config: RunConfig, world: "World | None", stop: threading.Event) -> "GlyphSet | None":
    """Prepared, or from the cache; of several processes by the first. None: asked to stop on the way."""
    from core.glyphs import glyphset

    print(f"preparing {config.data.chars} from {config.data.source}", flush=True)
    with world.leader_first() if world else contextlib.nullcontext():
        try:
            glyphs = glyphset.load(config.data, progress=_Progress("prepared", stop))
        except _StoppedEarlyError:
            return None
    for problem in glyphs.problems:
        print(f"data: {problem}", flush=True)
    return glyphs


def _begin(training: "Training", attempt: int) -> None:
    """Say what it came to: in env.json, and as the attempt's first event."""
    resolved, config, glyphs = training.resolved, training.config, training.glyphs
    facts = {
        **resolved._asdict(),
        "devices": config.train.devices,
        "batch_size": config.train.batch_size,
        "data": glyphs.fingerprint,
        "data_source": glyphs.source,
        "device_name": _device_name(resolved.device),
    }
    if training.world.leads:
        _note_resolved(training.run, facts)
    for problem in training.problems:
        print(problem, flush=True)
    training.emit(
        Started(
            step=training.step,
            time=time.time(),
            attempt=attempt,
            device=resolved.device,
            precision=resolved.precision,
            threads=resolved.threads,
            batch_size=config.train.batch_size,
            classes=training.classes,
            steps=config.train.steps,
            data=glyphs.fingerprint,
            problems=(*training.problems, *(f"data: {problem}" for problem in glyphs.problems)),
        )
    )


def _went_on(training: "Training", scorer: "Scorer | None", stop: threading.Event) -> bool:
    """Train, while a thread notes what that takes of the machine; True if it was stopped before its end."""
    import torch

    gpu = _gpu_id(training.resolved.device)
    noted = usage.recorded(training.run.usage, step=lambda: training.step, gpu=gpu)
    torch.set_flush_denormal(True)  # vanishing activations would cost a hundred times the others
    try:
        with noted if training.world.leads else contextlib.nullcontext():
            return training.go_on(stop.is_set, scorer)
    finally:
        torch.set_flush_denormal(False)  # the state is the whole process's


def _joined(run: RunDir, config: RunConfig) -> "tuple[World, Resolved]":
    """The world that this process is a part of, and what it computes on."""
    if spread.rank() == 0:
        spread.clear_up(run)
    return spread.join(config, _resolved(run, config))


def _note_resolved(run: RunDir, facts: dict[str, Any]) -> None:
    write_json(run.env, read_json(run.env) | {"resolved": facts})


def _scorer(config: RunConfig, stop: threading.Event) -> "tuple[Scorer | None, bool]":
    """The judge, trained now where the cache has none of this data; None, True if asked to stop while it learns."""
    from core.judge.scorer import scorer_for

    last = time.monotonic()

    def progress(words: str, done: int, total: int) -> None:
        nonlocal last
        if stop.is_set():
            raise _StoppedEarlyError
        if time.monotonic() - last > 1:
            last = time.monotonic()
            print(f"{words}: {done:,} of {total:,} steps", flush=True)

    try:
        return scorer_for(config, progress=progress), False
    except _StoppedEarlyError:
        return None, True


def _resolved(run: RunDir, config: RunConfig) -> "Resolved":
    """What an earlier attempt resolved automatically is used again where this machine still has it."""
    from core.gan import device

    earlier = read_json(run.env).get("resolved")
    if isinstance(earlier, dict) and AUTOMATIC.keys() <= earlier.keys():
        automatic = [name for name, value in AUTOMATIC.items() if getattr(config.train, name) == value]
        if earlier.get("devices", 1) != config.train.devices and "threads" in automatic:
            automatic.remove("threads")  # they were each process's
        if config.train.devices > 1 and isinstance(earlier["device"], str):
            earlier["device"] = earlier["device"].partition(":")[0]  # each has its own
        with contextlib.suppress(EtlganError):
            return device.resolve(
                configs.override(config, {f"train.{name}": earlier[name] for name in automatic}).train
            )
    return device.resolve(config.train)


def _draw_figures(run: RunDir, config: RunConfig, training: "Training") -> None:
    """grid.png, traversal.png, losses.png, progress.gif. A picture that fails costs a line, not the run."""
    from core.figures.finish import draw_all
    from core.gan.anchors import anchored, code_names
    from core.gan.grid import COLUMNS

    grid, traversal = training.pictures()
    size, rows, codes = config.data.size, training.rows, config.model.codes
    drawn = draw_all(
        run,
        config=config,
        rows=rows,
        grid=grid.reshape(len(rows), COLUMNS, size, size),
        traversal=traversal.reshape(codes, len(rows), COLUMNS, size, size) if codes else None,
        codes=code_names(codes, anchored(config)),
        classes=training.classes,
    )
    for problem in drawn.problems:
        print(f"etlgan: {problem}", file=sys.stderr)


def _device_name(name: str) -> str:
    import platform

    import torch

    return torch.cuda.get_device_name(name) if name.startswith("cuda") else platform.processor() or platform.machine()


def _gpu_id(name: str) -> str:
    """By which the driver knows the device, "" for none: its number there may be another than torch's."""
    import torch

    return str(torch.cuda.get_device_properties(name).uuid) if name.startswith("cuda") else ""


def _told(error: Exception, run: RunDir) -> str:
    """One line for the event; the traceback of what is no user's mistake goes to the console log."""
    if isinstance(error, EtlganError):
        return str(error)
    if isinstance(error, OSError) and error.strerror and not of_memory(error):
        return f"{error.filename or run.path}: {error.strerror}; free some space or check the folder, then resume"
    if of_memory(error):
        return "out of memory; set train.batch_size or model.size lower"
    traceback.print_exc()
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _inherited() -> bool:
    """Whether the lock came with us. The kernel drops it once this process is gone: unloading takes its time.

    Kept from children: a compile worker must not keep a dead run alive.
    """
    descriptor = os.environ.pop(alive.LOCK_FD, "")
    if descriptor.isdecimal():
        os.set_inheritable(int(descriptor), False)
    return descriptor.isdecimal()


class _StoppedEarlyError(Exception):
    """Asked to stop while data was prepared, or the judge was learning."""


class EventLog:
    """Appends whole lines; each is on its way to the disk before the next step begins."""

    def __init__(self, run: RunDir) -> None:
        self.path = run.events
        self.step = 0
        self.spent: dict[str, float] = {}  # seconds by what they went to: the training's clock

    def emit(self, event: AnyEvent) -> None:
        """The whole line or nothing of it. OSError."""
        self.step = max(self.step, event.step)  # pictures may be told of late
        append_line(self.path, events.encode(event))

    def finish(self, attempt: int, state: Literal["finished", "stopped", "failed"], message: str) -> None:
        """The last word. On a full disk it cannot be said: the exit code then tells."""
        with contextlib.suppress(OSError):
            spent = {name: round(seconds, 3) for name, seconds in self.spent.items()}
            self.emit(
                Finished(step=self.step, time=time.time(), attempt=attempt, state=state, message=message, spent=spent)
            )


class Silence(EventLog):
    """What processes other than the leader have to say."""

    def emit(self, event: AnyEvent) -> None:
        self.step = event.step


class _Progress:
    """A line to the console log every second or so; where a stop is asked for, _StoppedEarlyError."""

    def __init__(self, verb: str, stop: threading.Event) -> None:
        self.verb, self.stop, self.last = verb, stop, time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        if self.stop.is_set():
            raise _StoppedEarlyError
        if done == total or time.monotonic() - self.last > 1:
            self.last = time.monotonic()
            print(f"{self.verb} {done:,} of {total:,} images", flush=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
