"""Homes with runs as a trainer leaves them, at fixed times, and the fake trainer for those that move."""

import contextlib
import math
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core import config, events, presets
from core.events import AnyEvent, Finished, Sampled, Saved, Scored, Started, Step, Usage
from core.rundir import Home, RunDir, write_json
from core.runs import alive
from core.runs.find import run_ids
from core.studies import sweep as sweeps
from etlgan_tui.app import EtlganApp
from etlgan_tui.background import spare_the_collector

TESTS = Path(__file__).parents[1]
NOW = 1_795_000_000.0  # Unix seconds, the clock of every test that shows an age
KANA = "あいうえおかきくけこ"


@pytest.fixture(scope="session", autouse=True)
def _spared_collector() -> None:
    """As the command does; the modules that all tests need are not looked through again for every app."""
    spare_the_collector()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """An empty home with settings of its own; runs use the fake trainer, and what still lives at the end is killed."""
    for name, value in {
        "PYTHONPATH": str(TESTS),
        "ETLGAN_TRAINER": "fake_trainer",
        "FAKE_DELAY": "0.01",
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "ETLGAN_CACHE": str(tmp_path / "cache"),
        "TZ": "UTC",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("ETLGAN_DB", raising=False)
    time.tzset()
    made = Home(tmp_path / "home")
    made.root.mkdir()
    yield made
    for run_id in run_ids(made):
        for pid in alive.processes(alive.read(made.run(run_id))):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


class TestApp(EtlganApp):
    """The app with a clock and a machine that stand still, and a quick pulse."""

    __test__ = False
    TICK_SECONDS = 0.1

    def __init__(self, home: Home, **options: Any) -> None:
        super().__init__(home, clock=lambda: NOW, **options)
        self._meter.read = lambda: FROZEN_MACHINE  # type: ignore[method-assign]


def _frozen() -> Any:
    from etlgan_tui.system import GIB, Gpu, System

    return System(37.0, 5 * GIB, 16 * GIB, 120 * GIB, (Gpu(94, 11 * GIB, 80 * GIB),))


FROZEN_MACHINE = _frozen()


def make_run(
    home: Home,
    number: int,
    *,
    name: str = "",
    steps: int = 400,
    reached: int | None = None,
    ended: str = "finished",
    message: str = "",
    changes: dict[str, Any] | None = None,
    tags: tuple[str, ...] = (),
    note: str = "",
    parent: str = "",
) -> RunDir:
    """A run as its trainer left it. `ended`: finished, stopped, failed, or "" for one that just died."""
    reached = steps if reached is None else reached
    created = NOW - 3600.0 * (100 - number)
    run = home.run(f"261105-12{number // 60:02d}{number % 60:02d}-abc")
    run.samples.mkdir(parents=True)
    run.checkpoints.mkdir()
    tree = presets.resolve("hiragana-a-ka", {"train.steps": steps, **(changes or {})})
    run.config.write_bytes(config.encode(tree))
    meta = {"id": run.id, "name": name or f"hiragana-a-ka-{number}", "created": created, "tags": list(tags)}
    write_json(run.meta, meta | {"note": note, "parent": parent})
    write_json(run.env, {"host": "box", "python": "3.11.0", "git": {"commit": "0123abc", "diff": "a\nb\n"}})
    write_json(run.exit, {"attempt": 1, "returncode": 0 if ended == "finished" else 1, "signal": "", "stopped": False})
    log = [*_events(run, created, steps, reached)]
    if ended:
        log.append(
            Finished(step=reached, time=created + reached, attempt=1, state=ended, message=message)  # type: ignore[arg-type]
        )
    else:
        run.exit.unlink()
    run.events.write_bytes(b"".join(map(events.encode, log)))
    run.console.write_text("".join(f"step {step} of {steps}\n" for step in range(0, reached, 10)))
    return run


def _events(run: RunDir, created: float, steps: int, reached: int) -> Iterator[AnyEvent]:
    yield Started(
        step=0, time=created, attempt=1, device="cpu", precision="fp32", threads=2, batch_size=128, classes=10,
        steps=steps, data="x",
    )  # fmt: skip
    for step in range(10, reached + 1, 10):
        done, wave = step / steps, math.sin(step * 1.7)
        yield Step(
            step=step, time=created + step, seconds=float(step), images_per_s=900 + 40 * wave,
            d=1.4 - 0.7 * done + 0.05 * wave, g=0.9 + 0.6 * done + 0.07 * wave, info_cat=2.3 * math.exp(-4 * done),
            info_con=0.3 * math.exp(-2 * done), q_real=1 - math.exp(-5 * done), q_fake=1 - math.exp(-6 * done),
        )  # fmt: skip
        if step % 100 == 0:
            draw(run.sample(step), phase=done)
            draw(run.sample(step, "traversal"), phase=done + 0.5)
            relative = str(run.sample(step).relative_to(run.path))
            yield Sampled(step=step, time=created + step, path=relative, kind="grid", rows=list(KANA))
            relative = str(run.sample(step, "traversal").relative_to(run.path))
            yield Sampled(step=step, time=created + step, path=relative, kind="traversal", rows=list(KANA))
            yield Saved(step=step, time=created + step, path=f"checkpoints/{step:08d}.safetensors", best=False)
    if reached == steps:
        yield Scored(step=steps, time=created + steps, scores={"read as asked": 0.984, "worst class": 0.93})


@contextlib.contextmanager
def held(run: RunDir) -> Iterator[None]:
    """As long as this lasts the run is live, though nobody trains."""
    lock = alive.take(run)
    try:
        alive.write(lock, alive.Holder(attempt=1, time=time.time()))
        run.exit.unlink(missing_ok=True)
        yield
    finally:
        os.close(lock)


def swept(home: Home) -> str:
    """Three runs of a sweep, of which two are scored; and a child of an ordinary run."""
    planned = sweeps.plan("hiragana-a-ka", {"train.steps": 400}, ["train.lr=1e-4,3e-4,5e-4"])
    sweep = sweeps.keep(home, planned._replace(id="sweep-0123abcd"))  # its own would change with every new setting
    make_run(home, 1, name="alone")
    for number, rate in enumerate((1e-4, 3e-4, 5e-4), start=2):
        reached = 200 if number == 4 else 400
        make_run(
            home,
            number,
            name=f"lr {rate:g}",
            parent=sweep.id,
            changes={"train.lr": rate},
            reached=reached,
            ended="finished" if reached == 400 else "stopped",
        )
    make_run(home, 5, name="child", parent="261105-120001-abc")
    return sweep.id


def use(run: RunDir, *, gpu: bool = True) -> None:
    """What training took of the machine, as the trainer says it."""
    with run.usage.open("wb") as file:
        for step in range(20, 401, 20):
            wave = math.sin(step / 40)
            busy, taken = (90 + 5 * wave, 11 << 30) if gpu else (None, None)
            said = Usage(
                step=step, time=NOW + step, cpu=150 + 40 * wave, memory=(900 + step) << 20, gpu=busy, gpu_memory=taken
            )
            file.write(events.encode(said))


def draw(path: Path, *, phase: float, rows: int = 10, columns: int = 10, side: int = 32) -> None:
    """A grid of little figures, dark ink on white; each row its own."""
    y, x = np.mgrid[0:side, 0:side] / side * 2 - 1
    page = np.zeros((rows * side, columns * side))
    for row in range(rows):
        for column in range(columns):
            angle = np.arctan2(y, x) + 0.1 * column
            ring = np.abs(np.hypot(x, y) - 0.55 - 0.2 * np.sin((row + 1) * angle + phase)) < 0.09
            page[row * side : (row + 1) * side, column * side : (column + 1) * side] = ring
    Image.fromarray((255 * (1 - page)).astype(np.uint8)).save(path)
