"""Where and with what a run is made: `env.json`, as far as it can be known without the trainer's own facts."""

import contextlib
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from core.config import RunConfig
from core.runs import alive

DIFF_BYTES = 256 << 10  # kept of a diff; the rest is cut, and said to be
GIT_SECONDS = 3.0


def environment(config: RunConfig) -> dict[str, Any]:
    """Facts for env.json; the trainer adds `resolved` (device, precision, threads, batch, data fingerprint) later."""
    return {
        "time": time.time(),
        "cwd": str(Path.cwd()),
        "argv": [_text(argument) for argument in sys.argv],
        "seed": config.seed,
        "host": alive.host(),
        "os": platform.platform(),
        "cpu": _cpu(),
        "cores": os.cpu_count() or 0,
        "python": platform.python_version(),
        "executable": sys.executable,
        "versions": _versions(),
        "git": _git(Path.cwd()),
    }


def _versions() -> dict[str, str]:
    """Of etlgan and what it depends on, from the installed packages' papers: torch is not imported for this."""
    with contextlib.suppress(metadata.PackageNotFoundError):
        required = metadata.requires("etlgan") or []
        names = [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in required if "extra ==" not in line]
        return dict(_installed(["etlgan", *names]))
    return {}


def _installed(names: list[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        with contextlib.suppress(metadata.PackageNotFoundError):
            yield name, metadata.version(name)


def _cpu() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _git(folder: Path) -> dict[str, Any]:
    """Commit and uncommitted changes of the repository that a folder lies in; {} where there is none (or no git)."""
    commit, _ = _ask(folder, "rev-parse", "HEAD")
    if not commit:
        return {}
    diff, whole = _ask(folder, "diff", "HEAD", "--no-color", "--no-ext-diff", "--no-textconv")
    return {"commit": commit.strip(), "diff": diff, "diff_complete": whole}


def _ask(folder: Path, *words: str) -> tuple[str, bool]:
    """What git answers, cut at DIFF_BYTES, and whether that is all of it. A repository's own programs are not run."""
    command = ["git", "-c", "core.fsmonitor=false", "-C", str(folder), *words]
    quiet = os.environ | {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    with tempfile.TemporaryFile() as answer:
        try:
            code = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=answer,
                stderr=subprocess.DEVNULL,
                env=quiet,
                timeout=GIT_SECONDS,
                check=False,
            ).returncode
        except (OSError, subprocess.TimeoutExpired):
            return "", False
        answer.seek(0)
        text = answer.read(DIFF_BYTES + 1)
    return text[:DIFF_BYTES].decode(errors="replace") if code == 0 else "", code == 0 and len(text) <= DIFF_BYTES


def _text(argument: str) -> str:
    """Undecodable bytes of a command line come as lone surrogates, which no JSON file can hold."""
    return argument.encode(errors="backslashreplace").decode()
