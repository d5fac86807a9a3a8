"""A widget that shows text, where the screen is busy."""

from collections.abc import Iterator

import pytest
from textual.app import App
from textual.containers import VerticalScroll

from etlgan_tui.widgets.lines import Lines

pytestmark = pytest.mark.asyncio


class Two(App[None]):
    def compose(self) -> Iterator[VerticalScroll]:
        yield VerticalScroll(Lines("[b]first[/b]", id="first"), Lines("below", id="below"))


async def test_text_has_its_room_also_where_it_is_told_twice_before_the_screen_notices() -> None:
    async with Two().run_test() as pilot:
        first, below = pilot.app.query_one("#first", Lines), pilot.app.query_one("#below", Lines)
        first.update("one line")
        below.update("anything that makes the screen lay out now")
        pilot.app.query_one(VerticalScroll)._clear_arrangement_cache()
        pilot.app.screen._refresh_layout()
        first.update("\n".join("12345678"))
        await pilot.pause()
        await pilot.pause(0.2)
        assert first.size.height == 8
        assert below.region.y == 8


async def test_text_is_never_markup() -> None:
    async with Two().run_test() as pilot:
        assert "[b]first[/b]" in pilot.app.query_one("#first", Lines).render_line(0).text
