"""Random kills of whatever works on a home, and the question afterwards: is everything there, and is it true?"""

import contextlib
import os
import pty
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

from core.events import decode
from core.rundir import Home, RunDir
from core.runs import launcher, slots, tickets, waiter
from core.runs.find import run_ids
from core.runs.state import State, state_of
from core.runs.store import Store
from core.runs.sync import reindex, sync

from . import processes
from .ledger import Ledger

CLI = [sys.executable, "-P", "-c", "from etlgan_tui.cli import main; main()"]
DASHBOARD = [sys.executable, "-P", "-m", "etlgan_tui"]
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP)
TARGETS = ("trainer",) * 7 + ("runner",) * 6 + ("cli",) * 4 + ("waiter",) * 3 + ("dashboard",) * 2
PARALLEL, SLOTS = 3, 2
CORES = len(os.sched_getaffinity(0))
PATIENCE = max(1.0, float(os.environ.get("TORTURE_PATIENCE", os.getloadavg()[0] / CORES)))
"""Times longer that anything may take before it counts as hung, on a machine that others use too. What must come out
at the end is the same."""


class Storm:
    """`faults` signals over a home in which three runs are always kept going, two of the queued ones at a time."""

    def __init__(
        self,
        home: Home,
        ledger: Ledger,
        *,
        seed: int,
        settings: tuple[str, ...],
        with_dashboard: bool,
        most_runs: int = 30,
    ) -> None:
        self.most_runs = most_runs  # then only those that were stopped, killed or crashed go on
        self.home, self.ledger, self.random = home, ledger, random.Random(seed)
        self.settings = [word for setting in settings for word in ("--set", setting)]
        self.with_dashboard = with_dashboard
        self.commands: list[subprocess.Popen[bytes]] = []
        self.dashboard: subprocess.Popen[bytes] | None = None
        self.before: dict[str, tuple[str, int]] = {}  # run id -> state and attempts begun when it was last resumed
        self.baseline = len(ledger.wrong), len(ledger.losses)
        self.hits: dict[str, list[tuple[str, str]]] = defaultdict(list)  # run id -> what was sent to whom, this attempt

    def run(self, faults: int, *, most_seconds: float, pause: float) -> int:
        """Faults that hit somebody: `faults`, unless time ran out before."""
        tickets.change_settings(self.home, slots=SLOTS)
        hit, until = 0, time.monotonic() + most_seconds * PATIENCE
        while hit < faults and time.monotonic() < until:
            self._keep_going()
            time.sleep(self.random.uniform(0, pause))
            hit += self._strike()
            self._check_slots()
        self.ledger.faults += hit
        return hit

    def settle(self, seconds: float = 90.0) -> None:
        """Let what lives come to its end, and look at every state on the way."""
        for command in self.commands:
            with contextlib.suppress(subprocess.TimeoutExpired):
                command.wait(timeout=20 * PATIENCE)
            command.kill()
            command.wait()
        if self.dashboard:
            self.dashboard.kill()
            self.dashboard.wait()
        until = time.monotonic() + seconds * PATIENCE
        while time.monotonic() < until:
            waiter.revive(self.home)
            if not any(state_of(run).kind in ("running", "queued") for run in self.runs()):
                break
            time.sleep(0.1)
        else:
            self.ledger.wrong.append(f"after {seconds * PATIENCE:.0f} s some runs have not come to their end")
        self.check_states()

    def runs(self) -> list[RunDir]:
        return [self.home.run(run_id) for run_id in run_ids(self.home)]

    # --- keeping three going ---

    def _keep_going(self) -> None:
        self.commands = [command for command in self.commands if command.poll() is None]
        if self.with_dashboard and (self.dashboard is None or self.dashboard.poll() is not None):
            self.dashboard = _in_terminal(DASHBOARD)
        waiter.revive(self.home)
        runs = self.runs()
        ended = [run for run in runs if state_of(run).kind not in ("running", "queued")]
        if len(runs) - len(ended) + len(self.commands) >= PARALLEL + 1:
            return
        again = [run for run in ended if state_of(run).kind != "finished"]
        full = len(runs) >= self.most_runs
        if again and (full or self.random.random() < 0.6):
            self._resume(self.random.choice(again))
        elif full:
            return
        elif self.random.random() < 0.5:
            queue = ["--queue"] if self.random.random() < 0.6 else []
            self._command("run", *queue, *self.settings, "--name", f"run {len(runs)}")
        else:
            from core.config import parse_assignments
            from core.presets import resolve

            launcher.start(self.home, resolve("", parse_assignments(self.settings[1::2])), queued=True)

    def _resume(self, run: RunDir) -> None:
        """Of a run that has ended: what was sent to the attempt before counts no more."""
        self._check_state(run)
        self.before[run.id] = state_of(run).kind, self._begun(run)
        self.hits.pop(run.id, None)
        if self.random.random() < 0.5:
            self._command("resume", run.id)
            return
        with contextlib.suppress(Exception):  # a command may have been faster
            launcher.resume(self.home, run, queued=self.random.random() < 0.5)

    def _command(self, *words: str) -> None:
        quiet = subprocess.DEVNULL
        self.commands.append(subprocess.Popen([*CLI, *words], stdin=quiet, stdout=quiet, stderr=quiet))

    # --- striking ---

    def _strike(self) -> bool:
        target, number = self.random.choice(TARGETS), self.random.choice(SIGNALS)
        pause = self.random.uniform(0.01, 0.3)
        if target in ("runner", "trainer"):
            return self._strike_run(target, number, pause)
        if target == "waiter":
            found = processes.waiters(self.home.root)
        else:
            commands = self.commands if target == "cli" else [self.dashboard] if self.dashboard else []
            found = [command.pid for command in commands if command.poll() is None]
        return bool(found) and processes.send(self.random.choice(found), number, pause)

    def _strike_run(self, role: str, number: signal.Signals, pause: float) -> bool:
        living = [(run, found) for run in self.runs() if role in (found := processes.of_run(run.path))]
        if not living:
            return False
        run, found = self.random.choice(living)
        self.hits[run.id].append((role, number.name))
        if number == signal.SIGTERM and self.random.random() < 0.5:  # as `etlgan stop` does
            self.hits[run.id].append(("group", "SIGTERM"))
            with contextlib.suppress(ProcessLookupError):
                os.killpg(os.getpgid(found[role]), number)
            return True
        return processes.send(found[role], number, pause)

    # --- asking ---

    def _check_slots(self) -> None:
        taken = [place.slot for place in slots.places(self.home) if place.slot >= 0]
        if len(taken) > SLOTS or len(set(taken)) < len(taken):
            self.ledger.wrong.append(f"slots taken: {taken}, of {SLOTS}")

    def check_states(self) -> None:
        for run in self.runs():
            self._check_state(run)

    def _check_state(self, run: RunDir) -> None:
        """The derived state is what happened, as signals sent, witness and process table tell it."""
        state = state_of(run)
        living = processes.of_run(run.path)
        if state.live != bool(living):
            time.sleep(0.2)  # it may have changed between the two looks
            state, living = state_of(run), processes.of_run(run.path)
        kind, begun = self.before.get(run.id, ("", 0))
        begins = self._begun(run) > begun  # else it did not come to another attempt, or that one had no time to say so
        possible = _possible(self.hits[run.id], self._last_word(run) if begins else "")
        possible |= {kind} if not begins and kind else set()
        possible = {"running"} if living else possible
        if not living and state.kind == "queued":
            return
        if state.kind not in possible:
            self._wrong(run, state, possible)

    def _wrong(self, run: RunDir, state: State, possible: set[str]) -> None:
        said = f"run {run.id} is {state.kind} {state.detail}, should be {' or '.join(sorted(possible))}"
        exit_json = run.exit.read_text() if run.exit.exists() else "none"
        self.ledger.wrong.append(f"{said}; sent {self.hits[run.id]}; exit {exit_json}")

    def _witnessed(self, run: RunDir) -> list[bytes]:
        path = Path(os.environ["WITNESS"]) / run.id
        return (
            [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
            if path.exists()
            else []
        )

    def _begun(self, run: RunDir) -> int:
        return sum(b'"started"' in line for line in self._said(run))

    def _said(self, run: RunDir) -> list[bytes]:
        """Whole lines by the witness; the real trainer has none, so there the run's own."""
        if lines := self._witnessed(run):
            return lines
        return (
            [line for line in run.events.read_bytes().splitlines() if line.endswith(b"}")]
            if run.events.exists()
            else []
        )

    def _last_word(self, run: RunDir) -> str:
        """The state that the newest attempt said of itself, "" where it said none."""
        lines = self._said(run)
        words = [line for line in lines if b'"started"' in line or b'"finished"' in line]
        return getattr(decode(words[-1]), "state", "") if words else ""

    def check_events(self) -> None:
        """Every line that was flushed is in the run, in order, and every line there is whole."""
        for run in self.runs():
            said = run.events.read_bytes().splitlines(keepends=True) if run.events.exists() else []
            self.ledger.events += len(said)
            position = iter(said)
            lost = [line for line in self._witnessed(run) if not any(line == other for other in position)]
            if lost:
                self.ledger.losses.append(f"run {run.id}: {len(lost)} flushed lines are gone, first {lost[0][:80]!r}")
            for line in said[:-1]:
                decode(line)

    def check_index(self) -> None:
        """What grew under fire equals what is made anew from the directories."""
        with Store.open(self.home) as store:
            sync(self.home, store)
            grown = store.runs(limit=10_000, order="id")
        reindex(self.home)
        with Store.open(self.home) as store:
            anew = store.runs(limit=10_000, order="id")
        if grown != anew:
            different = [(a, b) for a, b in zip(grown, anew, strict=False) if a != b]
            self.ledger.wrong.append(f"index: {len(grown)} rows grown, {len(anew)} anew; {different[:1]}")

    def verdict(self) -> tuple[list[str], list[str]]:
        """What went wrong and what was lost in this storm."""
        return self.ledger.wrong[self.baseline[0] :], self.ledger.losses[self.baseline[1] :]

    def finish_all(self, seconds: float = 120.0) -> None:
        """Every run that was stopped, killed or crashed resumes, and finishes."""
        os.environ["FAKE_DELAY"] = "0"
        until = time.monotonic() + seconds * PATIENCE
        for run in self.runs():
            if state_of(run).kind == "finished":
                continue
            if not state_of(run).live:
                launcher.resume(self.home, run)
            while state_of(run).live and time.monotonic() < until:
                time.sleep(0.02)
            if state_of(run).kind != "finished":
                self.ledger.wrong.append(f"run {run.id} does not resume to its end: {state_of(run)}")
        self.ledger.runs += len(self.runs())


def _possible(hits: list[tuple[str, str]], word: str) -> set[str]:
    """The states that an attempt may be in which was sent these signals and had this last word ("" for none)."""
    if word:
        return {word}
    killed = {role for role, name in hits if name == "SIGKILL"}
    asked = {role for role, name in hits if name == "SIGTERM"}
    states = set()
    if "runner" in killed:
        states |= {"crashed", "killed"}  # killed: whoever was setting it going saw it die
    if "trainer" in killed:
        states |= {"killed"}
    if asked:
        states |= {"stopped", "killed"}  # before the trainer had a handler: ended by the signal, asked or not
    return states or {"finished"}


def _in_terminal(command: list[str]) -> subprocess.Popen[bytes]:
    """A dashboard needs a terminal; nobody looks at this one, but it is read so that it never blocks."""
    master, slave = pty.openpty()
    child = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=subprocess.DEVNULL, start_new_session=True)
    os.close(slave)

    def drain() -> None:
        with contextlib.suppress(OSError):
            while os.read(master, 1 << 16):
                pass
        os.close(master)

    import threading

    threading.Thread(target=drain, daemon=True).start()
    return child
