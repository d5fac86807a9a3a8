"""The trainer as a real process: what a run directory holds at the end, however it ended."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image

from core import config as configs
from core import events
from core import trainer as trainer_module
from core.events import TIME_FIELDS, AnyEvent, Finished, Sampled, Saved, Started, Step
from core.history import curves
from core.rundir import RunDir, read_json, write_json
from core.runs import alive
from core.settings import RunConfig

Small = Callable[..., RunConfig]
NewRun = Callable[..., RunDir]
STEPS = 30
LIMIT = 1_000_000  # bytes a file: enough for pictures and events, too few for a checkpoint


class Process:
    """python -P -m core.trainer, in a folder that holds a core.py."""

    def __init__(self, run: RunDir, folder: Path, *, limit: int = 0) -> None:
        (folder / "core.py").write_text("raise SystemExit('the wrong core')\n")
        self.run = run
        with run.console.open("ab") as console:
            self.child = subprocess.Popen(
                [sys.executable, "-P", "-m", "core.trainer", str(run.path)],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                env=os.environ | {"OMP_NUM_THREADS": "1"},
                preexec_fn=(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))) if limit else None,
            )

    def ends(self) -> int:
        return self.child.wait(120)

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Until the condition holds; the process ends before: the test fails."""
        deadline = time.monotonic() + 60
        while not condition():
            assert self.child.poll() is None, self.run.console.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.005)


@pytest.fixture
def started(tmp_path: Path, cache: Path) -> Iterator[Callable[..., Process]]:  # noqa: ARG001  (its environment)
    processes: list[Process] = []

    def start(run: RunDir, *, limit: int = 0) -> Process:
        processes.append(Process(run, tmp_path, limit=limit))
        return processes[-1]

    yield start
    for process in processes:
        process.child.kill()
        process.child.wait()


def said(run: RunDir) -> list[AnyEvent]:
    return events.decode_lines(run.events.read_bytes()) if run.events.exists() else []


def of(run: RunDir, kind: type[Any]) -> list[Any]:
    return [event for event in said(run) if isinstance(event, kind)]


def timeless(told: list[Any]) -> list[dict[str, Any]]:
    return [{k: v for k, v in msgspec.to_builtins(event).items() if k not in TIME_FIELDS} for event in told]


def steps_so_far(run: RunDir) -> int:
    return run.events.read_bytes().count(b'"event":"step"') if run.events.exists() else 0


def test_a_run_and_one_that_was_stopped_and_met_a_full_disk(
    small: Small, new_run: NewRun, started: Callable[..., Process], tmp_path: Path
) -> None:
    """Side by side: one goes to its end; the other is stopped somewhere, cannot save, and goes on after that."""
    config = small(train__steps=STEPS, train__sample_every=20, model__codes=2)
    whole, parts = new_run(config, "whole"), new_run(config, "parts")
    unstopped, process = started(whole), started(parts)

    process.wait_for(lambda: steps_so_far(parts) >= 5)
    process.child.send_signal(signal.SIGTERM)
    assert process.ends() == 0
    stop = of(parts, Finished)[-1]
    assert (stop.state, stop.attempt, stop.message) == ("stopped", 1, "")
    assert 5 <= stop.step < STEPS
    assert of(parts, Step)[-1].step == stop.step
    assert of(parts, Saved)[-1].step == stop.step
    kept = parts.checkpoint(stop.step).read_bytes()
    assert len(kept) > LIMIT

    write_json(parts.lock, {"attempt": 2})
    assert started(parts, limit=LIMIT).ends() == 1
    failure = of(parts, Finished)[-1]
    assert (failure.state, failure.attempt) == ("failed", 2)
    told = "File too large; free some space or check the folder, then resume"
    assert failure.message == f"{parts.checkpoint(STEPS)}: {told}"
    console = parts.console.read_text()
    assert console.splitlines()[-1] == f"etlgan: {failure.message}"
    assert "Traceback" not in console
    assert [path.name for path in parts.checkpoints.iterdir() if path.suffix != ".json"] == [
        f"{stop.step:08d}.safetensors"
    ]
    assert parts.checkpoint(stop.step).read_bytes() == kept

    write_json(parts.lock, {"attempt": 3})
    assert started(parts).ends() == 0
    assert unstopped.ends() == 0
    assert whole.checkpoint(STEPS).read_bytes() == parts.checkpoint(STEPS).read_bytes()
    seamless = {event.step: event for event in of(parts, Step)}
    assert timeless(list(seamless.values())) == timeless(of(whole, Step))
    assert [event.step for event in of(whole, Step)] == list(range(1, STEPS + 1))
    assert whole.sample(STEPS).read_bytes() == parts.sample(STEPS).read_bytes()
    begun = of(parts, Started)
    assert [event.attempt for event in begun] == [1, 2, 3]
    assert [event.step for event in begun] == [0, stop.step, stop.step]
    assert len({(e.device, e.precision, e.threads, e.batch_size, e.data) for e in begun}) == 1

    finished_well(whole, config)
    assert not list(tmp_path.glob("runs/*/.*")), "no temporary file is left"


