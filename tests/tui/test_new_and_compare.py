"""A new run from the form, a duplicate, and runs beside each other."""

import json
import shlex
from itertools import pairwise

import pytest
from textual.pilot import Pilot
from textual.widgets import Collapsible, DataTable, Input, Static, TabbedContent

from core import config, events, presets
from core.events import Scored
from core.rundir import Home
from core.runs.find import run_ids
from core.runs.meta import edit_meta, read_meta
from core.settings import RunConfig
from etlgan_tui.draft import Draft
from etlgan_tui.screens.base import Changed
from etlgan_tui.screens.compare import CompareScreen
from etlgan_tui.screens.new import NewScreen
from etlgan_tui.screens.prompt import Confirm
from etlgan_tui.screens.run import RunScreen
from etlgan_tui.screens.runs import RunsScreen
from etlgan_tui.widgets.chart import Chart
from etlgan_tui.widgets.field_row import FieldRow
from etlgan_tui.widgets.picture import TextPicture
from etlgan_tui.widgets.run_table import RunTable
from tui.conftest import NOW, TestApp, make_run
from tui.waiting import on, toasts, until


def row(screen: NewScreen, name: str) -> FieldRow:
    return next(each for each in screen.query(FieldRow) if each.field == name)


def hint(screen: NewScreen, name: str) -> str:
    return str(row(screen, name).query_one(".field-hint", Static).content)


def write(screen: NewScreen, name: str, text: str) -> None:
    row(screen, name).query_one(".field-editor").value = text  # type: ignore[attr-defined]


def command(screen: NewScreen) -> str:
    return str(screen.query_one("#command", Static).content)


async def form(pilot: Pilot[None]) -> NewScreen:
    await on(pilot, RunsScreen)
    await pilot.press("n")
    return await on(pilot, NewScreen)


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_long_text_is_seen_while_it_is_typed(home: Home, size: tuple[int, int]) -> None:
    async with TestApp(home).run_test(size=size) as pilot:
        screen = await form(pilot)
        write(screen, "data.source", "kmnist:/work/with a long/path/to/kmnist")
        editor = row(screen, "data.source").query_one(Input)
        editor.focus()
        await until(pilot, lambda: editor.has_focus and editor.cursor_position >= len(editor.value))
        await pilot.pause()
        assert editor.scrollable_content_region.height == 1, "no bar in the place of the text"
        assert "path/to/kmnist" in "".join(segment.text for segment in editor.render_line(0))


@pytest.mark.asyncio
async def test_runs_side_by_side_share_the_width(home: Home) -> None:
    runs = [make_run(home, number) for number in (1, 2)]
    async with TestApp(home).run_test(size=(80, 24)) as pilot:
        await on(pilot, RunsScreen)
        pilot.app.push_screen(CompareScreen([run.id for run in runs]))
        screen = await on(pilot, CompareScreen)
        await pilot.press("2")
        sides = list(screen.query(".side"))
        await until(pilot, lambda: sides[-1].region.right == 80)
        assert [side.size.width for side in sides] == [side.size.width for side in sides[:1]] * 2


@pytest.mark.asyncio
async def test_launch_from_the_form(home: Home) -> None:
    async with TestApp(home).run_test(size=(100, 40)) as pilot:
        screen = await form(pilot)
        await until(pilot, lambda: hint(screen, "data.chars").startswith("10 characters"))
        write(screen, "train.steps", "12")
        write(screen, "name", "from the form")
        write(screen, "tags", "a, b")
        await until(pilot, lambda: "--tag b" in command(screen))
        assert shlex.split(command(screen))[:4] == ["etlgan", "run", "hiragana-a-ka", "--set"]
        await pilot.press("ctrl+l")
        shown = await on(pilot, RunScreen)
        meta = read_meta(shown.run)
        assert (meta.name, meta.tags) == ("from the form", ("a", "b"))
        assert config.decode(shown.run.config.read_bytes()).train.steps == 12
        await until(pilot, lambda: shown.shot is not None and shown.shot.state.kind == "finished")


