"""`etlgan score`: the score card of a run, beside its controls."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from etlgan_tui.cli import options, terminal
from etlgan_tui.cli.waiting import Waiting

if TYPE_CHECKING:
    from rich.console import RenderableType

    from core.judge.whole import Score


def score(
    text: options.Run,
    quick: Annotated[bool, typer.Option("--quick", help="Only rows 2, 4, 5, 6: labels, likeness, variety.")] = False,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write a page with plots and pictures too.")
    ] = None,
    per_char: Annotated[
        int, typer.Option("--per-char", metavar="N", min=2, max=10_000, help="Images a character to judge.")
    ] = 500,
    checkpoint: Annotated[str, typer.Option(metavar="WHICH", help="best, last, or a step.")] = "best",
    domain: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of a run on several: judge this one's look. Default: the last.")
    ] = None,
    as_json: options.Json = False,
    folder: options.HomeFolder = None,
) -> None:
    """Judge a run's characters: labels, variety, likeness, memorisation, control, cost.

    The judge is a small network of another kind than the discriminator. For embedded data it learns from writers of its
    own; for other data from the run's training split. It never sees the held-out images. The whole card is kept in the
    run's scores.json.
    """
    run = options.run(folder, text)
    options.config(run)
    if report:
        _writable(report, quick)
    from core.judge import card as cards
    from core.judge import whole
    from core.judge.quantities import QUICK

    with Waiting() as waiting:
        card = whole.score_run(
            run,
            checkpoint=checkpoint,
            rows=QUICK if quick else cards.ALL,
            per_char=per_char,
            domain=domain,
            progress=waiting.progress,
        )
        if report:
            from core.judge.report import write_report

            waiting.progress("drawing the report", 0, 1)
            write_report(card, report)
    if as_json:
        terminal.say_json(whole.record(card))
        return
    _print(card)
    if report:
        terminal.say(f"report: {terminal.clean(report)}")


def _writable(report: Path, quick: bool) -> None:
    """A mistake in the path is told before the minutes of judging."""
    from core.errors import ConfigError

    if quick:
        raise ConfigError("--report draws the whole card, --quick judges four rows of it: leave one out")
    if report.suffix.lower() not in (".html", ".htm"):
        raise ConfigError(f"--report {report}: must end in .html")
    options.check_file(report, "--report")


def _print(card: Score) -> None:
    from rich.console import Console

    from core.judge.quantities import GENERATED

    console = Console(
        width=terminal.width() if sys.stdout.isatty() else 140, highlight=False, markup=False, emoji=False
    )
    console.print(_table(card))
    for name, command in card.missing.items():
        terminal.say(f"{f'row {name}' if name.isdecimal() else name}: not run: {terminal.clean(command)}")
    for warning in card.warnings:
        terminal.say(f"! {terminal.clean(warning)}")
    overall = f"overall {card.overall:.4f}, " if "coverage_ratio" in card.columns[GENERATED] else ""
    look = f", domain {terminal.clean(card.subject.domain)}" if card.subject.domain else ""
    terminal.say(
        f"{overall}run {card.run}, step {card.step}{look}, {card.images} images a character, judged in "
        f"{terminal.duration(card.seconds)}"
    )


def _table(card: Score) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    from core.judge.quantities import GENERATED, REAL, written

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("", justify="right")
    table.add_column("", min_width=24)
    table.add_column(GENERATED, justify="right")
    table.add_column("target")
    controls = [name for name in card.columns if name != GENERATED]
    for name in controls:
        table.add_column(name, justify="right")
    before = 0
    for line in card.lines:
        if before < 3 < line.row:
            for cells in _gain_lines(card):
                table.add_row("3", *cells)
        number = str(line.row) if line.row != before else ""
        before = line.row
        value = card.columns[GENERATED].get(line.name)
        shown = Text(written(line.kind, value))
        verdict = line.met(value, card.columns[REAL].get(line.name))
        table.add_row(
            number,
            Text(line.words),
            shown,
            _goal(line.goal(), verdict),
            *(Text(written(line.kind, card.columns[name].get(line.name))) for name in controls),
        )
    return table


def _gain_lines(card: Score) -> list[tuple[RenderableType, ...]]:
    """Row 3, where the whole card was asked for: words, value, target."""
    from rich.text import Text

    from core.judge.others import GAIN_GOAL

    if "3" in card.missing:
        return [(Text("OCR gain"), Text("not run"), Text(GAIN_GOAL))]
    return [
        (
            Text(gain.words),
            Text(f"{100 * gain.gain:+.2f} ({100 * gain.low:+.2f} to {100 * gain.high:+.2f})"),
            _goal(GAIN_GOAL, gain.low > 0),
        )
        for gain in card.gain
    ]


def _goal(goal: str, verdict: bool | None) -> RenderableType:
    from rich.text import Text

    if verdict is None:
        return Text(goal)
    yes, no = ("✓", "✗") if terminal.shows_unicode(sys.stdout) else ("ok", "MISS")
    return Text.assemble((yes if verdict else no, "green" if verdict else "bold red"), " ", goal)
