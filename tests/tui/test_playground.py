"""The playground: type, move, keep; and what happens without a checkpoint, with a damaged one, without a sampler."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from textual.geometry import Offset
from textual.pilot import Pilot
from textual.widgets import Static

from core.errors import RunError
from core.rundir import Home, RunDir
from etlgan_tui import sampling
from etlgan_tui.arranging import GAP, spelled, table_tile, text_tile
from etlgan_tui.keeping import keep
from etlgan_tui.sampling import EndedError, Wanted, WarmSampler
from etlgan_tui.screens.characters import CharactersScreen
from etlgan_tui.screens.help import HelpScreen
from etlgan_tui.screens.playground import PlaygroundScreen
from etlgan_tui.screens.run import RunScreen
from etlgan_tui.screens.runs import RunsScreen
from etlgan_tui.widgets.character_grid import CELL, CharacterGrid
from etlgan_tui.widgets.run_table import RunTable
from etlgan_tui.widgets.sheet import SheetView, TextSheet
from etlgan_tui.widgets.slider import Slider
from etlgan_tui.widgets.typing_line import TypingLine
from tui.conftest import KANA, TestApp, make_run
from tui.waiting import on, toasts, until


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sampler that starts in a moment; its pipe is a real one."""
    monkeypatch.setattr(sampling, "_MODULE", "fake_answering")


def with_checkpoint(run: RunDir, step: int = 400) -> RunDir:
    """What the dashboard looks for before it asks."""
    run.checkpoint(step).with_suffix(".json").write_text("{}\n")
    return run


def trained(run: RunDir, step: int = 400) -> RunDir:
    """A real checkpoint of the run's own shape."""
    import torch

    from core import config
    from core.gan import checkpoint
    from core.gan.networks import build_generator

    torch.set_num_threads(1)
    generator = build_generator(config.decode(run.config.read_bytes(), where=""), len(KANA))
    weights = checkpoint.prefixed("average", generator.state_dict())
    checkpoint.save(run, step, weights, {"characters": list(KANA)}, quality=0.5, keep=3)
    return run


async def playing(pilot: Pilot[None], run: RunDir) -> PlaygroundScreen:
    """The run's playground, its first picture drawn."""
    await on(pilot, RunsScreen)
    pilot.app.push_screen(PlaygroundScreen(run, seed=7))
    screen = await on(pilot, PlaygroundScreen)
    await until(pilot, lambda: screen.drawn is not None, seconds=30)
    await pilot.pause()
    return screen


async def settled(pilot: Pilot[None], screen: PlaygroundScreen) -> None:
    """Until the picture is the one that was asked for last."""
    await pilot.pause()
    await until(pilot, lambda: screen.drawn is not None and screen.drawn.asked is screen._asked)


def shown(screen: PlaygroundScreen) -> list[str]:
    return ["".join(segment.text for segment in line) for line in screen.query_one(TextSheet)._lines]


def told(screen: PlaygroundScreen) -> str:
    return str(screen.query_one("#playground-told", Static).content)


def heading(screen: PlaygroundScreen) -> str:
    return str(screen.query_one("#playground-heading", Static).content)


# --- the whole of it ---


@pytest.mark.asyncio
async def test_from_the_list_to_a_kept_picture_with_a_real_generator(home: Home) -> None:
    run = trained(make_run(home, 1))
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        await on(pilot, RunsScreen)
        await until(pilot, lambda: pilot.app.screen.query_one(RunTable).selected == run.id)
        await pilot.press("g")
        screen = await on(pilot, PlaygroundScreen)
        await until(pilot, lambda: screen.drawn is not None, seconds=30)
        assert "step 400" in heading(screen)
        await pilot.press(*"kakiko")
        await settled(pilot, screen)
        assert screen.query_one(TypingLine).value == "かきこ"
        drawn = screen.drawn
        assert drawn is not None
        assert drawn.asked.wanted.characters == tuple("かきこ")
        assert drawn.images.shape == (3, 1, 32, 32)
        await pilot.press("down", "right", "right")
        await settled(pilot, screen)
        assert screen.codes[:2] == [0.2, 0.0]
        assert screen.drawn is not None
        assert (screen.drawn.images != drawn.images).any()
        await pilot.press("ctrl+s")
        kept = run.kept_picture(400, 1)
        await until(pilot, lambda: any(str(kept) in text for text in toasts(pilot)))
        with Image.open(kept) as picture:
            assert picture.size == (3 * 32, 32)
            assert picture.info["Characters"] == "かきこ"
            assert picture.info["Codes"].startswith("0.2 0 ")
            ink = 255 - np.asarray(picture)
        assert (ink[:, :32] == screen.drawn.images[0, 0]).all()
        pid = screen._sampler.pid
        assert pid is not None
        await pilot.press("escape")
        await on(pilot, RunsScreen)
    await_end(pid)


