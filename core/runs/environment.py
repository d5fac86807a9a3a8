"""Where and with what a run is made: `env.json`, as far as it can be known without the trainer's own facts."""

import contextlib
import functools
import hashlib
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

from core import config as configs
from core.runs import alive
from core.settings import RunConfig

DIFF_BYTES = 256 << 10  # kept of a diff; the rest is cut, and said to be
GIT_SECONDS = 3.0
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
SOURCES = Path(__file__).parents[1]  # core/

# What changes how fast, where, or in which order numbers are added up.
VARIABLES = (
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "GOMP_SPINCOUNT", "OMP_PROC_BIND", "KMP_AFFINITY",
    "CUDA_VISIBLE_DEVICES", "CUBLAS_WORKSPACE_CONFIG", "NVIDIA_TF32_OVERRIDE", "PYTORCH_CUDA_ALLOC_CONF",
    "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "ETLGAN_HOME", "ETLGAN_CACHE", "ETLGAN_DB",
)  # fmt: skip


def environment(config: RunConfig) -> dict[str, Any]:
    """Facts for env.json; the trainer adds `resolved` (device, precision, threads, batch, data fingerprint) later."""
    return {
        "time": time.time(),
        "cwd": str(Path.cwd()),
        "argv": [_text(argument) for argument in sys.argv],
        "seed": config.seed,
        "config": configs.to_tree(config),
        "host": alive.host(),
        "os": platform.platform(),
        "cpu": _cpu(),
        "cores": os.cpu_count() or 0,
        "memory": _memory(),
        "gpus": _gpus(),
        "python": platform.python_version(),
        "executable": sys.executable,
        "versions": _versions(),
        "variables": {name: _text(os.environ[name]) for name in VARIABLES if name in os.environ},
        "git": (git := _git(Path.cwd())),
        "code": _code(git),
    }


def stat_of_changes(folder: Path, before: str, now: str) -> list[str]:
    """What differs between two commits of the repository that a folder lies in, a line a file, the sum last; [] where
    that cannot be told. Names of commits come from files: only what looks like one is given to git."""
    if not (COMMIT.fullmatch(before) and COMMIT.fullmatch(now)):
        return []
    told, _ = _ask(folder, "diff", "--stat=100", "--stat-count=40", "--no-ext-diff", "--no-textconv", before, now, "--")
    return [line.strip() for line in told.splitlines()]


def _code(git: dict[str, Any]) -> dict[str, Any]:
    """etlgan's own code: a hash over its sources, which tells also without git whether it is the same, and where it
    is a checkout, its commit and changes (once only: those of the user's folder may be the same)."""
    found: dict[str, Any] = {"folder": str(SOURCES.parent), "sha256": sources_hash()}
    if not _ask(SOURCES.parent, "ls-files", "--error-unmatch", f"{SOURCES.name}/__init__.py")[0]:
        return found
    ours = _git(SOURCES.parent)
    if ours == git:
        return found | {"commit": ours["commit"], "diff_in": "git"} if ours else found
    return found | ours


@functools.cache
def sources_hash() -> str:
    """SHA-256 over the names and contents of the Python files under core/, as they are when first asked."""
    whole = hashlib.sha256()
    for path in sorted(SOURCES.rglob("*.py")):
        with contextlib.suppress(OSError):
            content = path.read_bytes()
            whole.update(f"{path.relative_to(SOURCES).as_posix()} {len(content)}\n".encode() + content)
    return whole.hexdigest()


def _memory() -> int:
    """Bytes of main memory, 0 where the system does not say."""
    with contextlib.suppress(ValueError, OSError, AttributeError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return 0


def _gpus() -> list[dict[str, Any]]:
    """Name, memory in bytes and driver of each NVIDIA GPU; [] where there is none. No device is opened for this."""
    if not Path("/proc/driver/nvidia").exists():
        return []  # asking the library takes longer than looking there
    found: list[dict[str, Any]] = []
    import pynvml

    with contextlib.suppress(pynvml.NVMLError):
        pynvml.nvmlInit()
        driver = str(pynvml.nvmlSystemGetDriverVersion())
        for number in range(pynvml.nvmlDeviceGetCount()):
            device = pynvml.nvmlDeviceGetHandleByIndex(number)
            memory = int(pynvml.nvmlDeviceGetMemoryInfo(device).total)
            found.append({"name": str(pynvml.nvmlDeviceGetName(device)), "memory": memory, "driver": driver})
        pynvml.nvmlShutdown()
    return found


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