@pytest.mark.asyncio
async def test_what_is_wrong_is_told_at_the_field_and_launches_nothing(home: Home) -> None:
    async with TestApp(home).run_test(size=(100, 40)) as pilot:
        screen = await form(pilot)
        write(screen, "train.batch_size", "-1")
        await until(pilot, lambda: hint(screen, "train.batch_size") == "must be 0 .. 65,536 images")
        write(screen, "data.chars", "hiragna")
        await until(pilot, lambda: "hiragana" in hint(screen, "data.chars") and "hiragna" in hint(screen, "data.chars"))
        await pilot.press("ctrl+l")
        await until(pilot, lambda: any("train.batch_size: must be 0" in told for told in toasts(pilot)))
        write(screen, "train.batch_size", "64")
        await until(pilot, lambda: "must be" not in hint(screen, "train.batch_size"))
        await pilot.press("ctrl+l")
        await until(pilot, lambda: any("hiragna" in told for told in toasts(pilot)))
        assert run_ids(home) == []


@pytest.mark.asyncio
async def test_an_error_stays_beside_its_field_when_the_data_have_been_looked_at(home: Home) -> None:
    async with TestApp(home).run_test(size=(100, 40)) as pilot:
        screen = await form(pilot)
        write(screen, "data.chars", "")
        await until(pilot, lambda: hint(screen, "data.chars").startswith("is empty"))
        screen._show_characters("10 characters from penman")  # what the look at the preset's data comes to
        assert hint(screen, "data.chars").startswith("is empty")
        write(screen, "data.chars", "jis1")
        await until(pilot, lambda: hint(screen, "preset").endswith("as edited about 48 min on 2 cores"))


@pytest.mark.asyncio
async def test_quitting_from_a_filled_in_form_is_asked_about(home: Home) -> None:
    async with TestApp(home).run_test(size=(100, 40)) as pilot:
        screen = await form(pilot)
        write(screen, "train.steps", "12")
        await until(pilot, lambda: "train.steps=12" in command(screen))
        row(screen, "preset").query_one(".field-editor").focus()
        await pilot.press("q")
        await on(pilot, Confirm)
        await pilot.press("enter")
        await on(pilot, NewScreen)
        await pilot.press("q")
        await on(pilot, Confirm)
        await pilot.press("y")
        await until(pilot, lambda: not pilot.app.is_running or pilot.app._exit)


@pytest.mark.asyncio
async def test_settings_that_do_not_go_together_are_told_and_launch_nothing(home: Home) -> None:
    async with TestApp(home).run_test(size=(100, 40)) as pilot:
        screen = await form(pilot)
        write(screen, "recipe.name", "classic")
        screen.query_one("#group-train", Collapsible).collapsed = False
        await until(pilot, lambda: any(each.field == "train.devices" for each in screen.query(FieldRow)))
        write(screen, "train.devices", "2")
        await until(pilot, lambda: "recipe.name=classic" in hint(screen, "train.devices"))
        await pilot.press("ctrl+l")
        await until(pilot, lambda: any("say train.devices=1" in told for told in toasts(pilot)))
        assert run_ids(home) == []
        write(screen, "recipe.name", "etl")
        await until(pilot, lambda: "64  devices" in hint(screen, "train.devices"))
        write(screen, "train.batch_size", "1")
        await until(pilot, lambda: "does not divide" in hint(screen, "train.batch_size"))
        write(screen, "train.batch_size", "128")
        await until(pilot, lambda: "does not divide" not in hint(screen, "train.batch_size"))
        assert screen.draft.settled().tree == presets.resolve(
            "hiragana-a-ka", {"train.devices": 2, "train.batch_size": 128}
        )


@pytest.mark.parametrize("order", [("train.devices", "train.batch_size"), ("train.batch_size", "train.devices")])
def test_of_settings_that_do_not_go_together_the_newest_gives_way(order: tuple[str, str]) -> None:
    text = {"train.devices": "3", "train.batch_size": "66"}
    draft = Draft()
    for name in order:
        draft.edit(name, text[name])
        if name == order[0]:
            assert list(draft.settled().problems) == ["train.devices"] * (name == "train.devices")
    assert not draft.settled().problems
    assert draft.settled().tree == presets.resolve("", text)
    draft.edit("train.steps", "77")
    draft.edit("seed", "-1")
    draft.edit(order[0], {"train.devices": "4", "train.batch_size": "65"}[order[0]])
    draft.edit("train.lr", "0.1")
    tree, problems = draft.settled()
    assert list(problems)[:2] == ["seed", order[0]]
    assert "does not divide" in problems[order[0]]
    assert tree.train.steps == 77
    assert tree.train.lr == 0.1


