"""A table whose cells are never left clipped."""

from rich.text import Text
from textual.widgets import DataTable


class Table(DataTable[Text]):
    """Textual measures new cells when it is idle. What it drew before that is kept, too narrow, until the next change
    (textualize/textual#3533, #4470), so it is drawn anew as soon as the columns have their widths."""

    def watch_virtual_size(self) -> None:
        self.notify_style_update()
