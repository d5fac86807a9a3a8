"""Every screen as SVG, at fixed times with fixed data. After looking at a change: `pytest --snapshot-update`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from core import presets
from core.rundir import Home
from etlgan_tui import settings
from etlgan_tui.screens.compare import CompareScreen
from etlgan_tui.screens.new import NewScreen
from etlgan_tui.screens.run import RunScreen
from etlgan_tui.screens.runs import RunsScreen
from etlgan_tui.widgets.preview import Preview
from etlgan_tui.widgets.run_table import RunTable
from tui.conftest import TestApp, held, make_run, swept, use
from tui.waiting import until

SMALL, LARGE, TINY = (80, 24), (120, 40), (40, 12)
Snap = Callable[..., bool]
Before = Callable[[Pilot[None]], Awaitable[None]]


class Still(TestApp):
    """Ticks only until everything has been read, so that no picture is taken half way."""

    HOME_NAME = "~/characters"

    def _dress(self, screen: Any) -> None:
        super()._dress(screen)
        from etlgan_tui.widgets.bar import TopBar

        for bar in screen.query(TopBar):
            bar.where = f"etlgan  {self.HOME_NAME}"


@pytest.fixture(autouse=True)
def _steady_presets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tuning a preset must not change these pictures."""
    row = presets.PRESETS["hiragana-a-ka"]
    steady = row._replace(seconds=300, changes={**row.changes, "train.steps": 1000, "train.batch_size": 128})
    monkeypatch.setattr(presets, "PRESETS", {"hiragana-a-ka": steady})


@pytest.fixture
def snap(home: Home, snap_compare: Snap, capsys: pytest.CaptureFixture[str]) -> Callable[..., None]:  # noqa: ARG001
    """Compare the screen after some keys."""

    def compare(
        before: Before, *, size: tuple[int, int] = LARGE, theme: str = "etlgan", keys: tuple[str, ...] = ()
    ) -> None:
        settings.save(settings.Settings(theme=theme, pictures="braille"))

        async def settle(pilot: Pilot[None]) -> None:
            await before(pilot)
            await pilot.press(*keys)
            for line in pilot.app.screen.query(Input):
                line.cursor_blink = False  # else the picture depends on the moment
            await until(pilot, lambda: getattr(pilot.app, "machine", ""))
            await until(pilot, lambda: _settled(pilot.app.screen))
            await asyncio.sleep(0.2)
            await pilot.wait_for_scheduled_animations()
            await pilot.pause()

        assert snap_compare(Still(home), run_before=settle, terminal_size=size)

    return compare


def _settled(screen: object) -> bool:
    """Whether everything that is read in the background is on the screen."""
    if isinstance(screen, RunsScreen):
        selected = screen.query_one(RunTable).selected if screen.etlgan.settings.preview else ""
        preview = screen.query_one(Preview)
        return preview.shown == selected and (not selected or not preview.display or _laid_out(preview))
    if isinstance(screen, NewScreen):
        return any(" characters from " in str(hint.content) for hint in screen.query(".field-hint").results(Static))
    return True


def _laid_out(preview: Preview) -> bool:
    """Whether the samples, which push down what is below them, have got their room."""
    grid = preview.query_one("#glance-grid", Static)
    text = str(grid.content)
    return bool(text) and grid.size.height == len(text.split("\n"))


async def listed(pilot: Pilot[None]) -> None:
    await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen) and pilot.app.screen.synced)
    await until(pilot, lambda: _settled(pilot.app.screen))
    preview, before = pilot.app.screen.query_one(Preview), None
    while preview.virtual_size != before:  # it is laid out until nothing moves, also where a dialog will cover it
        before = preview.virtual_size
        await pilot.pause(0.15)


async def opened(pilot: Pilot[None]) -> None:
    await listed(pilot)
    await until(pilot, lambda: pilot.app.screen.query_one(RunTable).row_count)
    await pilot.press("enter")
    await until(
        pilot,
        lambda: isinstance(pilot.app.screen, RunScreen) and pilot.app.screen.shot and pilot.app.screen.shot.whole,
    )


def several(home: Home) -> None:
    usual = {"train.lr": 5e-4, "model.codes": 4}
    make_run(home, 1, name="first", tags=("baseline",), changes=usual)
    make_run(home, 2, name="ゆっくり", changes={"train.lr": 1e-4, "model.codes": 2}, note="a smaller step")
    make_run(
        home,
        3,
        name="[b]odd[/b]",
        changes=usual,
        reached=250,
        ended="failed",
        message="the loss is not finite at step 250",
    )
    make_run(home, 4, name="power cut", changes=usual, reached=120, ended="")
    make_run(home, 5, name="stopped early", changes=usual, reached=300, ended="stopped")


@pytest.mark.parametrize(("size", "theme"), [(SMALL, "etlgan"), (LARGE, "etlgan-light")], ids=str)
def test_runs_of_an_empty_home(snap: Callable[..., None], size: tuple[int, int], theme: str) -> None:
    snap(listed, size=size, theme=theme)


@pytest.mark.parametrize("size", [LARGE, SMALL, TINY], ids=str)
def test_runs(home: Home, snap: Callable[..., None], size: tuple[int, int]) -> None:
    several(home)
    snap(listed, size=size)


def test_runs_of_which_one_is_live(home: Home, snap: Callable[..., None]) -> None:
    several(home)
    run = make_run(home, 6, name="running", reached=250, ended="")
    with held(run):
        snap(listed, keys=("v",))


