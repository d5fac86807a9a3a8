"""A new run: a form made from the configuration tree, checked as one types, with the command that does the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.timer import Timer
from textual.widgets import Button, Collapsible, Label

from core import config as configs
from core import presets
from core.config import Field
from core.errors import EtlganError
from core.glyphs import repertoire
from core.rundir import RunDir
from core.runs import launcher
from core.runs.meta import checked_name, checked_tags, printable
from etlgan_tui.background import Errand, once
from etlgan_tui.draft import Draft, characters_of, values
from etlgan_tui.estimate import estimate, preparing
from etlgan_tui.screens.base import BaseScreen, Changed
from etlgan_tui.screens.prompt import Confirm
from etlgan_tui.widgets.bar import TopBar
from etlgan_tui.widgets.field_row import FieldRow
from etlgan_tui.widgets.keys import KeyBar
from etlgan_tui.widgets.lines import Lines

# What most runs change; the other fields are folded away by their group.
FIRST = (
    "data.source",
    "data.chars",
    "data.size",
    "data.per_char",
    "recipe.name",
    "model.size",
    "train.steps",
    "train.batch_size",
    "seed",
)
USUAL = "hiragana-a-ka"
GROUPS = ("data", "model", "recipe", "train", "cluster")
ABOUT_RUN = ("name", "tags", "note")
REST_SECONDS = 0.3  # after typing, until the data are looked at


class NewScreen(BaseScreen):
    """Empty, with the settings of another run, or with what was filled in elsewhere."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "Cancel"),
        Binding("ctrl+l", "launch", "Launch", priority=True),
        Binding("ctrl+o", "queue", "Queue", priority=True),
        Binding("ctrl+y", "copy", "Copy command"),
        Binding("q", "leave", "Quit"),
    ]

    HELP_NOTES = """\
What is wrong is told at its field, and nothing starts before it is
right. The line at the bottom does the same from a shell. A queued
run waits for its turn."""

    def __init__(self, like: RunDir | None = None, *, draft: Draft | None = None) -> None:
        super().__init__()
        self.like = like
        self.draft = draft or Draft(preset=USUAL)
        self._fields = {field.name: field for field in configs.fields()}
        self._problems: dict[str, str] = {}  # told at their fields
        self._source_problem = ""
        self._launching = False
        self._rest: Timer | None = None

    def compose(self) -> ComposeResult:
        if self.like:
            self._take_over(self.like)
        shown = values(self.draft.settled().tree)
        yield TopBar()
        with VerticalScroll(id="form", can_focus=False):
            yield Label(f"New run like {self.like.id}" if self.like else "New run", markup=False, classes="form-title")
            yield FieldRow(
                "preset",
                label="preset",
                value=self.draft.preset,
                hint=self._about_preset(),
                choices=("", *presets.PRESETS),
            )
            for name in FIRST:
                yield self._row(self._fields[name], shown[name])
            yield FieldRow("name", label="name", value="", hint="empty: the preset's, counted up")
            yield FieldRow("tags", label="tags", value=self.draft.tags, hint="separated by commas")
            yield FieldRow("note", label="note", value=self.draft.note)
            for group in GROUPS:
                yield Collapsible(title=f"{group}: all other settings", id=f"group-{group}")
        yield Lines(id="command")
        with Horizontal(classes="buttons"):
            yield Button("Launch (Ctrl+L)", id="launch", variant="primary", compact=True)
            yield Button("Queue (Ctrl+O)", id="queue", compact=True)
            yield Button("Cancel (Esc)", id="cancel", compact=True)
        yield KeyBar()

    def on_mount(self) -> None:
        self._checking = Errand(
            self,
            lambda: characters_of(self.draft.settled().tree.data),
            done=self._show_characters,
            failed=self._show_source_problem,
        )
        self._show_command()
        self._checking.ask()
        self.query_one(FieldRow).query_one(".field-editor").focus()

    def _take_over(self, run: RunDir) -> None:
        try:
            self.draft = Draft.of(configs.decode(run.config.read_bytes(), where=str(run.config)))
        except (EtlganError, OSError) as error:
            self.like = None
            self.tell(f"cannot take over the settings of {run.id}: {error}")

    def _row(self, field: Field, value: str) -> FieldRow:
        choices = ("true", "false") if field.type is bool else tuple(map(str, field.choices))
        limits = "" if choices else field.limits
        hint = "  ".join(filter(None, (limits, field.unit))) or field.description
        label = field.name if field.name in FIRST else field.name.rpartition(".")[2]
        return FieldRow(field.name, label=label, value=value, hint=hint, about=field.description, choices=choices)

    def _about_preset(self) -> str:
        """What it is, and what it takes with all that was edited."""
        row = presets.PRESETS.get(self.draft.preset)
        about = row.about if row else "the defaults of every field"
        try:
            tree = self.draft.settled().tree
            classes = len(repertoire.characters(tree.data.chars))
        except EtlganError:  # told at its field
            return about
        minutes = max(1, int((estimate(tree, classes=classes).seconds + preparing(tree, classes=classes)) / 60))
        return f"{about}; {'as edited ' if self.draft.touched else ''}about {minutes:,} min on 2 cores"

    # --- editing ---

    @on(Collapsible.Expanded)
    def unfold(self, event: Collapsible.Expanded) -> None:
        """A group's rows are made when somebody looks at them."""
        group = (event.collapsible.id or "").removeprefix("group-")
        contents = event.collapsible.query_one(Collapsible.Contents)
        if group in GROUPS and not contents.children:
            shown = {**values(self.draft.settled().tree), **self.draft.touched}
            rest = [field for name, field in self._fields.items() if name.startswith(f"{group}.") and name not in FIRST]
            contents.mount_all(self._row(field, shown[field.name]) for field in rest)
            self.call_after_refresh(self._tell_problems, {})

    @on(FieldRow.Edited)
    def edit(self, event: FieldRow.Edited) -> None:
        name, text = event.name, event.text
        if name == "preset":
            self.draft.preset = text
        elif name in ABOUT_RUN:
            setattr(self.draft, name, text)
            self._tell(name, self._about_problem(name))
        else:
            self.draft.edit(name, text)
            self._problems.pop(name, None)
            self._tell(name, "")
        self._tell("preset", "", hint=self._about_preset())
        self._show_draft()
        self._show_command()
        if name == "preset" or name.startswith("data."):
            if self._rest:
                self._rest.stop()
            self._rest = self.set_timer(REST_SECONDS, self._checking.ask)

    def _about_problem(self, name: str) -> str:
        try:
            if name == "name" and self.draft.name:
                checked_name(self.draft.name)
            elif name == "tags":
                checked_tags(self.draft.tag_list())
        except EtlganError as error:
            return str(error)
        return ""

    def _show_draft(self) -> None:
        """Fields that nobody touched follow the preset and the recipe."""
        tree, problems = self.draft.settled()
        shown = values(tree)
        for row in self.query(FieldRow):
            if row.field in shown and row.field not in self.draft.touched:
                row.put(shown[row.field])
        before, self._problems = self._problems, problems
        self._tell_problems(before)

    def _tell_problems(self, told: Mapping[str, str]) -> None:
        """What is wrong, or not any more, where that is not `told` already."""
        for row in self.query(FieldRow):
            if (problem := self._problems.get(row.field, "")) != told.get(row.field, ""):
                row.tell(problem)

    def _show_command(self) -> None:
        self.query_one("#command", Lines).update(self.draft.command())

    def _show_characters(self, told: str) -> None:
        self._source_problem = ""
        if "data.chars" not in self._problems:  # else they are the preset's
            self._tell("data.chars", "", hint=printable(told))
        if "data.source" not in self._problems:
            self._tell("data.source", "")

    def _show_source_problem(self, problem: str) -> None:
        self._source_problem = problem
        at = "data.chars" if "character" in problem else "data.source"
        self._tell(at, printable(problem))

    def _tell(self, name: str, problem: str, *, hint: str = "") -> None:
        for row in self.query(FieldRow):
            if row.field == name:
                row.tell(problem, hint=hint)

    # --- launching ---

    @on(Button.Pressed, "#launch")
    def action_launch(self) -> None:
        self._start(queued=False)

    @on(Button.Pressed, "#queue")
    def action_queue(self) -> None:
        """It waits for a free slot."""
        self._start(queued=True)

    def _start(self, *, queued: bool) -> None:
        tree, problems = self.draft.settled()
        wrong = problems | {name: told for name in ABOUT_RUN if (told := self._about_problem(name))}
        if wrong or self._source_problem:
            name, told = next(iter(wrong.items()), ("data", self._source_problem))
            self.notify(f"{name}: {told}", title="Not launched", severity="error", markup=False)
            return
        if self._launching:
            return
        self._launching = True
        home, draft = self.home, self.draft

        def work() -> RunDir:
            return launcher.start(home, tree, name=draft.name, tags=draft.tag_list(), note=draft.note, queued=queued)

        once(self, work, done=self._queued if queued else self._launched, failed=self._failed)

    @on(Button.Pressed, "#cancel")
    def cancel(self) -> None:
        self.app.pop_screen()

    def action_leave(self) -> None:
        """End the dashboard, where nobody has filled in anything at once."""
        draft = self.draft
        if not (draft.touched or draft.name or draft.tags or draft.note):
            self.app.exit()
            return
        question = "Quit? What was filled in here is lost."
        self.app.push_screen(Confirm(question, yes="Quit (y)"), lambda yes: self.app.exit() if yes else None)

    def _launched(self, run: RunDir) -> None:
        from etlgan_tui.screens.run import RunScreen

        self.etlgan.announce(Changed(f"run {run.id} started", run.id))
        self.app.switch_screen(RunScreen(run))

    def _queued(self, run: RunDir) -> None:
        self.app.pop_screen()
        self.etlgan.announce(Changed(f"run {run.id} is in the queue", run.id))

    def _failed(self, problem: str) -> None:
        self._launching = False
        self.notify(problem, title="Not launched", severity="error", timeout=15, markup=False)

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(self.draft.command())
        self.notify(self.draft.command(), title="Copied", markup=False)