def finished_well(run: RunDir, config: RunConfig) -> None:
    """What the run directory of a finished run holds."""
    told = said(run)
    assert isinstance(told[0], Started)
    assert (told[0].device, told[0].precision, told[0].threads) == ("cpu", "fp32", 1)
    assert (told[0].classes, told[0].steps, told[0].batch_size) == (3, STEPS, 8)
    assert isinstance(told[-1], Finished)
    assert told[-1].state == "finished"
    facts = read_json(run.env)["resolved"]
    assert (facts["device"], facts["precision"], facts["threads"]) == ("cpu", "fp32", 1)
    assert facts["data"] == told[0].data
    size = config.data.size
    for event in of(run, Sampled):
        blocks = 1 if event.kind == "grid" else config.model.codes
        with Image.open(run.path / event.path) as picture:
            assert picture.size == (10 * size, 3 * blocks * size)
            assert event.step == 0 or np.asarray(picture).mean() > 128  # dark ink on white paper
    assert [event.step for event in of(run, Sampled) if event.kind == "grid"] == [0, 20, STEPS]
    for path in (run.grid, run.traversal, run.losses, run.progress):
        with Image.open(path) as picture:
            assert min(picture.size) > 3 * size, path
    with Image.open(run.progress) as animation:
        assert getattr(animation, "n_frames", 1) == 3
    assert read_json(run.checkpoint(STEPS).with_suffix(".json"))["step"] == STEPS


def test_sigterm_before_the_first_step(small: Small, new_run: NewRun, started: Callable[..., Process]) -> None:
    run = new_run(small(train__steps=100_000))
    process = started(run)
    process.wait_for(lambda: run.console.exists() and b"preparing" in run.console.read_bytes())
    process.child.send_signal(signal.SIGTERM)
    assert process.ends() == 0
    (end,) = of(run, Finished)
    assert (end.state, end.step) == ("stopped", 0)
    assert not list(run.checkpoints.iterdir())


def test_sigterm_while_glyphs_are_prepared(
    small: Small, new_run: NewRun, started: Callable[..., Process], cache: Path
) -> None:
    """Of so many it would take minutes."""
    run = new_run(small(data__chars="kyoiku", data__per_char=400, data__held_out=2))
    process = started(run)
    process.wait_for(lambda: run.console.exists() and b"prepared" in run.console.read_bytes())
    process.child.send_signal(signal.SIGTERM)
    assert process.ends() == 0
    (end,) = of(run, Finished)
    assert end.state == "stopped"
    assert not list((cache / "glyphs").glob(".*")), "nothing half done is left"


# --- in this process: faults that need no torch ------------------------------------------------------------------


