"""Where an attempt's seconds go: to training proper, and to what stands in its way."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

# Set-up is everything before the first update, the judge its training (if the cache has none), figures the pictures
# at the end; the others come at the intervals that train.* says.
NAMES = ("set-up", "judge", "training", "events", "pictures", "scores", "checkpoints", "figures")
AT_INTERVALS = ("events", "pictures", "scores", "checkpoints")


class Clock:
    """Adds up seconds by name."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self.images = 0  # trained on
        self._reported = (0.0, 0)

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """What happens inside goes to this name of NAMES."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.spent[name] = self.spent.get(name, 0.0) + time.perf_counter() - start

    @property
    def seconds(self) -> float:
        """Of training proper."""
        return self.spent.get("training", 0.0)

    def rate(self) -> float | None:
        """Images a second of training since the last call."""
        seconds, images = self.seconds - self._reported[0], self.images - self._reported[1]
        self._reported = (self.seconds, self.images)
        return images / seconds if seconds > 0 else None


def overhead(spent: dict[str, float]) -> dict[str, float]:
    """What comes at intervals, each as a share of it and training together; {} before any training."""
    within = {name: spent.get(name, 0.0) for name in ("training", *AT_INTERVALS)}
    whole = sum(within.values())
    return {name: within[name] / whole for name in AT_INTERVALS} if whole else {}
