"""Damaged files of every kind: never a traceback in `ls`, `show` or the dashboard, and the damaged run is named."""

import contextlib
import io
import json
import random
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from core import config as configs
from core import events
from core.errors import EtlganError
from core.events import AnyEvent, Finished, Sampled, Saved, Scored, Started, Step
from core.presets import resolve
from core.rundir import Home, RunDir
from core.runs import bundle, differences, rerun, unbundle
from core.runs.environment import environment
from core.runs.meta import RunMeta
from core.runs.state import state_of
from core.runs.store import Store
from core.runs.sync import sync

from .damage import damaged, flip
from .ledger import Ledger
from .storm import PATIENCE

FILES: tuple[str, ...] = (
    "events.jsonl",
    "config.json",
    "exit.json",
    "meta.json",
    "env.json",
    "alive.lock",
    "checkpoints/00000020.json",
)
FILES += ("checkpoints/00000020.safetensors", "samples/00000020.png", "events.jsonl", "config.json", "usage.jsonl")
PAGE = 25  # damaged runs a home


def story(steps: int = 20) -> list[AnyEvent]:
    resolved: dict[str, Any] = {"device": "cpu", "precision": "fp32", "threads": 1, "batch_size": 2, "data": "x"}
    said: list[AnyEvent] = [Started(step=0, time=1.0, attempt=1, classes=10, steps=steps, **resolved)]
    values: dict[str, Any] = {"images_per_s": None, "g": 2.0, "info_cat": 1.0, "info_con": 0.1, "q_real": 0.5}
    said += [Step(step=n, time=n, seconds=n, d=1 / n, q_fake=0.123456789, **values) for n in range(1, steps + 1)]
    said.append(Saved(step=steps, time=1.0, path=f"checkpoints/{steps:08d}.safetensors", best=True))
    said.append(Sampled(step=steps, time=1.0, path=f"samples/{steps:08d}.png", kind="grid", rows=["あ", "い"]))
    said.append(Scored(step=steps, time=1.0, scores={"as asked": 0.5, "worst": None}))
    said.append(Finished(step=steps, time=30.0, attempt=1, state="finished", message=""))
    return said


def make(home: Home, number: int) -> RunDir:
    """A whole run, as a trainer leaves it."""
    from PIL import Image

    run = home.run(f"261124-0{number // 3600}{number // 60 % 60:02d}{number % 60:02d}-abc")
    for folder in (run.checkpoints, run.samples):
        folder.mkdir(parents=True)
    config = resolve("digits", {"train.steps": 20})
    run.config.write_bytes(configs.encode(config))
    _put(run.meta, RunMeta(run.id, f"run {number}", 5.0 + number, ("tag",), "note")._asdict())
    run.events.write_bytes(b"".join(map(events.encode, story())))
    _put(run.exit, {"attempt": 1, "returncode": 0, "signal": "", "stopped": False, "time": 1.0})
    _put(run.lock, {"attempt": 1, "host": "elsewhere", "pid": 1, "flock": True})
    _put(run.env, _environment())
    run.usage.write_bytes(b'{"event":"usage","step":1,"time":1.0}\n')
    run.checkpoint(20).write_bytes(save({"weights": np.zeros((4, 4), np.float32)}))
    facts = {"format": 1, "step": 20, "quality": 0.5, "shapes": {"weights": [4, 4]}}
    _put(run.checkpoint(20).with_suffix(".json"), facts)
    Image.fromarray(np.full((64, 320), 255, np.uint8)).save(run.sample(20))
    return run


def _environment() -> dict[str, object]:
    if not _KNOWN:
        facts = environment(resolve("digits", {}))
        facts["git"] = {"commit": "a" * 40, "diff": "+x\n", "diff_complete": True}
        _KNOWN.update(facts | {"resolved": {"device": "cpu", "precision": "fp32", "threads": 1, "data": "x"}})
    return _KNOWN


_KNOWN: dict[str, object] = {}


def _put(path: Path, tree: object) -> None:
    """Without the syncs of the real thing: thousands of runs are made here."""
    path.write_text(json.dumps(tree, ensure_ascii=False))


def typed(*words: str) -> tuple[int, str]:
    """A command in this process: (exit code, everything it said). An exception that comes out is a traceback."""
    from etlgan_tui.cli import main

    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), contextlib.suppress(SystemExit):
        try:
            main(list(words))
        except SystemExit as end:
            return int(end.code or 0), said.getvalue()
    return 0, said.getvalue()


def shown(home: Home, name: str, *, as_json: bool) -> tuple[int, str]:
    """`etlgan show` without the reading of the command line, which takes longer than all else."""
    from etlgan_tui.cli.showing import show

    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        show(name, as_json=as_json, folder=home.root)
    return 0, said.getvalue()


def look_at(home: Home, runs: dict[str, str]) -> list[str]:
    """Every way of looking at these runs (id -> damaged file); what went wrong."""
    from etlgan_tui.feed import Feed, environment_lines
    from etlgan_tui.index import Index
    from etlgan_tui.query import Query

    wrong = []
    views: dict[str, Callable[[], object]] = {
        "ls": lambda: typed("ls", "--all"),
        "ls --json": lambda: typed("ls", "--json"),
        "page": lambda: Index(home).page(Query()),
    }
    for name in runs:
        run = home.run(name)
        views |= {
            f"show {runs[name]}": partial(shown, home, name, as_json=False),
            f"show --json {runs[name]}": partial(shown, home, name, as_json=True),
            f"preview {runs[name]}": partial(Index(home).preview, name),
            f"feed {runs[name]}": Feed(run).read,
            f"environment {runs[name]}": partial(environment_lines, run),
            f"state {runs[name]}": partial(state_of, run),
            f"plan {runs[name]}": partial(rerun.plan, run),
            f"diff {runs[name]}": partial(differences.between, [run, home.run(next(iter(runs)))]),
        }
        for what, view in views.items():
            try:
                found = view()
            except EtlganError:
                continue
            except Exception as error:
                wrong.append(f"{what}: {type(error).__name__}: {error}"[:300])
            else:
                if isinstance(found, tuple) and "\x1b" in str(found[-1]):
                    wrong.append(f"{what}: an escape character was drawn")
        views = {}
    return wrong


