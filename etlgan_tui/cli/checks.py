"""The checks of `etlgan doctor`, one function each: look, say what was found, and what to do about it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from core.rundir import Home

_LOW_DISK, _NO_DISK = 2e9, 2e8  # bytes: a run of the larger presets, a run of the smallest one
_TORCH_SECONDS = 120  # the first import after an installation reads gigabytes from a cold disk

# Asked of another process: a broken torch may hang or die, and the command line never imports it.
_ASK_TORCH = """
import json, time, torch
import torch.nn.functional as F
def seconds(kind):
    x, w = torch.randn(64, 64, 32, 32).to(kind), torch.randn(64, 64, 3, 3).to(kind)
    x = x.contiguous(memory_format=torch.channels_last)
    F.conv2d(x, w, padding=1)
    start = time.perf_counter()
    for _ in range(3): F.conv2d(x, w, padding=1)
    return time.perf_counter() - start
mps = getattr(torch.backends, "mps", None)
print(json.dumps({
    "version": torch.__version__,
    "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
    "mps": bool(mps and mps.is_available()),
    "bf16": seconds(torch.float32) / seconds(torch.bfloat16),
}))
"""


class Check(NamedTuple):
    """One line of the report."""

    name: str
    status: Literal["ok", "warn", "fail"]
    found: str
    advice: str = ""


def python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check("python", "ok", f"{version} ({sys.executable})")


def torch() -> Iterator[Check]:
    """Three lines: torch itself, the device that `auto` would take, and whether bf16 pays there."""
    told = _ask_torch()
    if isinstance(told, Check):
        yield told
        return
    yield Check("torch", "ok", str(told["version"]))
    if told["gpus"]:
        yield Check("device", "ok", "cuda: " + ", ".join(told["gpus"]))
    elif told["mps"]:
        yield Check("device", "ok", "mps (Apple GPU)")
    else:
        yield Check("device", "ok", "cpu; no GPU was found", "the small presets are made for this; jis1 is not")
    words = f"{told['bf16']:.1f} times the speed of fp32 on the CPU"
    yield Check("bf16", "ok", words, "" if told["bf16"] > 1 else "train.precision=auto will use fp32 there")


def _ask_torch() -> dict[str, Any] | Check:
    advice = "install it: pip install torch==2.13.0"
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", _ASK_TORCH],
            capture_output=True,
            text=True,
            timeout=_TORCH_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        told = json.loads(done.stdout) if done.returncode == 0 else None
    except subprocess.TimeoutExpired:
        return Check("torch", "fail", f"does not answer within {_TORCH_SECONDS} s", advice)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        last = (done.stderr.strip().splitlines() or [f"ended with code {done.returncode}"])[-1]
        return Check("torch", "fail", f"cannot be imported: {last}", advice)
    return told


def threads() -> Check:
    import psutil

    physical = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = psutil.virtual_memory()
    words = f"{physical} cores, {allowed} usable threads, {memory.total / 1e9:.1f} GB of memory"
    if memory.available < 1e9:
        return Check("cpu", "warn", words, f"only {memory.available / 1e6:.0f} MB are free: close something else")
    return Check("cpu", "ok", words)


def terminal() -> Check:
    encoding = getattr(sys.stdout, "encoding", "") or "unknown"
    columns, lines = shutil.get_terminal_size((80, 24))
    kind = os.environ.get("TERM", "") or "none"
    words = f"{kind}, {columns} x {lines}, {encoding}, pictures as {_pictures()}"
    if "utf" not in encoding.lower():
        return Check("terminal", "warn", words, "set a UTF-8 locale (export LANG=C.UTF-8) to see kana and pictures")
    if sys.stdout.isatty() and columns < 80:
        return Check("terminal", "warn", words, "80 columns or more show everything")
    return Check("terminal", "ok", words)


def _pictures() -> str:
    """From what terminals say of themselves in the environment; the dashboard asks the terminal itself."""
    told = {name: os.environ.get(name, "") for name in ("TERM", "TERM_PROGRAM", "KITTY_WINDOW_ID", "TMUX")}
    if told["TMUX"]:
        return "braille (tmux)"
    if told["KITTY_WINDOW_ID"] or "kitty" in told["TERM"] or told["TERM_PROGRAM"] in ("ghostty", "WezTerm"):
        return "real pixels in the dashboard (Kitty protocol; Kitty from 0.28 on)"
    if told["TERM_PROGRAM"] in ("iTerm.app", "mintty") or told["TERM"] in ("foot", "mlterm", "xterm-sixel"):
        return "real pixels in the dashboard (Sixel)"
    return "braille"


def home(home: Home) -> Check:
    """Whether runs can be made there."""
    place = home.runs if home.runs.is_dir() else home.root
    while not place.exists() and place != place.parent:
        place = place.parent
    if not os.access(place, os.W_OK | os.X_OK):
        return Check("home", "fail", f"{home.root}: not writable", "choose another folder with --home or ETLGAN_HOME")
    count = sum(1 for entry in home.runs.iterdir() if entry.is_dir()) if home.runs.is_dir() else 0
    return Check("home", "ok", f"{home.root}, {count:,} runs")


def locks(home: Home) -> Check:
    """Whether a second lock on a locked file is refused there."""
    import tempfile

    from core.rundir import RunDir
    from core.runs import alive

    place = home.root if home.root.is_dir() else Path.cwd()
    with tempfile.TemporaryDirectory(prefix=".etlgan-", dir=place) as folder:
        probe = RunDir(Path(folder))
        descriptor = alive.take(probe)
        try:
            good = alive.works(probe.lock)
        finally:
            os.close(descriptor)
    if good:
        return Check("locks", "ok", "file locks work here")
    advice = "a heartbeat stands in for them; put the index on a local disk with ETLGAN_DB"
    return Check("locks", "warn", "file locks tell nothing on this disk", advice)


def database(home: Home) -> Check:
    """Whether the index opens and counts what is there."""
    from core.runs.store import Store

    if not home.database.exists():
        return Check("database", "ok", f"{home.database.name} will be made by the first run")
    with Store.open(home) as store:
        known, notice = store.count(), store.notice
    there = sum(1 for entry in home.runs.iterdir() if entry.is_dir()) if home.runs.is_dir() else 0
    words = f"{home.database}, {known:,} runs indexed"
    if notice:
        return Check("database", "warn", notice)
    if known < there:
        return Check("database", "warn", f"{words}, {there:,} on disk", "`etlgan ls` brings it up to date")
    return Check("database", "ok", words)


def disk(home: Home) -> Check:
    place = next(path for path in (home.root, *home.root.parents) if path.exists())
    free = shutil.disk_usage(place).free
    words = f"{free / 1e9:.1f} GB free"
    if free < _NO_DISK:
        return Check("disk", "fail", words, "a run needs about 200 MB; make room (`etlgan rm`, trash/)")
    if free < _LOW_DISK:
        return Check("disk", "warn", words, "long runs with many checkpoints may fill it")
    return Check("disk", "ok", words)


def data(_home: Home) -> Check:
    """Whether the embedded handwriting writes, and the cache can be written."""
    import numpy as np

    from core.glyphs import penman
    from core.rundir import cache_root

    image = penman.render("あ", np.arange(1), size=32, style="clean", seed=0)
    if image.shape != (1, 32, 32) or image.max() < 128:
        return Check("data", "fail", "the embedded handwriting draws nothing", "install etlgan again")
    cache = cache_root()
    place = next(path for path in (cache, *cache.parents) if path.exists())
    if not os.access(place, os.W_OK):
        advice = "say where with ETLGAN_CACHE"
        return Check("data", "fail", f"the cache {cache} is not writable", advice)
    return Check("data", "ok", f"embedded handwriting: {len(penman.characters()):,} characters; cache {cache}")
