"""What a run will take, guessed before it starts and without torch: time from its preset's, memory by counting."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from core.runs import disk
from core.settings import RunConfig

MACHINE = "2 CPU cores with AVX-512, two to three times as long without"


class Net(NamedTuple):
    """Cost of the pair G and D of one size, one image."""

    gflop: float  # of one forward pass
    parameters: float  # millions
    activations: float  # thousands of values that one forward pass keeps


class Estimate(NamedTuple):
    """A guess, good to a factor of two or so."""

    images_seen: int
    seconds: float  # first step to last, on such a machine as MACHINE says
    memory: float  # bytes of the trainer process
    disk: float = 0.0  # bytes that the run directory will take


# Counted with torch's FlopCounterMode and forward hooks over the networks of core/gan/model.py.
# fmt: off
NETS = {  #         GFLOP   M par  k act
    ("xs", 32): Net(0.046,  1.000, 88),
    ("s",  32): Net(0.164,  1.797, 170),
    ("m",  32): Net(0.651,  5.985, 338),
    ("l",  32): Net(0.651,  5.985, 338),
    ("xl", 32): Net(1.460, 12.57,  507),
    ("xs", 64): Net(0.084,  1.021, 255),
    ("s",  64): Net(0.311,  1.873, 501),
    ("m",  64): Net(1.234,  6.272, 997),
    ("l",  64): Net(0.938,  6.202, 734),
    ("xl", 64): Net(2.105, 13.05,  1100),
}
# fmt: on

_REFERENCE = "hiragana-a-ka"
_PROCESS = 330e6  # Python with torch, before any tensor
_COPIES = 4.5  # of every weight, fp32: value, gradient, Adam's two moments; G's moving average as well
_PASSES = 3  # activations are kept of G and of D on real and on generated images, and backward holds as many again
_EMBEDDED_PER_CLASS = 64 + 128 + 128  # weights that every further class adds: G's, D's and Q's row
_CLASSES_COUNTED = 10  # in the table above
# Measured on runs of preset digits:
_SAVED = 14.1  # bytes of a checkpoint for each weight: its value, Adam's two moments, G's moving average
_PIXEL = 0.25  # bytes of a PNG for each pixel of generated characters
_REPORT = 600.0  # bytes of events and of what the machine did, each report
_CORES = 2
_DRAWN, _COLUMNS = 60, 10  # rows and columns of a picture, at most


def estimate(config: RunConfig, *, classes: int) -> Estimate:
    """The rate of the run's preset (else of the reference preset), scaled by the arithmetic a step takes."""
    from core import presets

    name = config.preset if config.preset in presets.PRESETS else _REFERENCE
    usual = presets.resolve(name)
    seconds = presets.PRESETS[name].seconds * _work(config) / _work(usual)
    return Estimate(_images(config), seconds, _memory(config, classes), _disk(config, classes))


def preparing(config: RunConfig, *, classes: int) -> float:
    """Seconds before the first step, to draw embedded handwriting that is not in the cache yet; 0 of other sources."""
    from core.glyphs import sources

    look = sources.look_of(config.data)
    return _glyphs(config, classes) * sources.SECONDS[look] / _CORES if look else 0.0


def disk_warning(config: RunConfig, *, classes: int, folder: Path, runs: int = 1) -> str:
    """A line where the disk of `folder` will not hold what runs like this write, else ""."""
    room, there = disk.free(folder), estimate(config, classes=classes).disk * runs
    if room is None or there + disk.LOW_BYTES <= room:
        return ""
    needs = f"{there / 1e6:,.0f} MB of checkpoints and pictures are to come" + (f" ({runs:,} runs)" if runs > 1 else "")
    return f"{needs}, and {room / 1e6:,.0f} MB are free on the disk of {folder}; `etlgan gc` makes room"


def _net(config: RunConfig) -> Net:
    return NETS[config.model.size, config.data.size]


def _images(config: RunConfig) -> int:
    return config.train.steps * _batch(config)


def _batch(config: RunConfig) -> int:
    """Chosen by the trainer where the configuration leaves it open: a CPU's, as all that is estimated here."""
    return config.train.batch_size or 64


def _work(config: RunConfig) -> float:
    return _images(config) * _net(config).gflop


def _glyphs(config: RunConfig, classes: int) -> int:
    """Images, held out ones too."""
    return classes * (config.data.per_char + config.data.held_out)


def _memory(config: RunConfig, classes: int) -> float:
    """Process + glyphs (one byte a pixel) + weights + activations of one batch (fp32)."""
    net = _net(config)
    glyphs = _glyphs(config, classes) * config.data.size**2
    weights = net.parameters * 1e6 + (classes - _CLASSES_COUNTED) * _EMBEDDED_PER_CLASS
    activations = _batch(config) * net.activations * 1e3 * _PASSES
    return _PROCESS + glyphs + 4 * (weights * _COPIES + activations)


def _disk(config: RunConfig, classes: int) -> float:
    """Checkpoints at their most (the kept ones, the best, one being written), every picture, every report."""
    train = config.train
    saved = min(train.keep + 2, 1 + train.steps // train.save_every)
    weights = _net(config).parameters * 1e6 + (classes - _CLASSES_COUNTED) * _EMBEDDED_PER_CLASS
    pixels = min(classes, _DRAWN) * _COLUMNS * config.data.size**2 * (1 + config.model.codes)
    pictures = (1 + train.steps // train.sample_every) * pixels * _PIXEL
    return saved * weights * _SAVED + pictures + train.steps / train.report_every * _REPORT
