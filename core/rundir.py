"""Every file name of a home and of a run directory, written once. Standard library only: the runner uses it too."""

import contextlib
import errno
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import ConfigError


@dataclass(frozen=True)
class Home:
    """The folder that runs live in: the current one, `--home`, or ETLGAN_HOME."""

    root: Path

    @classmethod
    def find(cls, given: Path | None = None) -> "Home":
        """`given`, else ETLGAN_HOME, else the current folder; absolute."""
        return cls(expanded(given or os.environ.get("ETLGAN_HOME") or ".").resolve())

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def trash(self) -> Path:
        return self.root / "trash"

    @property
    def database(self) -> Path:
        """The index; ETLGAN_DB puts it elsewhere (a local disk where the home is on the network)."""
        elsewhere = os.environ.get("ETLGAN_DB")
        return expanded(elsewhere).resolve() if elsewhere else self.root / "runs.db"

    @property
    def queue(self) -> Path:
        """Runs that wait their turn, and which of the live ones take a slot."""
        return self.root / "queue"

    @property
    def tickets(self) -> Path:
        """One file for each run that waits."""
        return self.queue / "waiting"

    @property
    def places(self) -> Path:
        """One file for each run that was set going: which slot it takes while its lock is held."""
        return self.queue / "running"

    @property
    def queue_settings(self) -> Path:
        return self.queue / "settings.json"

    @property
    def waiter_log(self) -> Path:
        return self.queue / "waiter.log"

    def waiter(self, host: str) -> Path:
        """Locked by the one process that waits for a free slot on this host."""
        return self.queue / f"waiter-{''.join(c if c.isalnum() or c in '-.' else '_' for c in host)}.lock"

    @property
    def sweeps(self) -> Path:
        return self.root / "sweeps"

    @property
    def studies(self) -> Path:
        """A folder a study, for its tables and pages."""
        return self.root / "studies"

    def run(self, run_id: str) -> "RunDir":
        return RunDir(self.runs / run_id)

    def draft(self, run_id: str) -> "RunDir":
        """Where a run is put together before it appears, whole, under its own name; readers skip dotted names."""
        return RunDir(self.runs / f".new-{run_id}")


@dataclass(frozen=True)
class RunDir:
    """One run: the truth about it."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def home(self) -> Home:
        """The home that it lies in, if it lies in one."""
        return Home(self.path.parent.parent)

    @property
    def config(self) -> Path:
        """The configuration as resolved before the start."""
        return self.path / "config.json"

    @property
    def meta(self) -> Path:
        """What people say about the run: name, tags, note, priority, parent; when it was made."""
        return self.path / "meta.json"

    @property
    def env(self) -> Path:
        """Where and with what the run was made: commit, diff, argv, versions, host, device, data fingerprint."""
        return self.path / "env.json"

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def usage(self) -> Path:
        """What training took of the machine, in event lines of its own."""
        return self.path / "usage.jsonl"

    @property
    def console(self) -> Path:
        return self.path / "console.log"

    @property
    def lock(self) -> Path:
        """Locked while an attempt lives; holds that attempt's number, pid and host as JSON."""
        return self.path / "alive.lock"

    @property
    def exit(self) -> Path:
        """How the newest attempt's process ended, written by the runner."""
        return self.path / "exit.json"

    @property
    def ticket(self) -> Path:
        """There while the run waits in the queue of its home."""
        return self.home.tickets / f"{self.id}.json"

    @property
    def place(self) -> Path:
        """Which slot the newest attempt was given."""
        return self.home.places / f"{self.id}.json"

    @property
    def job(self) -> Path:
        """Which Slurm job the run was given to, if it ever was."""
        return self.path / "job.json"

    @property
    def job_script(self) -> Path:
        """What Slurm was given to run."""
        return self.path / "job.sh"

    @property
    def scores(self) -> Path:
        """The newest whole score card (`etlgan score`)."""
        return self.path / "scores.json"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def profile(self) -> Path:
        """trace.json and summary.txt of `train.profile`."""
        return self.path / "profile"

    @property
    def samples(self) -> Path:
        return self.path / "samples"

    @property
    def grid(self) -> Path:
        return self.path / "grid.png"

    @property
    def traversal(self) -> Path:
        return self.path / "traversal.png"

    @property
    def losses(self) -> Path:
        return self.path / "losses.png"

    @property
    def progress(self) -> Path:
        return self.path / "progress.gif"

    @property
    def kept(self) -> Path:
        """Pictures that a person liked, from the playground."""
        return self.path / "kept"

    def inside(self, name: str) -> Path | None:
        """The path of a name that an event gives, which may say anything; None for one that leads out of the run."""
        try:
            path = (self.path / name).resolve()
        except ValueError:  # a NUL, half a surrogate pair
            return None
        return path if path.is_relative_to(self.path.resolve()) else None

    def kept_picture(self, step: int, number: int) -> Path:
        return self.kept / f"{step:08d}-{number:04d}.png"

    def checkpoint(self, step: int) -> Path:
        return self.checkpoints / f"{step:08d}.safetensors"

    def checkpoint_files(self) -> list[Path]:
        """The .safetensors files that are there, oldest first; one that is whole has a JSON beside it."""
        return sorted(self.checkpoints.glob("*.safetensors"))

    def sample(self, step: int, kind: str = "grid") -> Path:
        return self.samples / (f"{step:08d}.png" if kind == "grid" else f"{step:08d}-{kind}.png")


