"""Disks that are full, read-only, shared by hosts, or lose power at the worst moment."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import config as configs
from core.history import curves
from core.presets import resolve
from core.rundir import Home, RunDir, write_json
from core.runs import alive, launcher
from core.runs.runner import ending
from core.runs.state import reached, state_of

from .ledger import Ledger

CLI = [sys.executable, "-P", "-c", "from etlgan_tui.cli import main; main()"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB, where this system lets us mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], check=False)
    if done.returncode:
        pytest.skip("this user may not mount")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


def typed(home: Home, *words: str, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*prefix, *CLI, *words, "--home", str(home.root)], capture_output=True, text=True, check=False, timeout=60
    )


def ended(run: RunDir, seconds: float = 30.0) -> str:
    until = time.monotonic() + seconds
    while state_of(run).live and time.monotonic() < until:
        time.sleep(0.02)
    return state_of(run).kind


def test_a_disk_that_fills_up(small_disk: Path, home: Home, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run ends, and says so; once there is room it goes on, and nothing that was flushed is lost."""
    monkeypatch.setenv("FAKE_DELAY", "0.001")
    monkeypatch.setenv("ETLGAN_DB", str(home.root / "elsewhere.db"))
    full = Home(small_disk)
    run = launcher.start(full, resolve("", {"train.steps": 400}))
    with contextlib.suppress(OSError), (small_disk / "ballast").open("wb", buffering=0) as ballast:
        while ballast.write(b"x" * 1000):
            pass
    assert ended(run) in ("failed", "killed", "crashed")
    ledger.faults += 1
    ledger.runs += 1
    done = typed(full, "ls")
    assert done.returncode == 0, done.stderr
    for verb in (["note", run.id, "x" * 9000], ["resume", run.id]):
        done = typed(full, *verb)
        assert done.returncode == 1, done
        assert "Traceback" not in done.stderr
        assert "No space left" in done.stderr or "failed" in done.stderr
    before = run.events.read_bytes().split(b"\n")[:-1]
    (small_disk / "ballast").unlink()
    for path in sorted(run.checkpoints.glob("*.safetensors"))[:-1]:
        path.unlink()
    monkeypatch.setenv("FAKE_DELAY", "0")
    launcher.resume(full, run, steps=reached(run) + 5)
    assert ended(run) == "finished"
    after = run.events.read_bytes().split(b"\n")
    ledger.events += len(after)
    assert after[: len(before)] == before
    assert [line for line in before if not (line.startswith(b"{") and line.endswith(b"}"))] == []
    assert curves(run.events).problems == []


def test_a_home_that_is_read_only(small_disk: Path, ledger: Ledger) -> None:
    home = Home(small_disk)
    home.run("261124-000000-abc").path.mkdir(parents=True)
    home.run("261124-000000-abc").config.write_bytes(configs.encode(resolve("digits", {})))
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    ledger.faults += 1
    ledger.runs += 1
    done = typed(home, "ls")
    assert done.returncode == 0, done.stderr
    assert "261124-000000-abc" in done.stdout
    assert "kept in memory" in done.stderr
    assert typed(home, "show", "last").returncode == 0
    for words in (["run", "digits", "--detach"], ["name", "last", "other"], ["rm", "last"], ["resume", "last"]):
        done = typed(home, *words)
        assert done.returncode == 1, (words, done)
        assert done.stderr.count("\n") <= 2, done.stderr
        assert "Read-only file system" in done.stderr


