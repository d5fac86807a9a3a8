"""The moving display of a run, for a terminal: progress bar, losses with small curves, what is going on."""

from __future__ import annotations

from itertools import pairwise

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from core.settings import RunConfig
from etlgan_tui.cli import terminal
from etlgan_tui.cli.progress import SERIES, Progress

_OWN_LINES = 12  # of the board without samples, and one for the cursor
_LEVELS = "▁▂▃▄▅▆▇█"
MOST_LOOKED_AT = 4000  # values of a history that a curve is made from, five times a second
_OUTLIERS = 0.02  # of the values at each end may leave the curve, so that the first steps don't flatten the rest


def sparkline(values: list[float], cells: int) -> str:
    """Means over `cells` equal stretches of the history, lowest to highest of eight blocks. nan is passed over."""
    known = [value for value in values[:: max(1, len(values) // MOST_LOOKED_AT)] if value == value]
    if len(known) < 2 or cells < 1:
        return ""
    cells = min(cells, len(known))
    edges = [len(known) * i // cells for i in range(cells + 1)]
    means = [sum(known[a:b]) / (b - a) for a, b in pairwise(edges)]
    ranked = sorted(means)
    cut = int(len(ranked) * _OUTLIERS)
    low, high = ranked[cut], ranked[-1 - cut]
    span = max(high - low, 1e-6 * abs(high)) or 1.0  # rounding is no movement
    return "".join(_LEVELS[min(7, max(0, int((mean - low) / span * 7.999)))] for mean in means)


class Board:
    """Draws a Progress on stderr again and again, in place. A context manager."""

    def __init__(self, *, run_id: str, config: RunConfig, characters: int) -> None:
        title = config.preset or config.data.chars
        self._about = f"{characters} characters, {config.data.size} px, {config.recipe.name}"
        self._title = terminal.clean(f"{title}  run {run_id}")
        self.strip: list[str] = []  # the newest samples, as text
        self._live = Live(
            console=Console(stderr=True, highlight=False, markup=False, emoji=False),
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Board:
        self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.__exit__(None, None, None)

    def room(self) -> tuple[int, int]:
        """(columns, lines) that are left for samples."""
        size = self._live.console.size
        return size.width, max(0, size.height - _OWN_LINES)

    def draw(self, progress: Progress, word: str, note: str) -> None:
        """Show this state of things: `word` names the run's state, `note` is what is going on."""
        self._live.update(self._lines(progress, word, note), refresh=True)

    def _lines(self, progress: Progress, word: str, note: str) -> RenderableType:
        head = Text(f"{word}  {self._title}  ", style="bold", no_wrap=True, overflow="ellipsis")
        head.append(self._about, style="not bold")
        strip = [Text(line, no_wrap=True, overflow="crop") for line in self.strip]
        last = Text(terminal.clean(note), style="dim", no_wrap=True, overflow="ellipsis")
        return Group(head, *self._body(progress), *strip, last)

    def _body(self, progress: Progress) -> list[RenderableType]:
        started = progress.started
        where = f"{started.device}, {started.precision}, batch {started.batch_size}" if started else ""
        bar = Table.grid(padding=(0, 1), expand=True)
        bar.add_column(ratio=1)
        for _ in range(3):
            bar.add_column(no_wrap=True, justify="right")
        speed = terminal.number(progress.last.images_per_s if progress.last else None, ",.0f")
        bar.add_row(
            ProgressBar(total=max(progress.steps, 1), completed=progress.step),
            Text(f"{progress.step:,}/{progress.steps:,}"),
            Text(f"{speed} images/s"),
            Text(f"{terminal.duration(progress.seconds_left())} left"),
        )
        return [bar, self._curves(progress), Text(terminal.clean(where), style="dim")]

    def _curves(self, progress: Progress) -> RenderableType:
        grid = Table.grid(padding=(0, 2))
        grid.add_column(no_wrap=True)
        grid.add_column(no_wrap=True, justify="right", min_width=7)
        grid.add_column(no_wrap=True)
        cells = max(10, self._live.console.width - 32)
        for name, words, pattern, factor in SERIES:
            value = getattr(progress.last, name) if progress.last else None
            shown = terminal.number(None if value is None else value * factor, pattern)
            unit = " %" if factor != 1 and value is not None else ""
            grid.add_row(
                Text(words), Text(shown + unit), Text(sparkline(getattr(progress.history, name), cells), style="cyan")
            )
        return grid