def expanded(path: str | Path) -> Path:
    """`~/x` and `~user/x` as a shell reads them. No such user: ConfigError."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ConfigError(f"{path}: there is no such user") from None


def cache_root() -> Path:
    """Prepared glyphs and the like: ETLGAN_CACHE, else the user's cache folder. Everything in it can be made again."""
    base = os.environ.get("ETLGAN_CACHE")
    if base:
        return expanded(base).resolve()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "etlgan"


def config_root() -> Path:
    """What the user says about all runs (`etlgan.toml`): ETLGAN_CONFIG, else the user's own folder of settings.

    Never the home of the runs: a folder that came from elsewhere must not bring a command along.
    """
    base = os.environ.get("ETLGAN_CONFIG")
    if base:
        return expanded(base).resolve()
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "etlgan"


def write_atomic(path: Path, content: bytes) -> None:
    """All or nothing, also across a power cut: temporary file, fsync, rename, fsync of the folder.

    OSError names `path`, which the user knows, not the temporary file.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Names in it are on the disk when this returns."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def append_line(path: Path, line: bytes) -> None:
    """The whole line or, on a full disk, nothing of it: the next one must not be glued to a torn one. OSError."""
    with path.open("ab", buffering=0) as file:
        size = file.tell()
        if file.write(line) != len(line):  # the disk took a part
            file.truncate(size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def cut_torn_line(path: Path) -> None:
    """Who died while appending leaves half a line; the next one must not be glued to it."""
    with contextlib.suppress(FileNotFoundError), path.open("r+b") as file:
        size = end = file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - (1 << 16))
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end < size:
            file.truncate(end)


def write_json(path: Path, tree: Any) -> None:
    """`write_atomic` of readable JSON."""
    write_atomic(path, (json.dumps(tree, indent=2, ensure_ascii=False) + "\n").encode())


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file; {} when the file is missing, damaged, or holds something else."""
    try:
        tree = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return tree if isinstance(tree, dict) else {}


def read_known(path: Path, usual: dict[str, Any]) -> dict[str, Any]:
    """Of the JSON object in a file what is as named and of the type of its usual value (None: an object)."""
    tree = read_json(path)
    return {name: tree[name] for name, default in usual.items() if _same_type(tree.get(name), default)}


def _same_type(value: Any, default: Any) -> bool:
    if default is None:
        return isinstance(value, dict)
    if isinstance(default, bool):
        return isinstance(value, bool)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number if isinstance(default, float) else isinstance(value, type(default)) and not isinstance(value, bool)
