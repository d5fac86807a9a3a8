"""One setting of a form: its name, an editor of its type, and its limits or what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Label, Select

from etlgan_tui.widgets.lines import Lines


class FieldRow(Horizontal):
    """Text in, text out; choices are picked."""

    @dataclass
    class Edited(Message):
        """A person changed the value."""

        name: str
        text: str

    def __init__(
        self, field: str, *, label: str, value: str, hint: str = "", about: str = "", choices: Sequence[str] = ()
    ) -> None:
        super().__init__()
        self.field, self._label, self._value, self._hint = field, label, value, hint
        self._choices = choices
        if about:
            self.tooltip = about

    def compose(self) -> ComposeResult:
        yield Label(self._label, markup=False, classes="field-label")
        if self._choices:
            options = [(choice or "(none)", choice) for choice in self._choices]
            yield Select(options, value=self._value, allow_blank=False, compact=True, classes="field-editor")
        else:
            yield Input(self._value, compact=True, classes="field-editor")
        yield Lines(self._hint, classes="field-hint")

    @property
    def value(self) -> str:
        return self._value

    def put(self, value: str) -> None:
        """Show another value without taking it for an edit."""
        if value == self._value:
            return
        self._value = value
        editor = self.query_one(".field-editor")
        if isinstance(editor, Input | Select):
            with editor.prevent(Input.Changed, Select.Changed):
                editor.value = value

    def tell(self, problem: str, *, hint: str = "") -> None:
        """What is wrong, else the hint (else the usual one)."""
        shown = self.query_one(".field-hint", Lines)
        shown.update(problem or hint or self._hint)
        shown.set_class(bool(problem), "-problem")
        self.set_class(bool(problem), "-wrong")

    def on_descendant_focus(self) -> None:
        """On a narrow screen only this one's hint is shown whole."""
        self.add_class("-here")

    def on_descendant_blur(self) -> None:
        self.remove_class("-here")

    @on(Input.Changed)
    @on(Select.Changed)
    def say(self, event: Input.Changed | Select.Changed) -> None:
        event.stop()
        text = str(event.control.value)  # as it is now: meanwhile another one may have been put there
        if text != self._value:
            self._value = text
            self.post_message(self.Edited(self.field, text))