@pytest.mark.parametrize(
    ("size", "theme", "keys"),
    [(LARGE, "etlgan", ()), (SMALL, "etlgan-light", ("down", "down", "f", "space"))],
    ids=["open", "folded"],
)
def test_sweeps_and_families(
    home: Home, snap: Callable[..., None], size: tuple[int, int], theme: str, keys: tuple[str, ...]
) -> None:
    swept(home)
    snap(listed, size=size, theme=theme, keys=keys)


def test_killing_is_asked_about(home: Home, snap: Callable[..., None]) -> None:
    with held(make_run(home, 1, name="stubborn", reached=250, ended="")):
        snap(listed, size=SMALL, keys=("K",))


@pytest.mark.parametrize("theme", ["etlgan-light", "etlgan-colour-blind-safe"])
def test_runs_in_other_themes(home: Home, snap: Callable[..., None], theme: str) -> None:
    several(home)
    snap(listed, theme=theme, keys=("down", "down", "down"))


@pytest.mark.parametrize("size", [LARGE, SMALL, TINY], ids=str)
def test_a_finished_run(home: Home, snap: Callable[..., None], size: tuple[int, int]) -> None:
    make_run(home, 1, name="あいうえお", tags=("best",))
    snap(opened, size=size)


def test_a_failed_run_in_the_light(home: Home, snap: Callable[..., None]) -> None:
    make_run(home, 1, name="failed", reached=250, ended="failed", message="the loss is not finite at step 250")
    snap(opened, theme="etlgan-light")


@pytest.mark.parametrize("size", [LARGE, SMALL], ids=str)
def test_a_running_run(home: Home, snap: Callable[..., None], size: tuple[int, int]) -> None:
    run = make_run(home, 1, name="running", reached=250, ended="")
    with held(run):
        snap(opened, size=size)


def test_a_run_that_prepares_its_data(home: Home, snap: Callable[..., None]) -> None:
    run = make_run(home, 1, name="just started", reached=0, ended="")
    run.events.write_bytes(b"")
    run.console.write_text("preparing hiragana from penman\nprepared 8,100 of 9,000 images\n")
    with held(run):
        snap(opened, size=SMALL)


def test_a_failed_run(home: Home, snap: Callable[..., None]) -> None:
    make_run(home, 1, name="failed", reached=250, ended="failed", message="the loss is not finite at step 250")
    snap(opened, size=SMALL)


@pytest.mark.parametrize("gpu", [True, False])
def test_what_a_run_takes_of_the_machine(home: Home, snap: Callable[..., None], gpu: bool) -> None:
    use(make_run(home, 1), gpu=gpu)
    snap(opened, keys=("5",), size=LARGE if gpu else SMALL, theme="etlgan" if gpu else "etlgan-light")


def test_scrubbed_zoomed_and_logarithmic(home: Home, snap: Callable[..., None]) -> None:
    make_run(home, 1)
    snap(opened, keys=("plus", "left_square_bracket", "l"))


@pytest.mark.parametrize("tab", ["2", "3", "4"])
def test_the_other_tabs_of_a_run(home: Home, snap: Callable[..., None], tab: str) -> None:
    make_run(home, 1)
    snap(opened, size=SMALL, keys=(tab,))


async def formed(pilot: Pilot[None]) -> None:
    await listed(pilot)
    await pilot.press("n")
    await until(pilot, lambda: isinstance(pilot.app.screen, NewScreen) and pilot.app.screen.is_mounted)


@pytest.mark.parametrize(("size", "theme"), [(SMALL, "etlgan"), (TINY, "etlgan-light")], ids=["small", "tiny"])
def test_the_form_as_it_opens(snap: Callable[..., None], size: tuple[int, int], theme: str) -> None:
    snap(formed, size=size, theme=theme)


@pytest.mark.parametrize(
    ("size", "theme"), [(LARGE, "etlgan"), (SMALL, "etlgan"), (SMALL, "etlgan-light")], ids=["large", "small", "light"]
)
def test_the_form_with_an_error(snap: Callable[..., None], size: tuple[int, int], theme: str) -> None:
    async def filled(pilot: Pilot[None]) -> None:
        await formed(pilot)
        await pilot.press(*["tab"] * 7, "0", "x")

    snap(filled, size=size, theme=theme)


@pytest.mark.parametrize(
    ("tab", "size", "theme"),
    [
        ("1", SMALL, "etlgan-light"),
        ("1", LARGE, "etlgan"),
        ("2", LARGE, "etlgan"),
        ("2", SMALL, "etlgan"),
        ("3", LARGE, "etlgan"),
        ("3", SMALL, "etlgan-light"),
    ],
    ids=["curves", "curves large", "samples", "samples small", "differences", "differences small"],
)
def test_comparison(home: Home, snap: Callable[..., None], tab: str, size: tuple[int, int], theme: str) -> None:
    several(home)

    async def compared(pilot: Pilot[None]) -> None:
        await listed(pilot)
        await pilot.press("space", "down", "space", "space", "c")
        await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen) and pilot.app.screen._shots)
        await pilot.press(tab)

    snap(compared, size=size, theme=theme)


def test_a_line_asked_for_and_what_is_wrong_with_it(home: Home, snap: Callable[..., None]) -> None:
    make_run(home, 1, name="old")
    snap(listed, size=SMALL, keys=("R", *["backspace"] * 3, "l", "a", "s", "t"))


def test_help(home: Home, snap: Callable[..., None]) -> None:
    make_run(home, 1)
    snap(listed, keys=("question_mark",))
