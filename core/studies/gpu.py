"""python -P -m core.studies.gpu FOLDER [PART ...]: everything that wants a GPU, with core's own needs alone.

Speeds of every recipe and size with their share of the machine's ceilings, cost by batch, size, classes and resolution,
captured and compiled against eager updates, exports; then 46 hiragana to the quality table's row, timed from the
command and judged, and the whole table at size S.
Writes FOLDER/gpu.json, a record as `etlgan bench figures` reads it, after each part, so that what is done is kept when
the machine is taken away.
"""

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core import presets
from core.studies import export_speed, plans, promises, records, scaling, throughput, trial

ROUNDS = 5
EXPORTED = 200_000  # images of one timing
COMPILED = {"train.compile": "on"}


def main(folder: Path, names: Sequence[str] = ()) -> None:
    """All parts, the cheap ones first, or those that are named."""
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    if not torch.cuda.is_available():
        print("no CUDA device: the figures below are of the CPU", flush=True)
    found: dict[str, Any] = {}
    for name, part in PARTS.items():
        if names and name not in names:
            continue
        print(f"--- {name}", flush=True)
        start = time.monotonic()
        try:
            found[name] = part(folder)
        except Exception as error:  # one part that fails must not cost the others
            found[name] = {"failed": f"{type(error).__name__}: {error}"}
        print(json.dumps(found[name], indent=1), f"{time.monotonic() - start:.0f} s", flush=True)
        records.record(folder / "gpu.json", found)
    for line in promises.lines(found):
        kept = "" if not line.promised else "; kept" if line.kept else "; NOT KEPT"
        print(f"{line.what}: {line.measured}   {line.promised}{kept}", flush=True)


def _speeds(_folder: Path) -> dict[str, Any]:
    measured = throughput.measure(rounds=ROUNDS, progress=lambda name, rate: print(f"{name}: {rate:,.0f}", flush=True))
    return {
        "resolved": measured.resolved._asdict(),
        "ceilings": measured.ceilings._asdict(),
        "speeds": [speed._asdict() for speed in measured.speeds],
    }


def _graphs(_folder: Path) -> dict[str, Any]:
    """How far weights are from those of eager updates after 30 of them in fp32, in parts of the largest weight.

    Eager updates repeated are the control: kernels add up in any order, and differences grow.
    """
    import numpy as np
    import torch

    from core.gan.device import Resolved

    device = "cuda:0" if torch.cuda.is_available() else "cpu"
    images = np.random.default_rng(0).integers(0, 256, (200, 32, 32)).astype(np.uint8)
    eager: dict[str, Any] = {"train.graphs": False, "train.compile": "off"}
    ways: dict[str, dict[str, Any]] = {
        "eager": eager,
        "eager again": eager,
        "captured": {"train.compile": "off"},
        "compiled": COMPILED,
    }
    made = {}
    for way, changes in ways.items():
        each = throughput.engine(changes, images, np.arange(200) % 10, 10, Resolved(device, "fp32", 1))
        each.advance(0, 30)
        made[way] = torch.cat([weight.detach().flatten() for net in each.nets for weight in net.parameters()])
    largest = float(made["eager"].abs().max())
    return {way: float((made[way] - made["eager"]).abs().max()) / largest for way in ways}


def _scaling(_folder: Path) -> list[dict[str, Any]]:
    return [point._asdict() for point in scaling.measure(lambda name: print(name, flush=True))]


def _export(folder: Path) -> list[dict[str, Any]]:
    """Drawing, encoding and writing of 46 hiragana by a generator that has hardly learnt, which takes as long."""
    changes = {"train.steps": 30, "data.per_char": 40, "data.held_out": 20, "train.score_every": 0}
    run = trial.laid_out(folder / "runs" / "export", presets.resolve("hiragana", changes))
    trial.trained(run)
    told = export_speed.measure(
        run, images=EXPORTED, rounds=1, formats=("idx", "npz", "webdataset"), progress=lambda *_: None
    )
    return [speed._asdict() for speed in told]


def _quality(folder: Path) -> dict[str, Any]:
    """46 hiragana by the trainer itself, judged by the whole card."""
    run = trial.laid_out(folder / "runs" / "hiragana-46", presets.resolve("hiragana"))
    seconds = trial.trained(run)
    return {"seconds_from_command": seconds, "card": trial.judged(run)}


def _table(folder: Path) -> dict[str, Any]:
    """The quality table at size S, all its runs at once; the rows of MNIST and KMNIST where the environment names their
    folders (MNIST, KMNIST).
    """
    sources = {name.lower(): os.environ[name] for name in ("MNIST", "KMNIST") if os.environ.get(name)}
    cells = plans.quality(sources, size="s")
    return trial.side_by_side(folder, {f"{cell.row} seed {cell.config.seed}": cell.config for cell in cells})


PARTS = {
    "train": _speeds,
    "graphs": _graphs,
    "scaling": _scaling,
    "gpu-export": _export,
    "gpu-46": _quality,
    "gpu-table": _table,
}

if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
