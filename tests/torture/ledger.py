"""What the torture did and what it cost: the table that `make torture` ends with."""

from dataclasses import dataclass, field


@dataclass
class Ledger:
    """Counts over the whole session. A loss or a wrong state is also a failed test; here they are counted."""

    faults: int = 0
    runs: int = 0
    events: int = 0
    losses: list[str] = field(default_factory=list)  # flushed event lines, checkpoints, transactions that are gone
    wrong: list[str] = field(default_factory=list)  # states that are not what happened, tracebacks
    numbers: list[str] = field(default_factory=list)  # measured, for the reader

    def table(self) -> list[str]:
        head = ("faults injected", "runs", "events", "losses", "wrong states")
        values = (self.faults, self.runs, self.events, len(self.losses), len(self.wrong))
        cells = [f"{value:,}".rjust(len(name)) for name, value in zip(head, values, strict=True)]
        return [*self.numbers, *self.losses[:20], *self.wrong[:20], "  ".join(head), "  ".join(cells)]


LEDGER = Ledger()
