"""One line asked for, or a yes to what cannot be undone."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label

from core.errors import EtlganError
from etlgan_tui.widgets.lines import Lines

Check = Callable[[str], object]  # raises EtlganError for what cannot be taken


class Prompt(ModalScreen[str | None]):
    """A line of text; None when it was called off. What `check` says is told as one types."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Cancel")]

    def __init__(
        self,
        title: str,
        *,
        value: str = "",
        hint: str = "",
        check: Check | None = None,
        keys: str = "Enter saves, Escape leaves it as it is",
    ) -> None:
        super().__init__()
        self._title, self._value, self._hint, self._check, self._keys = title, value, hint, check, keys

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Label(self._title, markup=False, classes="dialog-title")
            yield Input(self._value, id="answer", select_on_focus=False)
            yield Lines(self._hint, id="hint")
            yield Lines(self._keys, classes="dialog-keys")

    def _problem(self, text: str) -> str:
        try:
            if self._check:
                self._check(text)
        except EtlganError as error:
            return str(error)
        return ""

    @on(Input.Changed)
    def tell(self, event: Input.Changed) -> None:
        problem = self._problem(event.value) if event.value else ""
        hint = self.query_one("#hint", Lines)
        hint.update(problem or self._hint)
        hint.set_class(bool(problem), "-problem")

    @on(Input.Submitted)
    def answer(self, event: Input.Submitted) -> None:
        if not self._problem(event.value):
            self.dismiss(event.value)


class Confirm(ModalScreen[bool]):
    """For what cannot be undone, and nothing else. Enter leaves it."""

    AUTO_FOCUS = "#no"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "dismiss(False)", "No"),
        Binding("y", "dismiss(True)", "Yes"),
    ]

    def __init__(self, question: str, *, yes: str) -> None:
        super().__init__()
        self._question, self._yes = question, yes

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Label(self._question, markup=False, classes="dialog-title")
            with Horizontal(classes="buttons"):
                yield Button(self._yes, variant="error", id="yes")
                yield Button("Leave it (n)", id="no")

    @on(Button.Pressed)
    def answer(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")
