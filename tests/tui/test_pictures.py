"""Pictures where the terminal draws them (with textual-image's half-cells, named explicitly); the system line."""

import json
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from textual.app import App, ComposeResult
from textual.containers import Container

from core import config, events
from core.errors import DataError
from core.events import Sampled, Scored
from core.rundir import Home
from core.settings import RunConfig
from etlgan_tui import cards, pictures, system
from etlgan_tui.draft import Draft
from etlgan_tui.feed import environment_lines
from etlgan_tui.histories import describe
from etlgan_tui.index import differences, differing, labels
from etlgan_tui.screens.run import RunScreen
from etlgan_tui.screens.runs import RunsScreen
from etlgan_tui.system import GIB, Gpu, Meter, System
from etlgan_tui.widgets import picture
from etlgan_tui.widgets.lines import Lines
from etlgan_tui.widgets.picture import GraphicsPicture, TextPicture, next_mode
from tui.conftest import TestApp, make_run
from tui.terminal import terminal
from tui.waiting import on, until


@pytest.mark.asyncio
async def test_the_terminals_own_graphics_with_labels_at_their_rows(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    from textual.widgets import Static
    from textual_image.widget import HalfcellImage

    monkeypatch.setattr(picture, "_graphics", HalfcellImage)
    run = make_run(home, 1)
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        await on(pilot, RunsScreen)
        pilot.app.push_screen(RunScreen(run))
        screen = await on(pilot, RunScreen)
        await until(pilot, lambda: screen.query(HalfcellImage))

        def labels() -> list[str]:
            return str(screen.query_one(".row-labels", Static).content).split("\n")

        await until(pilot, lambda: [line for line in labels() if line] == list("あいうえおかきくけこ"))
        await until(pilot, lambda: screen.query_one(HalfcellImage).size.height == len(labels()))
        assert not screen.query_one(TextPicture).display
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: len(screen.query(GraphicsPicture)) == 1)
        await pilot.press("p")
        await until(pilot, lambda: not screen.query(GraphicsPicture) and screen.query_one(TextPicture).display)


class Place(App[None]):
    """Nothing but a place to mount a widget in."""

    def compose(self) -> ComposeResult:
        yield Container()


@pytest.mark.asyncio
async def test_a_picture_that_is_looked_for_before_it_is_laid_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Textual then never tells it how large it is."""
    from textual_image.widget import HalfcellImage

    monkeypatch.setattr(picture, "_graphics", HalfcellImage)
    async with Place().run_test(size=(60, 30)) as pilot:
        screen = pilot.app.screen
        await pilot.pause()
        with monkeypatch.context() as late:
            late.setattr(screen, "_refresh_layout", lambda *_all, **_named: None)
            shown = GraphicsPicture(np.zeros((64, 64), np.uint8), ("あ", "い"))
            await pilot.app.query_one(Container).mount(shown)
            screen._compositor._full_map_invalidated = True  # as after any scrolling
            assert shown in screen._compositor.full_map
        screen.refresh(layout=True)
        await until(pilot, lambda: str(shown.query_one(Lines).content).split() == ["あ", "い"])
        assert shown.query_one(HalfcellImage).styles.width is not None


def test_modes_leave_graphics_out_where_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "_graphics", None)
    assert [next_mode("graphics"), next_mode("braille"), next_mode("cells")] == ["braille", "cells", "braille"]
    monkeypatch.setattr(picture, "_graphics", object)
    assert next_mode("cells") == "graphics"


def test_the_system_line_with_and_without_gpus(home: Home) -> None:
    plain = System(37.0, 5 * GIB, 16 * GIB, 120 * GIB)
    assert system.line(plain) == "CPU 37 %   memory 5.0/16 GiB   disk 120 GiB free"
    assert system.line(plain._replace(gpus=(Gpu(94, 11 * GIB, 80 * GIB), Gpu(-1, GIB, 20 * GIB)))).startswith(
        "GPU0 94 % 11/80 GiB   GPU1 1.0/20 GiB   CPU"
    )
    found = Meter(home.root / "not" / "there").read()
    assert found.total > 0
    assert found.disk_free > 0


@pytest.mark.parametrize(
    ("graphics", "drawn"), [("sixel", b"\x1bP"), ("kitty", b"\x1b_G"), ("old kitty", b""), ("", b"")]
)
def test_the_terminal_is_asked_and_gets_what_it_can_draw(home: Home, graphics: str, drawn: bytes) -> None:
    """The whole way through a terminal; it has a tenth of a second to answer, so a busy machine gets three tries."""
    make_run(home, 1, name="pictured")
    for _ in range(3 if drawn else 1):
        with terminal(home, graphics=graphics) as shown:
            assert shown.shows("pictured")
            asked = len(shown.seen)
            shown.press(b"\r")
            assert shown.shows("grid, step 400")
            until_drawn = time.monotonic() + 10
            while drawn not in shown.seen[asked:] and time.monotonic() < until_drawn:
                time.sleep(0.05)
            after = shown.seen[asked:]
        if drawn and drawn in after:
            return
    assert not drawn, f"no {graphics} picture came"
    assert b"\x1bP" not in after
    assert b"\x1b_G" not in after
    assert "⠤" in after.decode(errors="replace")  # braille


def test_half_cells_keep_the_greys() -> None:
    (line,) = picture.half_cells(np.array([[0, 80], [200, 248]], np.uint8), 2)
    assert [(segment.text, str(segment.style)) for segment in line] == [
        ("▀", "rgb(0,0,0) on rgb(200,200,200)"),
        ("▀", "rgb(80,80,80) on rgb(248,248,248)"),
    ]


def test_a_picture_of_billions_of_pixels_is_refused(tmp_path: Path) -> None:
    head = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head)))
    with pytest.raises(DataError, match=r"bomb\.png"):
        pictures.load(path)


def test_nothing_from_a_run_reaches_the_terminal_raw(home: Home) -> None:
    """Events, settings, environment and score card of a run that a bundle brought."""
    escape = "\x1b]0;owned\x07"
    run = make_run(home, 1)
    drawn = Sampled(step=1, time=0.0, path=escape, kind="grid", rows=["あ", escape])
    scored = Scored(step=1, time=0.0, scores={escape: 1.0})
    tree = config.override(RunConfig(), {"data.source": escape})
    before, after = events.encode(drawn), config.encode(tree).decode()
    run.env.write_text(json.dumps({escape: escape}))
    run.scores.write_text(json.dumps({"columns": {"generated": {escape: 1.0}}}))
    said = [
        describe(events.decode(before)),
        describe(scored),
        *labels(drawn),
        *cards.card(run),
        Draft.of(tree).command(),
    ]
    for change in differences("", after):
        said += change
    for name, values in [*differing(["", after]), *environment_lines(run)]:
        said += [name, *values]
    assert not [text for text in said if "\x1b" in text or "\x07" in text]
    assert len(labels(drawn)) == 2
