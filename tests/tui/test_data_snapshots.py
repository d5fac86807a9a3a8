"""The data screens as SVG. After looking at a change: `pytest --snapshot-update`."""

from collections.abc import Callable

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from etlgan_tui import settings
from etlgan_tui.screens.data import DataScreen
from etlgan_tui.screens.source import SourceScreen
from tui.test_snapshots import LARGE, SMALL, TINY, listed, snap
from tui.waiting import on, until

__all__ = ["snap"]  # the fixture


async def data(pilot: Pilot[None]) -> None:
    """The sources, with one that has gone."""
    settings.save(settings.Settings(pictures="braille", sources=("/gone/ETL9G",)))
    pilot.app.settings = settings.load()  # type: ignore[attr-defined]
    await listed(pilot)
    await pilot.press("a")
    screen = await on(pilot, DataScreen)
    await until(pilot, lambda: screen.settled and "penman" in screen.samples)


async def inside(pilot: Pilot[None]) -> None:
    await data(pilot)
    await pilot.press("enter")
    screen = await on(pilot, SourceScreen)
    await until(pilot, lambda: screen.settled)


async def compared(pilot: Pilot[None]) -> None:
    """Before and after."""
    await inside(pilot)
    await pilot.press("b", "b")
    screen = await on(pilot, SourceScreen)
    await until(pilot, lambda: screen.settled and screen.look == "steps" and screen.page)


@pytest.mark.parametrize("size", [LARGE, SMALL], ids=str)
def test_sources(snap: Callable[..., None], size: tuple[int, int]) -> None:
    snap(data, size=size)


@pytest.mark.parametrize("size", [LARGE, SMALL, TINY], ids=str)
def test_a_source(snap: Callable[..., None], size: tuple[int, int]) -> None:
    snap(inside, size=size)


def test_sources_in_the_light(snap: Callable[..., None]) -> None:
    snap(data, theme="etlgan-light")


@pytest.mark.parametrize(("size", "theme"), [(SMALL, "etlgan"), (LARGE, "etlgan-light")], ids=["small", "light"])
def test_a_source_that_has_gone(snap: Callable[..., None], size: tuple[int, int], theme: str) -> None:
    async def failed(pilot: Pilot[None]) -> None:
        await data(pilot)
        await pilot.press("down", "enter")
        screen = await on(pilot, SourceScreen)
        heading = screen.query_one("#source-heading", Static)
        await until(pilot, lambda: str(heading.content).startswith("✗") and screen.focused)

    snap(failed, size=size, theme=theme)


def test_before_and_after(snap: Callable[..., None]) -> None:
    snap(compared)
