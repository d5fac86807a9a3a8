"""The machine at a glance, with a driver that is not there, one that answers, and one that ceases to."""

import sys
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from core.rundir import Home
from etlgan_tui import system
from etlgan_tui.screens.run import RunScreen
from etlgan_tui.screens.runs import RunsScreen
from etlgan_tui.system import Meter
from etlgan_tui.widgets.bar import TopBar
from etlgan_tui.widgets.chart import Chart
from tui.conftest import TestApp, make_run, use
from tui.waiting import on, until

GIB = 1 << 30


class NVMLError(Exception):
    """As pynvml's."""


def driver(*, busy: Callable[[int], int], lost: Callable[[], bool] = lambda: False) -> Any:
    """Two devices; `busy` of each in per cent, or NVMLError."""

    def count() -> int:
        if lost():
            raise NVMLError("GPU is lost")
        return 2

    return SimpleNamespace(
        NVMLError=NVMLError,
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=count,
        nvmlDeviceGetHandleByIndex=lambda number: number,
        nvmlDeviceGetMemoryInfo=lambda number: SimpleNamespace(used=(number + 1) * 11 * GIB, total=80 * GIB),
        nvmlDeviceGetUtilizationRates=lambda number: SimpleNamespace(gpu=busy(number)),
    )


def half(number: int) -> int:
    """The second is a slice of a GPU, which does not tell."""
    if number:
        raise NVMLError("not supported")
    return 97


def test_the_gpus_of_a_driver_are_told(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", driver(busy=half))
    told = system.line(Meter(home.root).read())
    assert told.startswith("GPU0 97 % 11/80 GiB   GPU1 22/80 GiB   CPU ")
    assert "GiB free" in told


def test_a_driver_that_is_not_there_or_goes_away_is_not_spoken_of(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = list[bool]()
    monkeypatch.setitem(sys.modules, "pynvml", driver(busy=half, lost=lambda: bool(gone)))
    meter = Meter(home.root / "not" / "made" / "yet")
    assert len(meter.read().gpus) == 2
    gone.append(True)
    assert meter.read().gpus == ()

    def missing() -> None:
        raise NVMLError("library not found")

    monkeypatch.setitem(sys.modules, "pynvml", SimpleNamespace(NVMLError=NVMLError, nvmlInit=missing))
    assert system.line(Meter(home.root).read()).startswith("CPU ")


@pytest.mark.asyncio
async def test_a_gpu_is_in_the_top_line_and_in_the_charts_of_a_run(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", driver(busy=half))
    run = make_run(home, 1)
    use(run, gpu=True)
    app = TestApp(home)
    app._meter = Meter(home.root)
    async with app.run_test(size=(120, 40)) as pilot:
        await on(pilot, RunsScreen)
        await until(pilot, lambda: "GPU0 97 %" in app.screen.query_one(TopBar).machine)
        app.push_screen(RunScreen(run))
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen.shot is not None)
        await pilot.press("5")
        charts = {name: app.screen.query_one(f"#{name}", Chart) for name in ("load", "memory")}
        await until(pilot, lambda: all(chart.series for chart in charts.values()))
        assert [curve.name for curve in charts["load"].series] == ["CPU, of one core", "GPU"]
        assert [curve.name for curve in charts["memory"].series] == ["this run", "GPU, all programs"]
        assert charts["load"].series[1].value.values.max() > 90  # per cent
        assert charts["memory"].series[1].value.values[-1] == pytest.approx(11)  # GiB


def test_the_load_is_told_whichever_thread_looks(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    class Times(NamedTuple):
        user: float
        idle: float

    looks = iter([Times(10, 90), Times(40, 100), Times(40, 100)])
    monkeypatch.setattr("psutil.cpu_times", lambda: next(looks))
    meter = system.Meter(home.root)
    busy = []
    for _ in range(3):
        thread = threading.Thread(target=lambda: busy.append(meter.read().cpu))
        thread.start()
        thread.join()
    assert busy == [0, 75, 0], "30 of 40 seconds, by another thread; then no time has passed"