def await_end(pid: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.02)
    pytest.fail("the sampler outlived its screen")


@pytest.mark.asyncio
@pytest.mark.usefixtures("quick")
async def test_the_run_screen_has_the_key_too_and_says_when_there_is_no_checkpoint(home: Home) -> None:
    run = make_run(home, 1)
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        await on(pilot, RunsScreen)
        pilot.app.push_screen(RunScreen(run))
        await on(pilot, RunScreen)
        await pilot.press("g")
        await until(pilot, lambda: any("has no checkpoint, and it has ended" in text for text in toasts(pilot)))
        assert isinstance(pilot.app.screen, RunScreen)
        with_checkpoint(run)
        await pilot.press("g")
        await on(pilot, PlaygroundScreen)


# --- what is typed ---


@pytest.mark.asyncio
@pytest.mark.usefixtures("quick")
async def test_typing_is_drawn_at_once_and_only_the_newest_wish_counts(home: Home) -> None:
    run = with_checkpoint(make_run(home, 1))
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        screen = await playing(pilot, run)
        before = shown(screen)
        await pilot.press(*"kakukeaiueo")
        await settled(pilot, screen)
        assert screen.drawn is not None
        assert screen.drawn.asked.spelling.signs == tuple("かくけあいうえお")
        assert shown(screen) != before
        await pilot.press("backspace", *"kk")
        await settled(pilot, screen)
        assert screen.query_one(TypingLine).value == "かくけあいうえkk"
        assert screen.drawn.asked.spelling.signs == tuple("かくけあいうえ")


@pytest.mark.asyncio
@pytest.mark.usefixtures("quick")
async def test_what_the_run_does_not_know_is_named_and_leaves_a_gap(home: Home) -> None:
    run = with_checkpoint(make_run(home, 1))
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        screen = await playing(pilot, run)
        screen.query_one(TypingLine).insert_text_at_cursor("あ漢い\x1b[31m[b]")
        await settled(pilot, screen)
        assert "not known to this run: 漢" in told(screen)
        assert screen.query_one(TypingLine).value == "あ漢い[31m[b]"
        assert screen.drawn is not None
        assert screen.drawn.asked.spelling.signs[:3] == ("あ", GAP, "い")
        screen.query_one(TypingLine).insert_text_at_cursor("あ" * 500)
        assert len(screen.query_one(TypingLine).value) == 200
        screen.query_one(TypingLine).value = "漢"
        await until(pilot, lambda: screen.drawn is None)
        await pilot.press("ctrl+s", "backspace", "a")
        await until(pilot, lambda: screen.drawn is not None)


@pytest.mark.asyncio
@pytest.mark.usefixtures("quick")
async def test_hands_noise_codes_and_romaji(home: Home) -> None:
    run = with_checkpoint(make_run(home, 1))
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        screen = await playing(pilot, run)
        await pilot.press(*"ai", "ctrl+t")
        await settled(pilot, screen)
        assert screen.drawn is not None
        assert screen.drawn.asked.wanted.seeds == tuple(range(7, 15))
        assert [line[0] for line in shown(screen) if line[0] != " "] == ["あ", "い"]
        assert "noises 7 to 14" in heading(screen)
        await pilot.press("enter")
        await settled(pilot, screen)
        assert screen.drawn.asked.wanted.seeds[0] != 7 or len(screen.seeds) == 2
        await pilot.press("ctrl+z", "ctrl+z")
        await settled(pilot, screen)
        assert screen.drawn.asked.wanted.seeds[0] == 7
        await pilot.press("ctrl+g")
        await settled(pilot, screen)
        assert any(screen.drawn.asked.wanted.codes)
        assert all(-1 <= code <= 1 for code in screen.codes)
        await pilot.press("ctrl+o", *"ka")
        assert screen.query_one(TypingLine).value == "あいカ"
        await pilot.press("ctrl+o", *"ka")
        assert screen.query_one(TypingLine).value == "あいカka"


