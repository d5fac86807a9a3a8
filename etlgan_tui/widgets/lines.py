"""Text as it is, in the room that it needs."""

from textual.visual import VisualType
from textual.widgets import Static


class Lines(Static):
    """Never markup: names, notes and logs are not drawn raw. Where CSS says `auto`, as high as the newest text."""

    def __init__(
        self, content: VisualType = "", *, id: str | None = None, classes: str | None = None, name: str | None = None
    ) -> None:
        super().__init__(content, markup=False, id=id, classes=classes, name=name)

    def update(self, content: VisualType = "", *, layout: bool = True) -> None:
        """Show other text; `layout` as False: its height is known to stay."""
        super().update(content, layout=layout)
        if layout:
            # A busy screen may be laid out between two updates before this widget has told it of the first. Textual 8.2
            # counts both as one, and keeps the first one's height. A change of style is counted always.
            self.styles.height = "auto"
            self.styles.height = None