@pytest.mark.asyncio
async def test_untouched_fields_follow_preset_and_recipe(home: Home) -> None:
    async with TestApp(home).run_test(size=(100, 40)) as pilot:
        screen = await form(pilot)
        write(screen, "preset", "hiragana")
        await until(pilot, lambda: row(screen, "train.steps").value == str(presets.resolve("hiragana").train.steps))
        write(screen, "recipe.name", "classic")
        await until(pilot, lambda: command(screen) == "etlgan run hiragana --set recipe.name=classic")
        write(screen, "recipe.name", "etl")
        await until(pilot, lambda: command(screen) == "etlgan run hiragana")


@pytest.mark.asyncio
async def test_every_setting_has_a_row_somewhere(home: Home) -> None:
    async with TestApp(home).run_test(size=(100, 40)) as pilot:
        screen = await form(pilot)
        for group in screen.query(Collapsible):
            group.collapsed = False
        wanted = {field.name for field in config.fields()} - {"version"}
        await until(pilot, lambda: wanted <= {each.field for each in screen.query(FieldRow)})


@pytest.mark.asyncio
async def test_duplicate_takes_over_what_was_changed(home: Home) -> None:
    make_run(home, 1, steps=100, changes={"train.lr": 1e-4, "recipe.fake_targets": True})
    async with TestApp(home).run_test(size=(100, 40)) as pilot:
        await on(pilot, RunsScreen)
        await until(pilot, lambda: pilot.app.screen_stack[-1].query_one(DataTable).row_count == 1)
        await pilot.press("d")
        screen = await on(pilot, NewScreen)
        expected = {"train.steps=100", "train.lr=0.0001", "recipe.fake_targets=true"}
        assert expected == set(shlex.split(command(screen))[4::2])


@pytest.mark.asyncio
async def test_a_folder_that_cannot_be_written_is_told_and_the_form_stays(home: Home) -> None:
    home.runs.write_text("a file where the folder should be")
    async with TestApp(home).run_test(size=(100, 40)) as pilot:
        screen = await form(pilot)
        await until(pilot, lambda: hint(screen, "data.chars").startswith("10 characters"))
        await pilot.press("ctrl+l")
        await until(pilot, lambda: any(str(home.runs) in told for told in toasts(pilot)))
        assert pilot.app.screen is screen
    home.runs.unlink()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"train.lr": 0.00034567891},
        {"recipe.name": "classic"},
        {"recipe.name": "classic", "train.lr": 0.01},
        {"data.chars": "あい"},
        {"seed": 3},
    ],
    ids=str,
)
@pytest.mark.parametrize("preset", ["", "hiragana-a-ka", "kanji-10"])
def test_a_draft_of_a_configuration_resolves_to_it(preset: str, changes: dict[str, object]) -> None:
    tree = presets.resolve(preset, changes)
    assert Draft.of(tree).settled().tree == tree


def test_the_command_says_the_same_as_the_form() -> None:
    draft = Draft("kanji-10", name="it's", tags="a,b c", note="x")
    draft.edit("train.steps", "77")
    draft.edit("data.chars", "花 火")
    words = shlex.split(draft.command())
    assert words[:3] == ["etlgan", "run", "kanji-10"]
    assignments = [after for before, after in pairwise(words) if before == "--set"]
    assert presets.resolve("kanji-10", config.parse_assignments(assignments)) == draft.settled().tree
    draft.edit("train.steps", str(presets.resolve("kanji-10").train.steps))
    assert "train.steps" not in draft.touched
    assert draft.settled().tree != RunConfig()