@pytest.mark.asyncio
@pytest.mark.usefixtures("quick")
async def test_sliders_by_mouse_and_keys(home: Home) -> None:
    run = with_checkpoint(make_run(home, 1))
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        screen = await playing(pilot, run)
        slant, thickness, _ = screen.query(Slider)
        assert [slider.title for slider in screen.query(Slider)] == ["slant", "thickness", "code 2"]
        start, length = slant._track
        await pilot.click(slant, offset=Offset(start + length - 1, 0))
        assert screen.codes[0] == 1.0
        await pilot.mouse_down(thickness, offset=Offset(start + length // 2, 0))
        await pilot.hover(thickness, offset=Offset(start, 0))
        await pilot.mouse_up(thickness, offset=Offset(start, 0))
        assert screen.codes == [1.0, -1.0, 0.0]
        slant.focus()
        await pilot.press("left", "shift+left")
        assert screen.codes[0] == 0.89
        await pilot.press("0")
        assert screen.codes[0] == 0.0
        await settled(pilot, screen)
        await pilot.press("down")
        assert pilot.app.focused is thickness
        await pilot.press("up", "up", "up", *"a")  # back to the line, and no further
        assert screen.query_one(TypingLine).value == "あ"


@pytest.mark.asyncio
@pytest.mark.usefixtures("quick")
async def test_characters_are_picked_and_help_is_a_key(home: Home) -> None:
    run = with_checkpoint(make_run(home, 1))
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        screen = await playing(pilot, run)
        await pilot.press("ctrl+l")
        await on(pilot, CharactersScreen)
        await pilot.press("right", "enter")
        grid = pilot.app.screen.query_one(CharacterGrid)
        inside = grid.content_region.offset - grid.region.offset
        await pilot.click(grid, offset=inside + Offset(4 * CELL, 0))
        await pilot.press("escape")
        assert screen.query_one(TypingLine).value == "いお"
        actions = {command.title for command in pilot.app.get_system_commands(screen)}
        assert {"Keep PNG", "Random codes", "Reload newest checkpoint"} <= actions
        await pilot.press("question_mark")
        shown_help = await on(pilot, HelpScreen)
        assert "Romaji becomes kana" in str(list(shown_help.query(Static))[-1].content)
        assert screen.query_one(TypingLine).value == "いお"


@pytest.mark.asyncio
@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("mode", ["braille", "cells"])
async def test_shrinking_and_growing_keeps_the_picture(home: Home, mode: Any) -> None:
    run = with_checkpoint(make_run(home, 1))
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        screen = await playing(pilot, run)
        if mode == "cells":
            await pilot.press("f2")
        await until(pilot, lambda: screen.query_one(SheetView).mode == mode)
        sizes = []
        for size in ((120, 40), (80, 24), (40, 12), (120, 40)):
            await pilot.resize_terminal(*size)
            await pilot.pause(0.1)
            leaf = screen.query_one(SheetView).leaf
            assert leaf is not None
            sizes.append(leaf.tile)
        assert sizes[0] == sizes[-1] > sizes[1] > sizes[2]


# --- bad weather ---


@pytest.mark.asyncio
@pytest.mark.usefixtures("quick")
async def test_a_dead_sampler_is_told_once_and_started_again(home: Home) -> None:
    run = with_checkpoint(make_run(home, 1))
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        screen = await playing(pilot, run)
        pid = screen._sampler.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await until(pilot, lambda: screen.ended)
        assert "killed by signal 9; Ctrl+R starts it again" in told(screen)
        await pilot.press(*"kaki")
        await pilot.pause(0.3)
        assert len([text for text in toasts(pilot) if "has ended" in text]) == 1
        await pilot.press("ctrl+r")
        await until(pilot, lambda: not screen.ended)
        await settled(pilot, screen)
        assert screen.drawn is not None
        assert screen.drawn.asked.spelling.signs == ("か", "き")
        assert screen.problem == ""


@pytest.mark.asyncio
@pytest.mark.usefixtures("quick")
async def test_no_usable_checkpoint_is_told_and_the_first_one_is_loaded_when_it_comes(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(home, 1)
    monkeypatch.setenv("FAKE_PROBLEM", "checkpoint 00000400.safetensors: cannot be read [b]")
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        await on(pilot, RunsScreen)
        pilot.app.push_screen(PlaygroundScreen(run))
        screen = await on(pilot, PlaygroundScreen)
        await until(pilot, lambda: "cannot be read [b]" in told(screen))
        await pilot.press(*"ka", "ctrl+s", "ctrl+l", "ctrl+t", "enter")
        assert isinstance(pilot.app.screen, PlaygroundScreen)
        monkeypatch.delenv("FAKE_PROBLEM")
        pid = screen._sampler.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)  # the next one has no FAKE_PROBLEM
        with_checkpoint(run)
        await until(pilot, lambda: screen.drawn is not None)
        assert screen.problem == ""


@pytest.mark.asyncio
@pytest.mark.usefixtures("quick")
async def test_newer_checkpoints_are_named_and_damaged_ones_too(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    run = with_checkpoint(make_run(home, 1))
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        screen = await playing(pilot, run)
        with_checkpoint(run, 900)
        await until(pilot, lambda: "Ctrl+R: step 900" in heading(screen))
    monkeypatch.setenv("FAKE_PASSED_OVER", "checkpoint 900: cannot be read")
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        screen = await playing(pilot, run)
        assert any("checkpoint 900: cannot be read" in text for text in toasts(pilot))
        assert "Ctrl+R" not in heading(screen)


@pytest.mark.asyncio
@pytest.mark.usefixtures("quick")
async def test_a_run_that_has_gone_draws_on_but_keeps_nothing(home: Home) -> None:
    import shutil

    run = with_checkpoint(make_run(home, 1))
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        screen = await playing(pilot, run)
        shutil.rmtree(run.path)
        await pilot.press("a", "ctrl+s")
        await settled(pilot, screen)
        await until(pilot, lambda: any("nowhere to keep" in text for text in toasts(pilot)))
        assert not run.path.exists()


# --- the parts ---


def test_the_client_refuses_what_is_no_answer(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(home, 1)
    (Path(home.root) / "broken_answering.py").write_text("import sys\nsys.stdin.readline()\nprint('not JSON')\n")
    monkeypatch.setenv("PYTHONPATH", str(home.root))
    monkeypatch.setattr(sampling, "_MODULE", "broken_answering")
    sampler = WarmSampler(run)
    with pytest.raises(EndedError):
        sampler.load()
    assert sampler.pid is None
    with pytest.raises(EndedError):
        sampler.draw(Wanted(("あ",), (0.0,), (1,)))


def test_the_last_words_of_a_sampler_that_dies_at_its_start_are_told(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "_MODULE", "no_such_module")
    with pytest.raises(EndedError, match="No module named"):
        WarmSampler(make_run(home, 1)).load()


def test_kept_pictures_never_overwrite_each_other_and_a_full_disk_leaves_nothing(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(home, 1)
    images = np.zeros((1, 2, 8, 8), np.uint8)
    paths = [keep(run, 40, images, says={"Characters": "あ\n[b]"}) for _ in range(2)]
    assert [path.name for path in paths] == ["00000040-0001.png", "00000040-0002.png"]

    def full(_path: Path, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("etlgan_tui.keeping.write_atomic", full)
    with pytest.raises(OSError, match="No space"):
        keep(run, 40, images, says={})
    assert len(list(run.kept.iterdir())) == 2
    with pytest.raises(RunError, match="has gone"):
        keep(home.run("gone"), 40, images, says={})


def test_spelling() -> None:
    known = frozenset("あが12")
    assert spelled("あか\u3099 １漢漢", known) == (("あ", "が", GAP, "1", GAP, GAP), ("漢",))
    assert spelled("ああ", known).distinct == ("あ",)


@pytest.mark.parametrize(
    ("count", "width", "height"), [(1, 80, 12), (5, 80, 12), (200, 80, 12), (3, 7, 3), (10, 120, 30)]
)
def test_a_text_is_drawn_as_large_as_it_fits(count: int, width: int, height: int) -> None:
    tile = text_tile(count, width=width, height=height)
    across = max(1, width // tile)
    fits = -(-count // across) * (tile // 2) <= height
    assert fits or tile == 8
    assert table_tile(3, 8, width=77, height=12) == 8
