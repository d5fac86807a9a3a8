"""A search: configurations are proposed one after another, each by what came of those before, and runs answer.

The runs are ordinary ones with the sweep as parent, and they are the truth. The journal (`search.journal`, in Optuna's
format) holds what was proposed; what it lost is learned again from the runs. A proposal and its runs are matched by
their configuration, so that a command that was killed at any moment goes on where it was, and nothing runs twice.
"""

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from core import config as configs
from core.errors import RunError
from core.rundir import Home
from core.runs import launcher, slots
from core.runs.meta import edit_meta, read_meta
from core.runs.state import State
from core.runs.store import Row, Store
from core.runs.sync import sync
from core.settings import RunConfig
from core.studies import optimiser
from core.studies import sweep_results as results
from core.studies.milestones import Milestones
from core.studies.sweep import Sweep, runs_of

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial, Trial

LOOK_SECONDS = 0.5  # between two steps
PRUNED = results.PRUNED
GOING = ("queued", "running")


class Kid(NamedTuple):
    """One run of a proposal."""

    row: Row
    state: State

    @property
    def pruned(self) -> bool:
        return PRUNED in self.row.tags


class Search:
    """What one command does for a search, while it holds `driver.driving`."""

    def __init__(
        self,
        home: Home,
        store: Store,
        sweep: Sweep,
        *,
        judge: Callable[[Row], None],  # makes the score card of a run
        say: Callable[[str], None],
        priority: int = 0,
    ) -> None:
        self.home, self.store, self.sweep, self.priority = home, store, sweep, priority
        self.judge, self.say = judge, say
        self.sign = -1.0 if results.lower_is_better(sweep.by) else 1.0
        self.study = optimiser.opened(home.sweeps / sweep.id / "search.journal", sweep)
        self.milestones = Milestones(home, sweep)
        self._look()
        self._learn()
        self.left_over = {trial.number for trial in self._open()}  # by a command before: what ended there goes on

    def step(self) -> bool:
        """One look at everything, and what follows from it; False once all that was wanted has been tried."""
        self._look()
        for trial in self._open():
            self._attend(trial)
        going = len(self._open())
        while going < slots.count(self.home) and len(self.study.trials) < self.sweep.search:
            asked = self.study.ask(optimiser.distributions(self.sweep))
            self._attend(self.study.trials[asked.number])
            going += 1
        return going > 0

    # --- proposals and their runs ---

    def _look(self) -> None:
        sync(self.home, self.store)
        self.runs = runs_of(self.home, self.store, self.sweep)

    def _open(self) -> list["FrozenTrial"]:
        from optuna.trial import TrialState

        return self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))

    def _configurations(self, trial: "FrozenTrial") -> list[RunConfig]:
        """One for each seed."""
        changes, first = optimiser.typed(self.sweep, trial.params), self.sweep.base.seed
        seeds = range(first, first + self.sweep.seeds)
        return [configs.override(self.sweep.base, {**changes, "seed": seed}) for seed in seeds]

    def _attend(self, trial: "FrozenTrial") -> None:
        """Start what is missing; stop what is no good; tell what came of it."""
        found = [(config, self.runs.get(configs.encode(config))) for config in self._configurations(trial)]
        for config, run in found:
            if run is None:
                name = f"{self.sweep.preset or 'search'}-{self.sweep.id[-4:]}-{trial.number + 1}"
                launcher.start(self.home, config, name=name, parent=self.sweep.id, queued=True, priority=self.priority)
        kids = [Kid(*run) for _, run in found if run]
        if len(kids) < len(found):
            return
        if any(kid.state.kind in GOING for kid in kids):
            self._watch(trial, kids)
        elif trial.number not in self.left_over or not self._go_on(kids):
            self._tell(trial, kids)
        self.left_over.discard(trial.number)

    def _go_on(self, kids: list[Kid]) -> bool:
        """What ended before its time while nobody looked gets another turn; False where there is none."""
        again = [kid for kid in kids if kid.state.kind != "finished" and not kid.pruned]
        for kid in again:
            launcher.resume(self.home, self.home.run(kid.row.id), queued=True)
        return bool(again)

    # --- on the way ---

    def _watch(self, trial: "FrozenTrial", kids: list[Kid]) -> None:
        """Report how far it is, and stop it where half of the others did better by then."""
        if any(kid.pruned for kid in kids):
            self._stop(kids)  # it was decided, and then something died
            return
        if not self.sweep.prune:
            return
        if self._report(trial, kids).should_prune():
            step = max(self.study.trials[trial.number].intermediate_values)
            self.say(f"{self._words(trial)} is stopped: at step {step:,} most others did better")
            self._stop(kids)

    def _report(self, trial: "FrozenTrial", kids: list[Kid]) -> "Trial":
        """Tell what was reached since the last look."""
        from optuna.trial import Trial

        handle = Trial(self.study, trial._trial_id)
        for step, value in self.milestones.passed([kid.row for kid in kids]):
            if step not in trial.intermediate_values:
                handle.report(value, step)
        return handle

    def _stop(self, kids: list[Kid]) -> None:
        """The tag first: should this process die here, the next one knows why the run is to stop."""
        for kid in kids:
            run = self.home.run(kid.row.id)
            if not kid.pruned:
                edit_meta(run, tags=(*read_meta(run).tags, PRUNED))
            if kid.state.kind in GOING:
                with contextlib.suppress(RunError):  # it ended by itself meanwhile
                    launcher.stop(run)

    # --- at the end ---

    def _tell(self, trial: "FrozenTrial", kids: list[Kid]) -> None:
        """Its value is the mean over seeds. What failed, or has no value, counts as tried and teaches nothing."""
        from optuna.trial import TrialState

        if self.sweep.prune:
            self._report(trial, kids)  # what later ones are compared with
        failed = [kid for kid in kids if kid.state.kind != "finished"]
        values = [] if failed else [value for kid in kids if (value := self._value(kid.row)) is not None]
        if failed and any(kid.pruned for kid in kids):
            self.study.tell(trial.number, state=TrialState.PRUNED)
        elif len(values) < len(kids):
            self.study.tell(trial.number, state=TrialState.FAIL)
            told = ", ".join(f"run {kid.row.id} {kid.state.kind}" for kid in failed) or f"it has no {self.sweep.by}"
            self.say(f"{self._words(trial)} does not count: {told}")
        else:
            mean = sum(values) / len(values)
            self.study.tell(trial.number, self.sign * mean)
            best = self.study.best_trial
            told = "the best so far" if best.number == trial.number else f"best {self.sign * self.study.best_value:.4g}"
            self.say(f"{self._words(trial)}: {self.sweep.by} {mean:.4g}, {told}")

    def _value(self, row: Row) -> float | None:
        value = results.value(self.home, self.sweep, row, self.sweep.by)
        if value is None and self.sweep.by not in results.MEASURED:
            self.judge(row)
            value = results.value(self.home, self.sweep, row, self.sweep.by)
        return value

    def _words(self, trial: "FrozenTrial") -> str:
        changes = optimiser.typed(self.sweep, trial.params)
        told = " ".join(f"{name}={value}" for name, value in changes.items())
        return f"{trial.number + 1} of {self.sweep.search} ({told})"

    # --- what the journal does not know ---

    def _learn(self) -> None:
        """Runs that no proposal leads to: the journal was lost, or damaged and put aside."""
        from optuna.trial import TrialState, create_trial

        known = {configs.encode(config) for trial in self.study.trials for config in self._configurations(trial)}
        for key in self.runs:
            if key in known:
                continue
            params = optimiser.params(self.sweep, configs.decode(key))
            if params is None:
                continue
            trial = create_trial(
                state=TrialState.RUNNING, params=params, distributions=optimiser.distributions(self.sweep)
            )
            if key in (alike := {configs.encode(config) for config in self._configurations(trial)}):
                known |= alike
                self.study.add_trial(trial)
