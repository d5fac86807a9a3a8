"""The top line: where we are, and how the machine does."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget


class TopBar(Widget):
    """One line; what does not fit goes, the machine first."""

    where: reactive[str] = reactive("")
    machine: reactive[str] = reactive("")

    def render(self) -> Text:
        room = self.size.width - cell_len(self.where) - 3
        parts = self.machine.split("   ")
        while parts and cell_len("   ".join(parts)) > room:
            parts.pop()
        machine = "   ".join(parts)
        gap = max(1, self.size.width - cell_len(self.where) - cell_len(machine) - 2)
        return Text(f" {self.where}{' ' * gap}{machine} ", no_wrap=True, overflow="ellipsis", end="")
