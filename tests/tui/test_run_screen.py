"""One run: curves, samples, log, and what happens when its files are damaged, torn, or gone."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from rich.style import Style
from textual.pilot import Pilot
from textual.widgets import Input, Static, TabbedContent

from core import events, presets
from core.events import Started, Step, Usage
from core.rundir import Home, RunDir
from core.runs import launcher
from etlgan_tui.screens.prompt import Prompt
from etlgan_tui.screens.run import RunScreen
from etlgan_tui.screens.runs import RunsScreen
from etlgan_tui.series import Column
from etlgan_tui.widgets.chart import Chart, Series
from etlgan_tui.widgets.keys import KeyBar
from etlgan_tui.widgets.log_view import LogView
from etlgan_tui.widgets.picture import Picture, TextPicture
from etlgan_tui.widgets.scrubber import Scrubber
from tui.conftest import NOW, TestApp, draw, make_run, use
from tui.waiting import on, toasts, until

pytestmark = pytest.mark.asyncio


async def opened(pilot: Pilot[None], run: RunDir) -> RunScreen:
    """The run's screen with its first read shown."""
    await on(pilot, RunsScreen)
    pilot.app.push_screen(RunScreen(run))
    screen = await on(pilot, RunScreen)
    await until(pilot, lambda: screen.shot is not None and screen.shot.whole)
    await pilot.pause()
    return screen


def heading(screen: RunScreen) -> str:
    return str(screen.query_one("#heading", Static).content)


def drawn(screen: RunScreen) -> list[str]:
    picture = screen.query_one(TextPicture)
    return ["".join(segment.text for segment in line) for line in picture._lines]


async def test_curves_samples_and_heading(home: Home) -> None:
    run = make_run(home, 1, name="あいう", tags=("best",))
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, run)
        assert "✓ finished" in heading(screen)
        assert "あいう" in heading(screen)
        assert "400/400" in heading(screen)
        assert len(screen.query_one("#losses", Chart).series[0].step) == 40
        lines = drawn(screen)
        assert [line[0] for line in lines[1::4]] == list("あいうえおかきくけこ")
        assert lines[1].startswith("あ ")


async def test_a_pinned_chart_takes_the_screen(home: Home) -> None:
    run = make_run(home, 1)
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, run)
        await pilot.press("z")
        chart = screen.query_one("#losses", Chart)
        await until(pilot, lambda: chart.size.height >= 20)
        assert chart.size.width == 80
        assert screen.query_one(KeyBar).region.y == 23
        await pilot.press("z")
        await until(pilot, lambda: chart.size.height < 12)
        await pilot.press("2", "z")
        await until(pilot, lambda: toasts(pilot))
        assert screen.maximized is None, "no chart on that tab"


@pytest.mark.parametrize("width", [30, 38, 60, 120])
async def test_every_curve_is_named_however_narrow(home: Home, width: int) -> None:
    del home
    values = Column()
    values.extend(np.array([0.33612, 0.33613]))
    steps = np.array([1.0, 2.0])
    chart = Chart("Q reads")
    chart.series = tuple(Series(name, steps, values) for name in ("real", "drawn"))
    chart._style = lambda _name: Style()  # type: ignore[assignment,method-assign]  # it is on no screen
    line = chart._legend(width).text
    assert len(line) == width
    assert all(name in line for name in ("Q reads", "real", "drawn"))
    assert ("0.3361" in line) == (width >= 60)
    assert (" 0.34" in line) == (width == 38)


async def test_scrubbing_moves_charts_and_picture_together(home: Home) -> None:
    run = make_run(home, 1)
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, run)
        newest = drawn(screen)
        await pilot.press("left_square_bracket")
        assert [chart.cursor for chart in screen.query(Chart)] == [300.0] * 6
        assert screen.query_one("#samples-title", Static).content == "grid, step 300"
        assert drawn(screen) != newest
        screen.query_one("#losses", Chart).post_message(Chart.Scrubbed(250.0))
        await until(pilot, lambda: screen.query_one(Scrubber).at == 200)
        await pilot.press("v")
        assert screen.query_one("#samples-title", Static).content == "traversal, step 200"
        await pilot.press("v", "f")
        assert drawn(screen) == newest


async def test_zoom_pan_log_smoothing_and_pin(home: Home) -> None:
    run = make_run(home, 1)
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, run)
        chart = screen.query_one("#losses", Chart)
        await pilot.press("plus", "plus")
        assert chart.view is not None
        low, high = chart.view
        assert high - low == pytest.approx(390 * 0.36)
        assert screen.query_one("#speed", Chart).view == chart.view
        await pilot.press("less_than_sign")
        assert chart.view[0] < low
        await pilot.press("0", "l", "m")
        assert chart.view is None
        assert chart.logarithmic
        await pilot.press("z")
        assert screen.maximized is chart
        await pilot.press("escape")
        assert screen.maximized is None
        assert pilot.app.screen is screen
        await pilot.press("escape")
        await on(pilot, RunsScreen)


