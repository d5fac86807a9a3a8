"""What can be done to the run that a screen stands on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import ClassVar

from textual.binding import Binding, BindingType

from core.errors import EtlganError
from core.gan.saved import why_none
from core.rundir import RunDir
from core.runs import launcher
from core.runs.meta import checked_name, checked_tags, printable, read_meta
from core.runs.state import state_of
from etlgan_tui.background import once
from etlgan_tui.sampling import newest_step
from etlgan_tui.screens import resuming
from etlgan_tui.screens.base import BaseScreen, Changed
from etlgan_tui.screens.prompt import Confirm, Prompt

KILL_AFTER = 10.0  # seconds between asking and insisting


class RunActions(BaseScreen):
    """Actions on one run; a screen says which by `target`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "stop", "Stop"),
        Binding("r", "resume", "Resume"),
        Binding("Q", "queue", "Resume in the queue", show=False),
        Binding("d", "duplicate", "Duplicate"),
        Binding("g", "playground", "Playground"),
        Binding("t", "tag", "Tags", show=False),
        Binding("N", "note", "Note", show=False),
        Binding("R", "rename", "Rename", show=False),
        Binding("delete,D", "delete", "Delete", show=False),
        Binding("u", "undo", "Undo delete", show=False),
        Binding("y", "copy_path", "Copy path", show=False),
        Binding("O", "open_folder", "Open folder", show=False),
        Binding("K", "kill", "Kill", show=False),
    ]

    @property
    def target(self) -> str:
        """The id of the run that the actions are for, "" for none."""
        raise NotImplementedError

    @property
    def targets(self) -> tuple[str, ...]:
        """Of what is done to several runs at once: the marked ones, where a screen has marks, else the target."""
        return (self.target,) if self.target else ()

    def without_target(self) -> str:
        """What to say where `target` is "" and a run is wanted."""
        return "no run is selected; press n for a new one"

    def _run(self) -> RunDir | None:
        run_id = self.target
        if not run_id:
            self.notify(self.without_target(), severity="warning")
            return None
        run = self.home.run(run_id)
        if not run.path.is_dir():
            self.notify(f"run {run_id} is not in {self.home.runs} any more", severity="warning", markup=False)
            return None
        return run

    def perform(self, work: Callable[[], Changed]) -> None:
        """In the background; its word is told, and every screen looks again."""
        once(self.app, work, done=self.etlgan.announce, failed=self.tell)

    def action_stop(self) -> None:
        if run := self._run():
            self.perform(lambda: Changed(launcher.stop(run)))

    def action_kill(self) -> None:
        run = self._run()
        if run is None:
            return
        if not state_of(run).live:
            self.notify(f"run {run.id} is not live; there is nothing to kill", severity="warning", markup=False)
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.perform(lambda: Changed(launcher.stop(run, kill_after=KILL_AFTER)))

        question = f"Kill {read_meta(run).name}? It is asked to stop first; {KILL_AFTER:g} s later it is killed, and "
        self.app.push_screen(
            Confirm(f"{question}what it did since its last checkpoint is lost.", yes="Kill (y)"), answered
        )

    def action_resume(self) -> None:
        if run := self._run():
            resuming.ask(self, run, queued=False)

    def action_queue(self) -> None:
        """It goes on at its turn."""
        if run := self._run():
            resuming.ask(self, run, queued=True)

    def action_rename(self) -> None:
        if run := self._run():
            self._edit(run, "name", "Name", read_meta(run).name, check=checked_name)

    def action_note(self) -> None:
        if run := self._run():
            self._edit(run, "note", "Note", read_meta(run).note.replace("\n", " "))

    def action_tag(self) -> None:
        run = self._run()
        if run is None:
            return

        def split(text: str) -> tuple[str, ...]:
            return checked_tags(part.strip() for part in text.split(",") if part.strip())

        self._edit(run, "tags", "Tags", ", ".join(read_meta(run).tags), check=split, hint="separated by commas")

    def _edit(
        self,
        run: RunDir,
        field: str,
        title: str,
        value: str,
        *,
        check: Callable[[str], object] | None = None,
        hint: str = "",
    ) -> None:
        """Ask for a field of meta.json and write what comes back; `check` also converts it."""

        def answered(text: str | None) -> None:
            if text is None:
                return

            def work() -> Changed:
                launcher.edit_meta(run, **{field: check(text) if check else text})
                return Changed(f"{field} of {run.id} saved")

            self.perform(work)

        self.app.push_screen(Prompt(f"{title} of {run.id}", value=value, hint=hint, check=check), answered)

    def action_delete(self) -> None:
        """To the trash at once, the marked ones together: that can be undone, so nothing is asked."""
        if not self.targets:
            self.notify(self.without_target(), severity="warning")
            return
        home, removed, runs = self.home, self.etlgan.removed, [self.home.run(run_id) for run_id in self.targets]

        def work() -> Changed:
            names, left = list[str](), list[EtlganError]()
            waited = any(run.ticket.exists() for run in runs)
            for run in runs:
                try:
                    names.append(launcher.remove(home, run).name)
                except EtlganError as error:
                    left.append(error)
            if not names:
                raise left[0]
            removed.append(tuple(names))
            told = f"run {runs[0].id} is in the trash; u brings it back"
            if len(runs) > 1:
                told = f"{len(names)} runs are in the trash; u brings them back" + "".join(f"; {one}" for one in left)
            return Changed(told + (", but not into the queue (Q)" if waited else ""))

        self.perform(work)

    def action_undo(self) -> None:
        """What was deleted last, all of it."""
        home, removed = self.home, self.etlgan.removed
        if not removed:
            self.notify("nothing was deleted in this session; `etlgan restore` brings older ones back", markup=False)
            return

        names = removed.pop()  # also where they are not in the trash any more: those before may be

        def work() -> Changed:
            runs = [launcher.restore(home, name) for name in names]
            told = f"run {runs[0].id} is back" if len(runs) == 1 else f"{len(runs)} runs are back"
            return Changed(told, runs[-1].id)

        self.perform(work)

    def action_duplicate(self) -> None:
        if run := self._run():
            from etlgan_tui.screens.new import NewScreen

            self.app.push_screen(NewScreen(run))

    def action_playground(self) -> None:
        """Write with the run's generator, if it has been saved yet."""
        run = self._run()
        if run is None:
            return
        if newest_step(run) is None:
            self.notify(printable(why_none(run)), severity="warning", markup=False)
            return
        from etlgan_tui.screens.playground import PlaygroundScreen

        self.app.push_screen(PlaygroundScreen(run))

    def action_copy_path(self) -> None:
        if run := self._run():
            self.app.copy_to_clipboard(str(run.path))
            self.notify(str(run.path), title="Copied", markup=False)

    def action_open_folder(self) -> None:
        """In the desktop's file manager; without one (ssh) the path is copied, and both is said."""
        run = self._run()
        if run is None:
            return
        opener = shutil.which("open" if sys.platform == "darwin" else "xdg-open")
        if opener and (sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            subprocess.Popen(
                [opener, str(run.path)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        else:
            self.app.copy_to_clipboard(str(run.path))
            self.notify(str(run.path), title="No file manager here; copied", markup=False)