@pytest.mark.asyncio
async def test_compare_overlays_curves_and_shows_only_differences(home: Home) -> None:
    first = make_run(home, 1, name="one", changes={"train.lr": 1e-4})
    make_run(home, 2, name="two", steps=300)
    make_run(home, 3, name="three", ended="failed", reached=150)
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        await on(pilot, RunsScreen)
        await until(pilot, lambda: pilot.app.screen_stack[-1].query_one(DataTable).row_count == 3)
        await pilot.press("space", "space", "space", "c")
        screen = await on(pilot, CompareScreen)
        await until(pilot, lambda: screen.query_one("#compare-d", Chart).series)
        assert [curve.name for curve in screen.query_one("#compare-d", Chart).series] == ["three", "two", "one"]
        await pilot.press("2")
        await until(pilot, lambda: all(picture._lines for picture in screen.query(TextPicture)))
        await pilot.press("left_square_bracket", "left_square_bracket")
        titles = [str(screen.query_one(f"#side-title-{number}", Static).content) for number in range(3)]
        assert titles == ["three\nstep 100", "two\nstep 200", "one\nstep 200"]
        await pilot.press("3")
        assert screen.query_one(TabbedContent).active == "differences"
        table = screen.query_one("#diff-table", DataTable)
        lines = [[str(cell) for cell in table.get_row_at(number)] for number in range(table.row_count)]
        assert ["train.lr", "0.0005", "0.0005", "0.0001"] in lines
        assert ["score: read as asked", "-", "0.984", "0.984"] in lines
        assert not any(line[0] == "train.batch_size" for line in lines)
        edit_meta(first, name="edited")
        pilot.app.announce(Changed())  # type: ignore[attr-defined]
        await until(pilot, lambda: str(screen.query_one("#side-title-2", Static).content).startswith("edited"))


@pytest.mark.asyncio
async def test_compare_and_the_table_show_what_the_score_card_says(home: Home) -> None:
    """scores.json as `etlgan score` writes it; a damaged one is as none."""
    for number, said in enumerate(({"gan_test": 0.75, "fcd": None, "spread": 0.91}, {"gan_test": 0.5}, None), start=1):
        run = make_run(home, number, reached=300, ended="stopped")  # not judged while it trained
        content = {
            "step": 300,
            "overall": 0.9 - number / 10,
            "columns": {"generated": said, "held-out real": {"gan_test": 1.0}},
        }
        run.scores.write_text("{ torn" if said is None else json.dumps(content))
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        await on(pilot, RunsScreen)
        shown = pilot.app.screen_stack[-1].query_one(RunTable)
        await until(pilot, lambda: shown.row_count == 3)
        scores = [str(shown.get_cell(f"261105-12000{number}-abc", "score")).strip() for number in (1, 2, 3)]
        assert scores == ["0.8", "0.7", ""]
        await pilot.press("space", "space", "space", "c")
        screen = await on(pilot, CompareScreen)
        table = screen.query_one("#diff-table", DataTable)
        await until(pilot, lambda: table.row_count)
        lines = [[str(cell) for cell in table.get_row_at(number)] for number in range(table.row_count)]
        assert ["card: gan_test", "-", "0.5", "0.75"] in lines
        assert ["card: spread", "-", "-", "0.91"] in lines
        assert not any(line[0] == "card: fcd" for line in lines)


@pytest.mark.asyncio
async def test_the_time_to_quality_is_shown_wherever_a_run_is(home: Home) -> None:
    run, other = make_run(home, 1, reached=300, ended="stopped"), make_run(home, 2, reached=300, ended="stopped")
    with run.events.open("ab") as log:
        log.write(events.encode(Scored(step=300, time=NOW, scores={"gan_test": 0.99}, seconds=125.0, passed=True)))
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        home_screen = await on(pilot, RunsScreen)
        shown = home_screen.query_one(RunTable)
        await until(pilot, lambda: shown.row_count == 2)
        assert str(shown.get_cell(run.id, "to target")).strip() == "2:05"
        assert str(shown.get_cell(other.id, "to target")).strip() == ""
        await pilot.press("space", "down", "space")
        facts = home_screen.query_one("#glance-facts", Static)
        await until(pilot, lambda: "target after 2:05" in str(facts.content))
        await pilot.press("c")
        compared = await on(pilot, CompareScreen)
        table = compared.query_one("#diff-table", DataTable)
        await until(pilot, lambda: table.row_count)
        lines = [[str(cell) for cell in table.get_row_at(number)] for number in range(table.row_count)]
        assert ["time to quality", "-", "2:05"] in lines
        await pilot.press("escape", "enter")
        single = await on(pilot, RunScreen)
        await until(pilot, lambda: "target after 2:05" in str(single.query_one("#heading", Static).content))


@pytest.mark.asyncio
async def test_one_run_cannot_be_compared(home: Home) -> None:
    make_run(home, 1)
    async with TestApp(home).run_test(size=(120, 40)) as pilot:
        await on(pilot, RunsScreen)
        await until(pilot, lambda: pilot.app.screen_stack[-1].query_one(DataTable).row_count == 1)
        await pilot.press("space", "c")
        await until(pilot, lambda: any("mark two runs" in told for told in toasts(pilot)))
