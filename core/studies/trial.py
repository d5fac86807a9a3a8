"""python -P -m core.studies.trial RUN_DIR: one run trained and judged by the whole card, without the run manager.

For a machine that has core's own needs alone; several may go side by side. Prints one JSON object on its last line.
"""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core import config as configs
from core.history import curves
from core.rundir import RunDir
from core.settings import RunConfig


def laid_out(folder: Path, config: RunConfig) -> RunDir:
    """The folder of a run that is to be trained."""
    run = RunDir(folder.resolve())
    for each in (run.path, run.checkpoints, run.samples):
        each.mkdir(parents=True, exist_ok=True)
    run.config.write_bytes(configs.encode(config))
    return run


def trained(run: RunDir) -> float:
    """Seconds from the command to the last picture. A run that fails: CalledProcessError."""
    start = time.monotonic()
    command = [sys.executable, "-P", "-m", "core.trainer", str(run.path)]
    subprocess.run(command, check=True, stdout=sys.stderr)
    return time.monotonic() - start


def judged(run: RunDir) -> dict[str, Any]:
    """The columns of its card."""
    from core.judge import whole

    columns = whole.record(whole.score_run(run, checkpoint="last"))["columns"]
    assert isinstance(columns, dict)
    return columns


def side_by_side(folder: Path, configs_by_name: Mapping[str, RunConfig]) -> dict[str, dict[str, Any]]:
    """All at once, a process each, their output in FOLDER/NAME.log: what each said, or how it failed."""
    processes = {}
    for name, config in configs_by_name.items():
        run = laid_out(folder / "runs" / name.replace(" ", "-"), config)
        with (folder / f"{run.path.name}.log").open("w") as log:
            command = [sys.executable, "-P", "-m", "core.studies.trial", str(run.path)]
            processes[name] = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    found = {}
    for name, process in processes.items():
        told, _ = process.communicate()
        found[name] = json.loads(told.splitlines()[-1]) if process.returncode == 0 else {"failed": process.returncode}
    return found


def main(path: Path) -> None:
    run = RunDir(path)
    seconds = trained(run)
    training = curves(run.events).seconds
    print(
        json.dumps(
            {
                "seconds_from_command": seconds,
                "seconds_of_training": training[-1] if training else 0.0,
                "card": judged(run),
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