def test_two_hosts_in_one_folder(home: Home, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each sees the other's runs as they are, and signals nobody there."""
    if subprocess.run(["unshare", "--uts", "true"], check=False, capture_output=True).returncode:
        pytest.skip("this user may not have another host name")
    there = ("unshare", "--uts", "sh", "-c", 'hostname elsewhere && exec "$@"', "sh")
    monkeypatch.setenv("FAKE_DELAY", "0.1")
    done = typed(home, "run", "--set", "train.steps=5000", "--detach", prefix=there)
    assert done.returncode == 0, done.stderr
    theirs, ours = home.run(done.stdout.strip()), launcher.start(home, resolve("", {"train.steps": 5000}))
    ledger.faults += 1
    ledger.runs += 2
    assert alive.read(theirs).host == "elsewhere"
    for prefix in ((), there):
        listed = typed(home, "ls", prefix=prefix).stdout
        assert listed.count("running") == 2, listed
    done = typed(home, "stop", theirs.id)
    assert done.returncode == 1
    assert "lives on elsewhere" in done.stderr
    assert state_of(theirs).live
    done = typed(home, "stop", ours.id, prefix=there)
    assert "lives on" in done.stderr
    assert typed(home, "stop", theirs.id, prefix=there).returncode == 0
    assert typed(home, "stop", ours.id).returncode == 0
    assert [ended(theirs), ended(ours)] == ["stopped", "stopped"]


# --- power cuts: what may be on the disk after one, whatever the kernel had not written yet ---


class Trace:
    """The order of writes, syncs and renames, as this process asks for them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.steps: list[tuple[str, str]] = []
        fsync, replace, opened = os.fsync, Path.replace, Path.open

        def traced_fsync(descriptor: int) -> None:
            self.steps.append(("sync", str(Path(f"/proc/self/fd/{descriptor}").readlink())))
            fsync(descriptor)

        def traced_replace(path: Path, target: Path) -> Path:
            self.steps.append(("rename", f"{path} -> {target}"))
            return replace(path, target)

        def traced_open(path: Path, mode: str = "r", *rest: object, **more: object) -> object:
            if "w" in mode or "a" in mode:
                self.steps.append(("write", str(path)))
            return opened(path, mode, *rest, **more)  # type: ignore[call-overload]

        monkeypatch.setattr(os, "fsync", traced_fsync)
        monkeypatch.setattr(Path, "replace", traced_replace)
        monkeypatch.setattr(Path, "open", traced_open)

    def survivors(self, cut: int) -> Iterator[dict[str, str]]:
        """After a power cut at step `cut`: name -> "whole" or "torn", for the kindest and the cruellest disk.

        What was not synced is torn; a rename whose folder was not synced may have been done or not.
        """
        for cruel in (False, True):
            content: dict[str, str] = {}
            names: dict[str, str] = {}
            pending: list[tuple[str, str]] = []
            for kind, what in self.steps[:cut]:
                if kind == "write":
                    content[what] = "torn"
                elif kind == "sync" and what in content:
                    content[what] = "whole"
                elif kind == "rename":
                    pending.append(tuple(what.split(" -> ")))  # type: ignore[arg-type]
                elif kind == "sync":
                    done = [each for each in pending if Path(each[1]).parent == Path(what)]
                    names |= {new: content[old] for old, new in done}
                    pending = [each for each in pending if each not in done]
            if not cruel:
                names |= {new: content[old] for old, new in pending}
            else:  # the later of two renames may be on the disk without the earlier one
                names |= {new: content[old] for old, new in pending[-1:]}
            yield names


def test_a_power_cut_at_any_moment_of_a_checkpoint(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint that has its JSON is whole; no file under its own name is ever torn."""
    import torch

    from core.gan import checkpoint

    run = RunDir(tmp_path / "run")
    run.checkpoints.mkdir(parents=True)
    trace = Trace(monkeypatch)
    checkpoint.save(run, 20, {"weights": torch.zeros(4)}, {}, quality=0.5, keep=2)
    tensors, facts = str(run.checkpoint(20)), str(run.checkpoint(20).with_suffix(".json"))
    assert [kind for kind, _ in trace.steps] == ["write", "sync", "rename", "sync"] * 2
    for cut in range(len(trace.steps) + 1):
        ledger.faults += 1
        for names in trace.survivors(cut):
            assert "torn" not in names.values()
            assert facts not in names or tensors in names
    assert set(next(trace.survivors(len(trace.steps)))) == {tensors, facts}


def test_a_power_cut_at_any_moment_of_an_ending(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunDir(tmp_path)
    write_json(run.exit, ending(1, 0, stopped=False))
    trace = Trace(monkeypatch)
    write_json(run.exit, ending(2, -9, stopped=False))
    assert [kind for kind, _ in trace.steps] == ["write", "sync", "rename", "sync"]
    for cut in range(len(trace.steps) + 1):
        ledger.faults += 1
        for names in trace.survivors(cut):
            assert set(names.values()) <= {"whole"}


def test_the_kernel_sees_that_order_too(tmp_path: Path) -> None:
    """The same from outside, where strace is installed."""
    with contextlib.suppress(FileNotFoundError):
        code = "import sys, pathlib; from core.rundir import write_json; write_json(pathlib.Path(sys.argv[1]), {})"
        calls = ["strace", "-f", "-e", "trace=openat,fsync,rename,renameat,renameat2", sys.executable, "-c", code]
        done = subprocess.run([*calls, str(tmp_path / "exit.json")], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            told = [
                line.split("(")[0].split()[-1]
                for line in done.stderr.splitlines()
                if "fsync" in line or "rename" in line
            ]
            assert told in (["fsync", "rename", "fsync"], ["fsync", "renameat2", "fsync"])
            return
    pytest.skip("strace is not installed, or may not trace here")