async def test_the_console_is_searched_and_its_escapes_are_dead(home: Home) -> None:
    run = make_run(home, 1)
    hostile = b"\x1b[31mred\x1b[0m [bold]not bold[/]\x1b]0;title\x07\n10%\r50%\r100%\nnul\0l\n"
    half_a_kana = "かな".encode()[:-1]
    run.console.write_bytes(hostile + b"x" * 10_000_000 + b"\n" + half_a_kana + b"\nlast")
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, run)
        await pilot.press("2")
        log_view = screen.query_one(LogView)
        await until(pilot, lambda: log_view.lines)
        assert all(line.isprintable() and len(line) <= 2001 for line in log_view.lines)
        with run.console.open("ab") as log:
            log.write(b" line\n" + hostile)
        await until(pilot, lambda: "last line" in log_view.lines)
        assert list(log_view.lines)[-3:] == ["red [bold]not bold[/]", "100%", "null"]
        await pilot.press("slash")
        screen.query_one("#search", Input).value = "BOLD"
        await until(pilot, lambda: list(log_view._shown) == ["red [bold]not bold[/]"])
        await pilot.press("escape")
        assert len(log_view._shown) == len(log_view.lines)


async def test_follows_a_live_run_and_stops_it(home: Home) -> None:
    run = launcher.start(home, presets.resolve("hiragana-a-ka", {"train.steps": 100_000}), name="live")
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, run)
        await until(pilot, lambda: screen.shot is not None and len(screen.shot.step) > 20)
        assert "● running" in heading(screen)
        await pilot.press("s")
        await until(pilot, lambda: "■ stopped" in heading(screen))
        reached = screen.shot.step[-1] if screen.shot else 0
        await pilot.press("r")
        await until(pilot, lambda: screen.shot is not None and screen.shot.step[-1] > reached + 5)
        assert screen.shot is not None
        assert (np.diff(screen.shot.step) > 0).all()
        launcher.stop(run, kill_after=5)


async def test_a_finished_run_is_asked_how_much_further_to_go(home: Home) -> None:
    run = launcher.start(home, presets.resolve("hiragana-a-ka", {"train.steps": 30}), name="short")
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, run)
        await until(pilot, lambda: "✓ finished" in heading(screen))
        await pilot.press("r")
        prompt = await on(pilot, Prompt)
        answer = prompt.query_one(Input)
        assert answer.value == "60"
        for refused, why in (("30", "trained 30 steps already"), ("many", "train.steps")):
            answer.value = refused
            await until(pilot, lambda: why in str(prompt.query_one("#hint", Static).content))  # noqa: B023
            await pilot.press("enter")
            assert pilot.app.screen is prompt
        answer.value = "45"
        await pilot.press("enter")
        await until(pilot, lambda: "45/45" in heading(screen) and "✓ finished" in heading(screen))


async def test_a_trainer_that_dies_before_its_first_event(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_MODE", "early")
    run = launcher.start(home, presets.resolve("hiragana-a-ka"), name="early")
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, run)
        await until(pilot, lambda: "✗ failed (rc 1)" in heading(screen))
        assert "not started yet" in heading(screen)
        await until(pilot, lambda: "fake trainer: no data" in screen.query_one("#console-log", LogView).lines)


async def test_a_run_deleted_while_it_is_shown(home: Home) -> None:
    run = make_run(home, 1)
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, run)
        shutil.rmtree(run.path)
        await until(pilot, lambda: "? gone" in heading(screen))
        await until(pilot, lambda: any("has gone" in told for told in toasts(pilot)))
        assert len(screen.query_one("#losses", Chart).series[0].step) == 40
        await pilot.press("s")
        await until(pilot, lambda: any("not in" in told for told in toasts(pilot)))


async def test_a_torn_event_line_waits_for_its_rest_and_a_damaged_one_is_told(home: Home) -> None:
    run = make_run(home, 1, reached=200, ended="")
    line = events.encode(
        Step(step=210, time=1.0, seconds=1.0, images_per_s=1.0, d=1.0, g=None, info_cat=1.0, info_con=1.0, q_real=None,
             q_fake=1.0)
    )  # fmt: skip
    with run.events.open("ab") as log:
        log.write(b'{"event": nonsense}\n' + line[:30])
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, run)
        assert screen.shot is not None
        assert screen.shot.step[-1] == 200
        assert "not an event line" in heading(screen)
        with run.events.open("ab") as log:
            log.write(line[30:])
        await until(pilot, lambda: screen.shot is not None and screen.shot.step[-1] == 210)


