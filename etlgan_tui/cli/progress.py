"""What is known of a run while it is watched: its history, how far it is, how long it will take, in one line."""

from __future__ import annotations

from collections.abc import Sequence

from core.events import AnyEvent, Finished, Started, Step
from core.history import History

_RECENT = 20  # reports that the time left is reckoned from

# The series of the display: column of History, words, format, factor.
SERIES = (
    ("d", "loss of D", ".3f", 1.0),
    ("g", "loss of G", ".3f", 1.0),
    ("info_cat", "info, category", ".3f", 1.0),
    ("info_con", "info, codes", ".3f", 1.0),
    ("q_real", "Q reads real", ".1f", 100.0),
    ("q_fake", "Q reads drawn", ".1f", 100.0),
)


class Progress:
    """Take events in their order; everything else is read off."""

    def __init__(self, *, steps: int) -> None:
        self.steps = steps
        self.history = History()
        self.last: Step | None = None
        self.finished: Finished | None = None

    def take(self, batch: Sequence[AnyEvent]) -> None:
        self.history.add(batch)
        for event in batch:
            if isinstance(event, Step):
                self.last = event
            elif isinstance(event, Started):
                self.steps, self.finished = event.steps, None
            elif isinstance(event, Finished):
                self.finished = event

    @property
    def started(self) -> Started | None:
        """The newest attempt."""
        return self.history.started[-1] if self.history.started else None

    @property
    def step(self) -> int:
        """Updates that count so far."""
        said = [self.history.step[-1]] if self.history.step else []
        said += [group[-1].step for group in (self.history.started, self.history.saved) if group]
        return max(said, default=0)

    @property
    def best(self) -> int | None:
        """Step of the best checkpoint so far."""
        return next((saved.step for saved in reversed(self.history.saved) if saved.best), None)

    def seconds_left(self) -> float | None:
        """From the pace of the last reports; None before there are two of them."""
        steps, seconds = self.history.step[-_RECENT:], self.history.seconds[-_RECENT:]
        if len(steps) < 2 or seconds[-1] <= seconds[0]:
            return None
        return max(0, self.steps - steps[-1]) * (seconds[-1] - seconds[0]) / (steps[-1] - steps[0])


def line(progress: Progress, step: Step) -> str:
    """One line for a log: `step 700/1,400  50 %  D 0.612  G 1.204  ...`."""
    from etlgan_tui.cli.terminal import number

    share = 100 * step.step / progress.steps if progress.steps else 0
    parts = [
        f"step {step.step:,}/{progress.steps:,} {share:.0f} %",
        f"D {number(step.d)} G {number(step.g)}",
        f"info {number(step.info_cat)} + {number(step.info_con)}",
    ]
    if step.q_real is not None or step.q_fake is not None:
        read = [number(None if q is None else 100 * q, ".1f") for q in (step.q_real, step.q_fake)]
        parts.append(f"Q real {read[0]} % drawn {read[1]} %")
    return "  ".join([*parts, f"{number(step.images_per_s, ',.0f')} images/s"])
