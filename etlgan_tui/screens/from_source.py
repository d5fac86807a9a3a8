"""What the screens about data share: what a source holds in words, and a new run that begins with it."""

from __future__ import annotations

from etlgan_tui.background import once
from etlgan_tui.draft import Draft
from etlgan_tui.looks import counted
from etlgan_tui.screens.base import BaseScreen
from etlgan_tui.sources import Opened, Overview


class FromSource(BaseScreen):
    """A screen from which a new run may be started."""

    def new_run(self, source: Opened) -> None:
        """The form, filled in with the source and characters that it has."""

        def made(draft: Draft) -> None:
            from etlgan_tui.screens.new import NewScreen

            self.app.push_screen(NewScreen(draft=draft))

        once(self, source.draft, done=made, failed=self.tell)


def facts(overview: Overview) -> list[str]:
    """Sets, characters and counts, a line each."""
    lines = [
        f"{row.data_set}: {row.files} of {row.published_files} files, {counted(row.images, 'image')}, "
        f"{row.width} x {row.height}, {row.bits} bit; {row.about}"
        for row in overview.sets
    ]
    if overview.counts is None:
        return [*lines, "counting ..."]
    if overview.endless:
        return [*lines, f"{counted(len(overview.counts), 'character')}, as many images of each as one likes"]
    numbers = sorted(overview.counts.values())
    if not numbers:
        return [*lines, "no image of a known character"]
    low, middle, high = numbers[0], numbers[len(numbers) // 2], numbers[-1]
    each = f"{low:,} of each" if low == high else f"{low:,} to {high:,} of each, mostly {middle:,}"
    return [*lines, f"{counted(len(numbers), 'character')}, {counted(sum(numbers), 'image')}; {each}"]
