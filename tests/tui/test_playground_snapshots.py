# ruff: noqa: F811  (fixtures are named where they are used)
"""The playground as SVG, with a sampler that draws rings. After looking at a change: `pytest --snapshot-update`."""

from collections.abc import Callable

import pytest
from textual.pilot import Pilot

from core.rundir import Home
from etlgan_tui import sampling
from etlgan_tui.screens.playground import PlaygroundScreen
from etlgan_tui.screens.runs import RunsScreen
from etlgan_tui.widgets.typing_line import TypingLine
from tui.conftest import make_run
from tui.test_snapshots import LARGE, SMALL, TINY, snap  # noqa: F401  (snap is a fixture)
from tui.waiting import on, until

HANDS = ("a", "i", "k", "a", "ctrl+t", "down", "right", "right", "right")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "_MODULE", "fake_answering")


def playing(home: Home, keys: tuple[str, ...] = ()) -> Callable[..., object]:
    async def play(pilot: Pilot[None]) -> None:
        await on(pilot, RunsScreen)
        pilot.app.push_screen(PlaygroundScreen(home.run(make_run(home, 1, name="あいうえお").id), seed=7))
        screen = await on(pilot, PlaygroundScreen)
        screen.query_one(TypingLine).cursor_blink = False
        await until(pilot, lambda: screen.drawn or screen.problem)
        await pilot.press(*keys)
        await pilot.pause()
        await until(pilot, lambda: screen.problem or (screen.drawn and screen.drawn.asked is screen._asked))

    return play


@pytest.mark.parametrize("size", [LARGE, SMALL, TINY], ids=str)
def test_a_text_in_one_hand(home: Home, snap: Callable[..., None], size: tuple[int, int]) -> None:
    snap(playing(home, tuple("kakikukonn")), size=size)


@pytest.mark.parametrize(("size", "theme"), [(LARGE, "etlgan-light"), (SMALL, "etlgan")], ids=str)
def test_characters_in_many_hands(
    home: Home,
    snap: Callable[..., None],
    size: tuple[int, int],
    theme: str,
) -> None:
    snap(playing(home, HANDS), size=size, theme=theme)


def test_no_checkpoint(home: Home, snap: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_PROBLEM", "run x has no checkpoint yet; it writes one every train.save_every steps")
    snap(playing(home), size=SMALL)


def test_the_characters_of_a_run(home: Home, snap: Callable[..., None]) -> None:
    snap(playing(home, ("ctrl+l", "right", "enter")), size=SMALL)
