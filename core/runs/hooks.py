"""python -P -m core.runs.hooks RUN_DIR: the user's own command after a run has ended. Standard library at import.

`etlgan.toml` in the user's own settings folder (`config_root`) says which:

    on_finish = "notify-send etlgan '{name} {state}'"
    on_finish_seconds = 30

No shell: the line is cut into words first, and only then are {run}, {name}, {state} and {path} put in, so that
nothing in a name can become a word or a command. What fails is told in the run's console.log, and nowhere else.
"""

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

from core.rundir import RunDir, config_root

USUAL_SECONDS = 30.0
PLACEHOLDER = re.compile(r"\{(run|name|state|path)\}")


class Hook(NamedTuple):
    """What `etlgan.toml` says; no words: nothing."""

    words: tuple[str, ...] = ()
    seconds: float = USUAL_SECONDS
    problem: str = ""


def start(run: RunDir) -> None:
    """Set the command going where one is set; it is not waited for."""
    if not (config_root() / "etlgan.toml").is_file():
        return
    command = [sys.executable, "-P", "-m", "core.runs.hooks", str(run.path)]
    with contextlib.suppress(OSError), run.console.open("ab") as console:
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT, start_new_session=True
        )


def read() -> Hook:
    """The command of `etlgan.toml`, with what is wrong with it."""
    path = config_root() / "etlgan.toml"
    try:
        tree = tomllib.loads(path.read_text())
        words = tuple(shlex.split(str(tree.get("on_finish", ""))))
    except FileNotFoundError:
        return Hook()
    except (OSError, ValueError, RecursionError) as error:
        return Hook(problem=f"{path}: {error}")
    seconds = tree.get("on_finish_seconds", USUAL_SECONDS)
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 < seconds <= 3600:
        return Hook(problem=f"{path}: on_finish_seconds = {seconds!r}: must be a number of seconds up to 3600")
    return Hook(words, float(seconds))


def filled(words: tuple[str, ...], values: dict[str, str]) -> list[str]:
    """Each word with its placeholders replaced, once: a value that looks like one stays as it is."""
    return [PLACEHOLDER.sub(lambda match: values[match[1]], word) for word in words]


def main(path: Path) -> int:
    """Run the command, within its time."""
    from core.runs.meta import read_meta
    from core.runs.state import state_of

    run, hook = RunDir(path), read()
    if hook.problem:
        print(f"on_finish: {hook.problem}")
    if not hook.words:
        return 0
    values = {"run": run.id, "name": read_meta(run).name, "state": state_of(run).kind, "path": str(run.path)}
    command = filled(hook.words, values)
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    except (OSError, ValueError) as error:
        print(f"on_finish: {command[0]}: {getattr(error, 'strerror', None) or error}")
        return 1
    try:
        code = child.wait(hook.seconds)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        print(f"on_finish: {command[0]}: took longer than {hook.seconds:g} s and was killed")
        return 1
    if code:
        print(f"on_finish: {command[0]}: exit code {code}")
    return code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