def undamaged(run: RunDir) -> list[str]:
    """By the rules of the formats, and nothing else: which of configuration and events are damaged."""
    found = []
    try:
        configs.decode(run.config.read_bytes())
    except (EtlganError, OSError):
        found.append("config.json")
    for line in run.events.read_bytes().split(b"\n")[:-1]:
        try:
            if line.strip():
                events.decode(line)
        except EtlganError:
            found.append("events.jsonl")
            break
    return found


def fuzz(home: Home, ledger: Ledger, *, seed: int, rounds: int) -> list[str]:
    """`rounds` homes of PAGE damaged runs each."""
    from core.gan import checkpoint

    choice, wrong = random.Random(seed), []
    for _ in range(rounds):
        shutil.rmtree(home.runs, ignore_errors=True)
        runs = {}
        for number in range(PAGE):
            run = make(home, number)
            file = choice.choice(FILES)
            path = run.path / file
            path.write_bytes(damaged(path.read_bytes(), choice))
            runs[run.id] = file
        ledger.faults += PAGE
        ledger.runs += PAGE
        wrong += look_at(home, runs)
        with Store.open(home) as store:
            sync(home, store)
            rows = store.rows(runs)
        for name, file in runs.items():
            run = home.run(name)
            ledger.events += run.events.read_bytes().count(b"\n")
            if undamaged(run) and not rows[name].error:
                wrong.append(f"{name}: {file} is damaged, and it is not named as such")
            try:
                for each in checkpoint.everything(run):
                    checkpoint.read(each)
            except EtlganError:
                pass
            except Exception as error:
                wrong.append(f"checkpoint: {type(error).__name__}: {error}"[:300])
    ledger.wrong += wrong
    return sorted(set(wrong))


@pytest.fixture
def one_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine does not change between two damaged runs."""
    monkeypatch.setattr(rerun, "environment", lambda _config: _environment())


@pytest.mark.usefixtures("one_environment")
def test_damaged_files_a_few(home: Home, ledger: Ledger) -> None:
    assert fuzz(home, ledger, seed=1, rounds=1) == []


@pytest.mark.torture
@pytest.mark.timeout(600 * PATIENCE)
@pytest.mark.usefixtures("one_environment")
def test_damaged_files_thousands(home: Home, ledger: Ledger) -> None:
    assert fuzz(home, ledger, seed=2, rounds=60) == []


async def dashboard(home: Home, ids: list[str]) -> None:
    """Open every screen on these runs."""
    from etlgan_tui.app import EtlganApp

    app = EtlganApp(home)
    async with app.run_test(size=(120, 40)) as pilot:
        for number in range(len(ids)):
            await pilot.pause(0.15)
            await pilot.press("enter")
            await pilot.pause(0.25)
            await pilot.press("escape")
            if number + 1 < len(ids):
                await pilot.press("down")
        await pilot.pause(0.2)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "count", [6, pytest.param(40, marks=[pytest.mark.torture, pytest.mark.timeout(300 * PATIENCE)])]
)
async def test_the_dashboard_over_damaged_runs(home: Home, ledger: Ledger, count: int) -> None:
    choice = random.Random(3)
    ids = []
    for number in range(count):
        run = make(home, number)
        path = run.path / choice.choice(FILES)
        path.write_bytes(damaged(path.read_bytes(), choice))
        ids.append(run.id)
    ledger.faults += count
    ledger.runs += count
    await dashboard(home, ids)  # an exception in the app comes out of run_test


@pytest.mark.parametrize(
    "count", [60, pytest.param(2000, marks=[pytest.mark.torture, pytest.mark.timeout(300 * PATIENCE)])]
)
def test_damaged_bundles(home: Home, ledger: Ledger, tmp_path: Path, count: int) -> None:
    """Refused in one line, or the very run that was packed; nothing else is ever left behind."""
    choice, run, out = random.Random(4), make(home, 1), tmp_path / "out.zip"
    bundle.pack(run, out)
    content, other = out.read_bytes(), Home(tmp_path / "other")
    whole = {path.relative_to(run.path): path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    taken = 0
    for _ in range(count):
        bad = tmp_path / "bad.zip"
        bad.write_bytes(flip(content, choice) if choice.random() < 0.5 else damaged(content, choice))
        ledger.faults += 1
        try:
            packed = unbundle.bring_in(other, bad)
        except EtlganError as error:
            left = list(other.runs.iterdir()) if other.runs.exists() else []
            if left or "\n" in str(error):
                ledger.wrong.append(f"bundle: {error}, and it leaves {left}")
            continue
        taken += 1  # a bit that nobody reads
        found = {p.relative_to(packed.run.path): p.read_bytes() for p in packed.run.path.rglob("*") if p.is_file()}
        if different := [name for name in found if found[name] != whole.get(name)]:
            ledger.wrong.append(f"bundle: {different} came out changed")
        shutil.rmtree(other.runs)
    assert taken < count
    assert not [line for line in ledger.wrong if line.startswith("bundle")]