async def test_a_half_written_picture_keeps_the_last_good_one(home: Home, tmp_path: Path) -> None:
    run = make_run(home, 1)
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, run)
        good = drawn(screen)
        draw(tmp_path / "next.png", phase=3.0)
        whole = (tmp_path / "next.png").read_bytes()
        run.sample(400).write_bytes(whole[: len(whole) // 2])
        await until(pilot, lambda: screen.query_one(Picture).problem)
        assert drawn(screen) == good
        run.sample(400).write_bytes(whole)
        await until(pilot, lambda: drawn(screen) != good)


async def test_a_picture_outside_the_run_is_not_opened(home: Home, tmp_path: Path) -> None:
    run = make_run(home, 1, reached=50, ended="")
    draw(tmp_path / "secret.png", phase=0.0)
    with run.events.open("ab") as log:
        log.write(
            events.encode(events.Sampled(step=50, time=1.0, path="../../../secret.png", kind="grid", rows=["あ"] * 10))
        )
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, run)
        assert drawn(screen) == []


async def test_pictures_cycle_with_one_key(home: Home) -> None:
    run = make_run(home, 1)
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, run)
        await pilot.press("p")
        await until(pilot, lambda: "▀" in "".join(drawn(screen)))
        await pilot.press("p")
        await until(pilot, lambda: "▀" not in "".join(drawn(screen)))


async def test_unreadable_events_are_told_in_one_line(home: Home) -> None:
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    run = make_run(home, 1)
    run.events.chmod(0)
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        await on(pilot, RunsScreen)
        pilot.app.push_screen(RunScreen(run))
        await until(pilot, lambda: any("cannot read" in told for told in toasts(pilot)))


async def test_a_resumed_attempt_leaves_no_seam(home: Home) -> None:
    run = make_run(home, 1, reached=200, ended="stopped")
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, run)
        with run.events.open("ab") as log:
            log.write(
                events.encode(
                    Started(step=100, time=1.0, attempt=2, device="cpu", precision="fp32", threads=1, batch_size=2,
                            classes=10, steps=400, data="x")
                )
            )  # fmt: skip
        await until(pilot, lambda: screen.shot is not None and screen.shot.step[-1] == 100)
        assert screen.query_one("#losses", Chart).series[0].step[-1] == 100


async def test_settings_show_what_differs_from_the_defaults(home: Home) -> None:
    run = make_run(home, 1, changes={"train.lr": 1e-4})
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, run)
        await pilot.press("3")
        assert screen.query_one(TabbedContent).active == "settings"
        lines = str(screen.query_one("#settings-text", Static).content).splitlines()
        assert any(line.split()[:2] == ["*", "lr"] and "default 0.0005" in line for line in lines)
        assert any("0123abc" in line for line in lines)


async def test_what_the_run_takes_of_the_machine_grows_and_is_replaced_by_a_resumed_attempt(home: Home) -> None:
    run = make_run(home, 1)
    use(run, gpu=False)
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, run)
        await pilot.press("5")
        load, memory = screen.query_one("#load", Chart), screen.query_one("#memory", Chart)
        await until(pilot, lambda: load.series)
        assert [curve.name for curve in load.series] == ["CPU, of one core"]  # there is no GPU: no empty curve
        assert list(memory.series[0].step) == list(range(20, 401, 20))
        with run.usage.open("ab") as file:
            file.write(events.encode(Usage(step=210, time=NOW, cpu=10.0, memory=1 << 30, gpu=50.0, gpu_memory=2 << 30)))
        await until(pilot, lambda: [curve.name for curve in load.series] == ["CPU, of one core", "GPU"])
        assert list(memory.series[0].step) == [*range(20, 201, 20), 210]
        assert memory.series[0].value.values[-1] == 1.0


async def test_a_dialog_fits_the_smallest_terminal(home: Home) -> None:
    run = make_run(home, 1)
    async with TestApp(home).run_test(size=(40, 12)) as pilot:
        await opened(pilot, run)
        for key in ("r", "t"):
            await pilot.press(key)
            prompt = await on(pilot, Prompt)
            dialog, keys = prompt.query_one(".dialog"), prompt.query_one(".dialog-keys")
            await until(pilot, lambda: 0 < keys.region.bottom < dialog.region.bottom <= 12)  # noqa: B023
            await pilot.press("escape")
            await on(pilot, RunScreen)
