"""The figures that are promised, looked up in what the benchmarks said."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

TOGETHER = "two in one run / two side by side"  # figures of `etlgan bench devices`
OVERHEAD = "one process through all of it: more CPU time"
Figures = Mapping[str, Any]  # by kind: what `etlgan bench KIND --json` said


class Promise(NamedTuple):
    """One line of the table."""

    what: str
    unit: str  # x, s, images/s, or % (values are shares)
    value: Callable[[Figures], float | None]  # None: the benchmark said nothing of it
    low: float | None = None  # at least, at most
    high: float | None = None


class Line(NamedTuple):
    """The same, measured."""

    what: str
    measured: str
    promised: str
    kept: bool


def _speed(case: str, field: str) -> Callable[[Figures], float | None]:
    def found(figures: Figures) -> float | None:
        return next((each[field] for each in figures["train"]["speeds"] if each["name"] == case), None)

    return found


def _command(name: str) -> Callable[[Figures], float | None]:
    return lambda figures: next((each["median"] for each in figures["cli"] if each["name"].startswith(name)), None)


def _device(name: str) -> Callable[[Figures], float | None]:
    return lambda figures: next((f["median"] for f in figures["devices"]["figures"] if f["name"] == name), None)


def _classic(precision: str) -> Callable[[Figures], float | None]:
    def found(figures: Figures) -> float | None:
        resolved = figures["train"]["resolved"]
        alike = resolved["device"] == "cpu" and resolved["precision"] == precision
        return _speed("classic, batch 64", "ratio")(figures) if alike else None

    return found


def _soon(kind: str, field: str) -> Callable[[Figures], float | None]:
    """What was not reached takes for ever, and is not sooner than anything. None: classic was not tried."""

    def found(figures: Figures) -> float | None:
        summary = figures[kind]["summary"]
        if summary[field] is not None:
            return float(summary[field])
        if field != "sooner_than_classic":
            return math.inf
        return 0.0 if summary["median"] is None else None

    return found


# fmt: off
PROMISES = (
    Promise("classic, batch 64, against the public script, CPU with bf16", "x", _classic("bf16"), low=6.0),
    Promise("classic, batch 64, against the public script, CPU without", "x", _classic("fp32"), low=3.5),
    Promise("10 hiragana read 95 % right: training, slowest", "s", _soon("quality-10", "highest"), high=90),
    Promise("  from the command, judging included, slowest seed", "s", _soon("quality-10", "wall")),
    Promise("  sooner than classic with labels added", "x", _soon("quality-10", "sooner_than_classic"), low=10),
    Promise("46 hiragana, as real ones less 1 point: training", "s", _soon("quality-46", "highest"), high=480),
    Promise("  from the command, judging included", "s", _soon("quality-46", "wall")),
    Promise("command to first update, glyphs in the cache", "s", lambda f: f["overhead"]["start"]["median"], high=4),
    Promise("events, pictures, checkpoints, scores", "%", lambda f: f["overhead"]["whole"], high=0.03),
    Promise("one run on two devices, of two runs side by side", "%", _device(TOGETHER), low=0.85),
    Promise("one device through all of the spreading", "%", _device(OVERHEAD), high=0.02),
    Promise("etlgan --help", "s", _command("etlgan --help"), high=0.150),
    Promise("etlgan ls, 1,000 runs", "s", _command("etlgan ls"), high=0.400),
    Promise("classic, batch 1024, GPU", "images/s", _speed("classic, batch 1024", "median"), low=300_000),
    Promise("  against the public script at its batch of 64, GPU", "x", _speed("classic, batch 1024", "ratio"), low=30),
    Promise("  against the public script at batch 1024, GPU", "x", lambda f: _equal_batch(f)),
    Promise("etl s, batch 1024, GPU", "images/s", _speed("etl s, batch 1024", "median"), low=160_000),
    Promise("etl m, batch 1024, GPU", "images/s", _speed("etl m, batch 1024", "median"), low=40_000),
    Promise("etl l, 64 px, batch 512, GPU", "images/s", _speed("etl l, 64 px, batch 512", "median"), low=30_000),
    Promise("export to shards, the fastest format, GPU", "images/s", lambda f: max(each["median"] for each in f["gpu-export"]), low=100_000),
    Promise("46 hiragana to the quality table's row, GPU", "s", lambda f: f["gpu-46"]["seconds_from_command"], high=180),
)
# fmt: on


def _equal_batch(figures: Figures) -> float | None:
    ours, theirs = (_speed(name, "median")(figures) for name in ("classic, batch 1024", "public script, batch 1024"))
    return ours / theirs if ours and theirs else None


def lines(figures: Figures) -> list[Line]:
    """Every promise that the benchmarks said something of."""
    found = []
    for promise in PROMISES:
        try:
            value = promise.value(figures)
        except (KeyError, TypeError):  # another kind of benchmark, or one that failed
            continue
        if value is not None:
            kept = (promise.low is None or value >= promise.low) and (promise.high is None or value <= promise.high)
            found.append(Line(promise.what, _written(value, promise.unit), _goal(promise), kept))
    return found


def _goal(promise: Promise) -> str:
    if promise.low is not None:
        return f"at least {_written(promise.low, promise.unit)}"
    return "" if promise.high is None else f"at most {_written(promise.high, promise.unit)}"


def _written(value: float, unit: str) -> str:
    if math.isinf(value):
        return "not reached"
    if unit == "%":
        return f"{100 * value:.1f} %"
    if unit == "x":
        return f"{value:.1f}x"
    return f"{value:,.0f} {unit}" if value >= 20 else f"{value:.2f} {unit}"
