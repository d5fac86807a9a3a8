"""Optuna, as far as a search needs it: a study in a journal file, and its values as a person would type them."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import config as configs
from core.errors import RunError
from core.rundir import cut_torn_line
from core.runs.disk import telling
from core.settings import RunConfig
from core.studies.axes import Axis
from core.studies.sweep import Sweep

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study

AT_RANDOM = 8  # configurations before anything is learned from them
COMPARED = 4  # trainings that must have come to their end before one is stopped on the way
WARM_UP = 0.3  # of a training, in which it is not compared
MISSING = "a search needs Optuna: pip install 'etlgan[search]'"


def opened(journal: Path, sweep: Sweep) -> "Study":
    """The study in the journal, begun if need be; a damaged journal is put aside. Without Optuna: RunError."""
    try:
        import optuna
    except ImportError:
        raise RunError(MISSING) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with telling(journal.parent):
        cut_torn_line(journal)
        try:
            return _study(journal, sweep)
        except OSError:
            raise
        except Exception:  # whatever a line that is none of Optuna's makes it say
            journal.rename(journal.with_name(f"{journal.name}.damaged-{time.strftime('%y%m%d-%H%M%S')}"))
            return _study(journal, sweep)


def _study(journal: Path, sweep: Sweep) -> "Study":
    """Higher is always better here. Its dice are new for every command: with the same ones again, a search that goes
    on would propose what it began with."""
    import optuna
    from optuna.storages.journal import JournalFileBackend, JournalStorage

    storage = JournalStorage(JournalFileBackend(str(journal), lock_obj=_Driven()))  # type: ignore[arg-type]  # all that it needs
    study = optuna.create_study(storage=storage, study_name=sweep.id, direction="maximize", load_if_exists=True)
    study.sampler = optuna.samplers.TPESampler(
        seed=sweep.base.seed + len(study.trials), n_startup_trials=AT_RANDOM, constant_liar=True
    )
    warm_up = round(WARM_UP * sweep.base.train.steps)
    study.pruner = optuna.pruners.MedianPruner(n_startup_trials=COMPARED, n_warmup_steps=warm_up)
    return study


class _Driven:
    """One process works on a search (`driver`), by a lock that a kill gives back; Optuna's own locks outlive a kill."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


def distributions(sweep: Sweep) -> dict[str, "BaseDistribution"]:
    return {axis.name: _distribution(axis) for axis in sweep.axes}


def _distribution(axis: Axis) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if not axis.is_range:
        return CategoricalDistribution(axis.values)
    if axis.whole:
        low, high = axis.bounds
        return IntDistribution(low, high, log=axis.log)
    return FloatDistribution(axis.low, axis.high, log=axis.log)


def typed(sweep: Sweep, params: dict[str, Any]) -> dict[str, str]:
    """The fields that a proposal changes, in the order of the axes."""
    return {axis.name: axis.text(params[axis.name]) for axis in sweep.axes}


def params(sweep: Sweep, config: RunConfig) -> dict[str, Any] | None:
    """The proposal that leads to this configuration; None where none does."""
    found: dict[str, Any] = {}
    for axis in sweep.axes:
        value = configs.get(config, axis.name)
        if axis.is_range:
            inside = isinstance(value, int | float) and axis.low <= value <= axis.high
            found[axis.name] = value if inside else None
        else:
            alike = (text for text in axis.values if axis.means(text, value))
            found[axis.name] = next(alike, None)
    return None if None in found.values() else found
