"""The data screens: known sources, sheets of characters, before and after, checks, and a new run from there."""

import stat
import threading
from pathlib import Path

import numpy as np
import pytest
from glyphs.etl_bytes import small_file, write_handwriting
from PIL import Image
from textual.pilot import Pilot
from textual.widgets import DataTable, Static

from core import config as configs
from core.errors import DataError
from core.glyphs import known
from core.rundir import Home
from etlgan_tui import settings, sources
from etlgan_tui.screens.data import DataScreen
from etlgan_tui.screens.new import NewScreen
from etlgan_tui.screens.prompt import Prompt
from etlgan_tui.screens.source import SourceScreen
from etlgan_tui.sources import Opened
from etlgan_tui.verification import Verification
from etlgan_tui.widgets.character_grid import CharacterGrid
from etlgan_tui.widgets.sheet import SheetView, TextSheet
from etlgan_tui.widgets.source_table import SourceTable
from tui.conftest import TestApp, make_run
from tui.waiting import on, toasts, until


@pytest.fixture(scope="module")
def etl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two short files of handwriting, each character by 30 writers."""
    folder = tmp_path_factory.mktemp("etl") / "ETL9G"
    write_handwriting(folder, "ETL9G", "あいう", writers=15, files=2)
    return folder


def remember(*added: str) -> None:
    settings.save(settings.Settings(pictures="braille", sources=added))


async def data_screen(pilot: Pilot[None]) -> DataScreen:
    await until(pilot, lambda: getattr(pilot.app.screen, "synced", False))
    await pilot.press("a")
    screen = await on(pilot, DataScreen)
    await until(pilot, lambda: screen.settled)
    return screen


async def source_screen(pilot: Pilot[None], spec: str) -> SourceScreen:
    data = await data_screen(pilot)
    data.query_one(SourceTable).show(data.query_one(SourceTable)._shown, select=spec)
    await until(pilot, lambda: data.selected == spec and data.settled)
    await pilot.press("enter")
    screen = await on(pilot, SourceScreen)
    await until(pilot, lambda: screen.settled)
    return screen


def text(screen: object, selector: str) -> str:
    found = screen.query_one(selector, Static)  # type: ignore[attr-defined]
    return str(found.content)


def drawn(screen: SourceScreen) -> list[str]:
    """The lines of the sheet."""
    lines = screen.query_one(TextSheet)._lines
    return ["".join(segment.text for segment in line) for line in lines]


@pytest.mark.asyncio
async def test_sources_of_runs_and_settings_are_listed(home: Home, etl: Path) -> None:
    make_run(home, 1, changes={"data.source": f"etl:{etl}"})
    remember("/nowhere/[b]x\x1b[31m")
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: getattr(pilot.app.screen, "synced", False))
        screen = await data_screen(pilot)
        shown = {line.source: line for line in screen.query_one(SourceTable)._shown}
        assert next(iter(shown)) == "penman"
        assert shown[f"etl:{etl}"].runs == 1
        odd = shown["/nowhere/[b]x\x1b[31m"]
        assert not odd.there
        assert odd.name == "/nowhere/[b]x[31m"  # no escape, and no markup taken for one
        await until(pilot, lambda: "3,198 characters" in text(screen, "#source-facts"))


@pytest.mark.asyncio
async def test_the_glance_says_what_a_source_is_and_shows_it(home: Home, etl: Path) -> None:
    remember(f"etl:{etl}")
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        screen = await data_screen(pilot)
        await pilot.press("down")
        await until(pilot, lambda: f"etl:{etl}" in screen.samples)
        assert "ETL9G (2 files)" in text(screen, "#source-name")
        assert "3 characters, 90 images; 30 of each" in text(screen, "#source-facts")
        assert any("⠀" < character <= "⣿" for character in text(screen, "#source-strip"))


@pytest.mark.asyncio
async def test_add_and_forget(home: Home, etl: Path) -> None:
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        screen = await data_screen(pilot)
        await pilot.press("a")
        await on(pilot, Prompt)
        await pilot.press(*"/nowhere", "enter")
        await until(
            pilot, lambda: isinstance(pilot.app.screen, Prompt) and "no such file" in text(pilot.app.screen, "#hint")
        )
        await pilot.press("escape")
        screen.action_add(str(etl))
        await on(pilot, Prompt)
        await pilot.press("enter")
        await until(pilot, lambda: screen.selected == str(etl))
        assert settings.load().sources == (str(etl),)
        await pilot.press("D")
        await until(pilot, lambda: screen.selected != str(etl))
        assert settings.load().sources == ()
        assert (etl / "ETL9G_01").exists()


@pytest.mark.asyncio
async def test_pages_of_a_character_and_moving_to_another(home: Home, etl: Path) -> None:
    remember(f"etl:{etl}")
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        screen = await source_screen(pilot, f"etl:{etl}")
        assert "あ  U+3042   prepared   1–24 of 30" in text(screen, "#sheet-title")
        first = drawn(screen)
        assert len(first) == 16
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: "25–30 of 30" in text(screen, "#sheet-title"))
        assert drawn(screen) != first
        await pilot.press("right_square_bracket", "right")
        await until(pilot, lambda: text(screen, "#sheet-title").startswith("い") and screen.settled)
        assert "1–24 of 30" in text(screen, "#sheet-title")
        await pilot.press("slash")
        await on(pilot, Prompt)
        await pilot.press(*"U+3046", "enter")
        await until(pilot, lambda: text(screen, "#sheet-title").startswith("う"))


@pytest.mark.asyncio
async def test_a_click_chooses_a_character(home: Home, etl: Path) -> None:
    remember(f"etl:{etl}")
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        screen = await source_screen(pilot, f"etl:{etl}")
        await pilot.click(CharacterGrid, offset=(1 + 2 * 3, 0))
        await until(pilot, lambda: text(screen, "#sheet-title").startswith("う"))


@pytest.mark.asyncio
async def test_raw_cells_stand_beside_what_became_of_them(home: Home, etl: Path) -> None:
    remember(f"etl:{etl}")
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        screen = await source_screen(pilot, f"etl:{etl}")
        await pilot.press("b")
        await until(pilot, lambda: "as scanned" in text(screen, "#sheet-title"))
        await pilot.press("b")
        await until(pilot, lambda: "before and after" in text(screen, "#sheet-title"))
        leaf = screen.query_one(SheetView).leaf
        assert leaf is not None
        assert leaf.captions[:2] == ("as scanned", "prepared")
        before, after = leaf.images[:, 0], leaf.images[:, 1]
        assert (before.max((1, 2)) > 0).all()
        assert after.mean() > 1.5 * before.mean()  # the character fills its square, which a scan's does not
        await pilot.press("minus", "minus")
        await until(pilot, lambda: (shown := screen.query_one(SheetView).leaf) and len(shown.captions) == 5)


@pytest.mark.asyncio
async def test_the_embedded_writer_has_a_scanned_look_too(home: Home) -> None:
    remember()
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        screen = await source_screen(pilot, "penman")
        assert text(screen, "#sheet-title").startswith("あ")
        await pilot.press("b", "b")
        await until(pilot, lambda: "before and after" in text(screen, "#sheet-title"))
        leaf = screen.query_one(SheetView).leaf
        assert leaf is not None
        assert not np.array_equal(leaf.images[:, 0], leaf.images[:, 1])
        assert "of" not in text(screen, "#sheet-title").split("before and after")[1]  # no end


def test_every_name_of_the_embedded_writer_is_a_source() -> None:
    opened = Opened("penman:prepared")
    assert opened.look().endless
    assert opened.page("あ", "raw", first=0, count=4).total is None
    assert configs.get(opened.draft().settled().tree, "data.chars") == "hiragana-a-ka"
    assert known.is_there("penman:prepared")
    assert known.is_there("pen=penman:scanned+penman:clean")
    assert not known.is_there("penman+etl:/nowhere at all")
    with pytest.raises(DataError, match="joins 2 sources; look at each alone: penman:clean, penman:prepared"):
        Opened("penman:clean+penman:prepared").look()


@pytest.mark.asyncio
async def test_clean_pictures_have_no_before(home: Home, tmp_path: Path) -> None:
    for character in "かき":
        (tmp_path / "set" / character).mkdir(parents=True)
        for number in range(3):
            page = np.full((40, 40), 255, np.uint8)
            page[10:30, 10 + number : 20] = 0
            Image.fromarray(page).save(tmp_path / "set" / character / f"{number}.png")
    remember(str(tmp_path / "set"))
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        screen = await source_screen(pilot, str(tmp_path / "set"))
        assert "1–3 of 3" in text(screen, "#sheet-title")
        await pilot.press("b")
        await until(pilot, lambda: toasts(pilot))
        assert screen.look == "prepared"


@pytest.mark.asyncio
async def test_checks_show_each_file(home: Home, etl: Path) -> None:
    remember(f"etl:{etl}")
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        await data_screen(pilot)
        await pilot.press("down", "v")
        source = await on(pilot, SourceScreen)
        await until(pilot, lambda: text(source, "#verify-told").startswith("✗"))
        assert source.query_one("#verify-table", DataTable).row_count == 2
        assert "2 of 2 files: 2 differs" in text(source, "#verify-told")
        assert "ETL9G_03" in text(source, "#verify-told")


@pytest.mark.asyncio
async def test_checks_need_published_numbers(home: Home) -> None:
    remember()
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        screen = await source_screen(pilot, "penman")
        await pilot.press("v")
        await until(pilot, lambda: "of ETL files only" in text(screen, "#verify-told"))
        assert screen.verification is None


def test_checks_can_be_ended(etl: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, go_on = threading.Event(), threading.Event()
    count = Verification._count

    def slow(self: Verification, piece: int) -> None:
        reading.set()
        assert go_on.wait(10)
        count(self, piece)

    monkeypatch.setattr(Verification, "_count", slow)
    checks = Verification(f"etl:{etl}")
    assert reading.wait(10)
    checks.cancel()
    go_on.set()
    for _ in range(1000):
        if checks.state != "running":
            break
        threading.Event().wait(0.01)
    assert (checks.state, checks.rows) == ("cancelled", [])


@pytest.mark.asyncio
async def test_a_new_run_takes_the_source_and_characters_that_it_has(home: Home, etl: Path) -> None:
    remember(f"etl:{etl}")
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        await source_screen(pilot, f"etl:{etl}")
        await pilot.press("n")
        form = await on(pilot, NewScreen)
        assert form.draft.settled().tree.data.source == f"etl:{etl}"
        assert form.draft.settled().tree.data.chars == "あいう"
        await until(
            pilot, lambda: "3 characters from ETL9G" in "".join(str(hint.content) for hint in form.query(Static))
        )


def test_characters_for_a_new_run() -> None:
    assert sources.characters_for(dict.fromkeys("あいうえおかきくけこさ", 5)) == "hiragana-a-ka"
    assert sources.characters_for(dict.fromkeys("0123456789", 5)) == "digits"
    assert sources.characters_for({"亜": 2, "唖": 1}) == "亜唖"
    assert sources.characters_for({}) == ""


# --- bad data ---


def empty(folder: Path) -> None:
    (folder / "note.txt").write_text("nothing here")


def cut(folder: Path) -> None:
    path = small_file(folder, "ETL9G_01", "あいう", copies=3)
    path.write_bytes(path.read_bytes()[:-5000])


def locked(folder: Path) -> None:
    small_file(folder, "ETL9G_01", "あ", copies=2).chmod(0)


def no_zip(folder: Path) -> None:
    (folder / "ETL1.zip").write_bytes(b"PK\x03\x04 not a zip at all")


@pytest.mark.parametrize(("spoil", "told"), [(empty, "no ETL file"), (no_zip, "ETL1.zip"), (locked, "permission")])
@pytest.mark.asyncio
async def test_what_is_no_data_is_told_in_words(home: Home, tmp_path: Path, spoil: object, told: str) -> None:
    folder = tmp_path / "bad"
    folder.mkdir()
    spoil(folder)  # type: ignore[operator]
    if spoil is locked and (folder / "ETL9G_01").stat().st_mode & stat.S_IRUSR == 0:
        try:
            (folder / "ETL9G_01").read_bytes()
        except PermissionError:
            pass
        else:
            pytest.skip("this user may read everything")
    remember(f"etl:{folder}")
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        screen = await data_screen(pilot)
        await pilot.press("down")
        await until(pilot, lambda: screen.problems)
        assert told in text(screen, "#source-problems")
        await pilot.press("enter")
        source = await on(pilot, SourceScreen)
        await until(pilot, lambda: text(source, "#source-heading").startswith("✗"))
        await pilot.press("b", "right", "right_square_bracket", "v", "n", "plus", "escape")
        await on(pilot, DataScreen)


@pytest.mark.asyncio
async def test_a_cut_file_is_used_and_told(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "cut"
    folder.mkdir()
    cut(folder)
    remember(f"etl:{folder}")
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        screen = await source_screen(pilot, f"etl:{folder}")
        assert "1–3 of 3" in text(screen, "#sheet-title")
        assert "cut off" in text(screen, "#holds-text")


@pytest.mark.asyncio
async def test_data_that_goes_while_it_is_shown(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "going"
    folder.mkdir()
    small_file(folder, "ETL9G_01", "あい", copies=3)
    remember(f"etl:{folder}")
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        screen = await source_screen(pilot, f"etl:{folder}")
        (folder / "ETL9G_01").unlink()
        await pilot.press("right")
        await until(pilot, lambda: "no such file" in screen.query_one(TextSheet)._told)
        await pilot.press("escape")
        await on(pilot, DataScreen)


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (20, 6)], ids=str)
@pytest.mark.asyncio
async def test_any_size(home: Home, etl: Path, size: tuple[int, int]) -> None:
    remember(f"etl:{etl}")
    async with TestApp(home).run_test(size=(100, 30)) as pilot:
        screen = await source_screen(pilot, f"etl:{etl}")
        await pilot.press("b", "b")
        await pilot.resize_terminal(*size)
        await until(pilot, lambda: screen.settled)
        await pilot.press("right")
        await until(pilot, lambda: text(screen, "#sheet-title").startswith("い"))
        assert drawn(screen)


def test_a_page_far_behind_the_end_is_the_last_one(etl: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETLGAN_CACHE", str(tmp_path))
    page = Opened(f"etl:{etl}").page("あ", "prepared", first=1000, count=8)
    assert (page.first, page.total, page.sheet.images.shape[1]) == (24, 30, 6)