@pytest.fixture
def attempt(
    cache: Path,  # noqa: ARG001  (its environment)
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[[RunDir], str]:
    """One attempt in this process that must fail; returns what it said of it."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)

    def made(run: RunDir) -> str:
        assert trainer_module.main(run.path) == 1
        words = capsys.readouterr().err
        assert words.startswith("etlgan: ")
        assert words.count("\n") == 1, words
        return words

    return made


def test_a_live_run_is_not_trained_twice(
    small: Small, new_run: NewRun, attempt: Callable[[RunDir], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alive, "TAKE_SECONDS", 0.0)
    run = new_run(small())
    descriptor = alive.take(run)
    assert f"run {run.id} is live" in attempt(run)
    os.close(descriptor)
    assert not run.events.exists()


def test_no_run_directory(tmp_path: Path, attempt: Callable[[RunDir], str]) -> None:
    assert "no run none in" in attempt(RunDir(tmp_path / "none"))


def test_a_damaged_configuration_is_told(small: Small, new_run: NewRun, attempt: Callable[[RunDir], str]) -> None:
    run = new_run(small())
    for content, words in ((b"{", "config.json"), (b"[]", "no configuration"), (b'{"trian": {}}', "trian")):
        run.config.write_bytes(content)
        assert words in attempt(run)
    run.config.unlink()
    assert "cannot read" in attempt(run)
    assert [event.state for event in of(run, Finished)] == ["failed"] * 4


def test_data_that_are_not_there_are_told(small: Small, new_run: NewRun, attempt: Callable[[RunDir], str]) -> None:
    run = new_run(small(data__chars="あ😀"))
    assert "😀" in attempt(run)
    assert "😀" in of(run, Finished)[-1].message


def test_a_fault_of_ours_ends_as_failed_with_its_traceback_in_the_log(
    small: Small, new_run: NewRun, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> bool:
        raise IndexError("seven\nof nine")

    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(trainer_module, "_train", broken)
    run = new_run(small())
    assert trainer_module.main(run.path) == 1
    assert "Traceback" in capsys.readouterr().err
    assert of(run, Finished)[-1].message == "IndexError: seven"


def test_a_loss_that_is_no_number_ends_the_run_as_failed(
    small: Small, new_run: NewRun, attempt: Callable[[RunDir], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.gan.engine import Engine

    losses_of = Engine._losses

    def diverging(engine: Engine, step: Any, penalised: bool) -> Any:
        losses = losses_of(engine, step, penalised)
        return losses._replace(generator=losses.generator * (1e38 * 1e38 if step == 3 else 1.0))

    monkeypatch.setattr(Engine, "_losses", diverging)
    run = new_run(small(train__save_every=2))
    assert "non-finite by step" in attempt(run)
    assert [event.state for event in of(run, Finished)] == ["failed"]
    assert "lower train.lr" in of(run, Finished)[-1].message
    assert [path.name for path in run.checkpoints.glob("*.safetensors")] == ["00000002.safetensors"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(28, "No space left on device", "/x/y"), "/x/y: No space left on device; free some space"),
        (OSError(28, "No space left on device"), "run: No space left on device; free some space"),
        (RuntimeError("CUDA out of memory. Tried to"), "out of memory; set train.batch_size or model.size lower"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), "out of memory"),
        (OSError(12, "Cannot allocate memory"), "out of memory"),
        (MemoryError(), "out of memory"),
    ],
)
def test_what_a_user_can_mend_is_told(error: Exception, words: str) -> None:
    assert words in trainer_module._told(error, RunDir(Path("run")))


def test_what_was_resolved_is_used_again_unless_the_user_decides(
    small: Small, new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.gan import device

    monkeypatch.setattr(device, "faster_precision", lambda _device: "bf16")
    automatic: dict[str, Any] = {
        "train__precision": "auto", "train__threads": 0, "train__device": "auto", "train__batch_size": 0,
    }  # fmt: skip
    run = new_run(small())
    write_json(run.env, {"resolved": {"device": "cpu", "precision": "fp32", "threads": 1, "batch_size": 48}})
    again = trainer_module._resolved(run, small(**automatic))
    assert tuple(again) == ("cpu", "fp32", 1, 48)
    decided = trainer_module._resolved(run, small(**automatic | {"train__precision": "bf16"}))
    assert tuple(decided) == ("cpu", "bf16", 1, 48)
    write_json(run.env, {})
    left_open = trainer_module._resolved(run, small(**automatic | {"train__threads": 1, "train__device": "cpu"}))
    assert left_open.batch_size == 64
    assert trainer_module._resolved(run, small(train__batch_size=7)).batch_size == 7
    damages: list[object] = [
        {"device": "cuda:63", "precision": "fp32", "threads": 1, "batch_size": 2},
        {"device": "x", "precision": 1, "threads": ""},
        [],
        {},
    ]
    for damaged in damages:
        write_json(run.env, {"resolved": damaged})
        fresh = trainer_module._resolved(run, small(**automatic | {"train__threads": 1, "train__device": "cpu"}))
        assert fresh.device == "cpu"
        assert fresh.threads == 1


def test_a_batch_that_is_left_open_is_resolved_recorded_and_used_again(small: Small, new_run: NewRun) -> None:
    run = new_run(small(train__steps=1, train__batch_size=0))
    assert trainer_module.main(run.path) == 0
    assert read_json(run.env)["resolved"]["batch_size"] == 64
    assert curves(run.events).started[-1].batch_size == 64
    write_json(run.env, {"resolved": read_json(run.env)["resolved"] | {"batch_size": 6}})
    run.config.write_bytes(configs.encode(small(train__steps=2, train__batch_size=0)))
    assert trainer_module.main(run.path) == 0
    assert curves(run.events).started[-1].batch_size == 6


def test_a_device_that_is_not_there_is_told(small: Small, new_run: NewRun, attempt: Callable[[RunDir], str]) -> None:
    words = attempt(new_run(small(train__device="cuda:63")))
    assert "train.device=cuda:63" in words
    assert "train.device=cpu" in words


def test_a_line_that_the_disk_did_not_take_whole_is_taken_back(tmp_path: Path) -> None:
    """A file limit in the middle of a line: the disk takes a part of it."""
    script = (
        "import resource, sys; from pathlib import Path; from core.rundir import RunDir\n"
        "from core.trainer import EventLog; from core.events import Scored\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 200))\n"
        "log = EventLog(RunDir(Path(sys.argv[1])))\n"
        "log.emit(Scored(step=1, time=0, scores={}))\n"
        "try: log.emit(Scored(step=2, time=0, scores={'a' * 60: 1.0}))\n"
        "except OSError as error: print(error.filename)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))\n"
        "log.finish(1, 'failed', '')\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    run = RunDir(tmp_path)
    assert done.stdout.strip() == str(run.events)
    assert [type(event).__name__ for event in said(run)] == ["Scored", "Finished"]
    assert json.loads(run.events.read_bytes().splitlines()[0])["step"] == 1


def test_a_run_lives_until_its_trainer_is_gone_though_the_runner_died_before(new_run: NewRun, small: Small) -> None:
    """Unloading takes a while after the last word: a state that says "stopped" meanwhile is wrong."""
    run = new_run(small())
    run.config.write_text("{")
    descriptor = alive.take(run)
    script = (
        "import sys; from pathlib import Path; from core import trainer; from core.rundir import RunDir\n"
        "from core.runs import alive\n"
        "sys.stdin.read(); run = Path(sys.argv[1]); print(trainer.main(run), alive.held(RunDir(run)))"
    )
    child = subprocess.Popen(
        [sys.executable, "-P", "-c", script, str(run.path)],
        env=os.environ | {alive.LOCK_FD: str(descriptor)},
        pass_fds=(descriptor,),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    os.close(descriptor)  # the runner dies
    assert child.communicate()[0].split()[-2:] == ["1", "True"]
    assert not alive.held(run)
