"""`etlgan ocr-gain`: do generated images improve a recogniser that has few real ones?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from etlgan_tui.cli import following, options, terminal

if TYPE_CHECKING:
    from core.studies.gain.outcome import Outcome

Data = Annotated[str, typer.Option(metavar="SOURCE", help="The real domain; penman stands for it as a scanner saw it.")]
Chars = Annotated[str, typer.Option(metavar="CHARS", help="A named set, or the characters.")]
Style = Annotated[
    str, typer.Option(metavar="LOOK", help="Of --data penman: scanned (default), prepared or clean; see data.style.")
]
Numbers = Annotated[
    list[str] | None,
    typer.Option(
        "--n",
        metavar="N",
        help="Real images a character, or all; repeatable. Default: 5, 20; with --half 0, 5, 20.",
    ),
]
Half = Annotated[
    bool, typer.Option("--half", help="Every second character has N images (0 too), the others have all of theirs.")
]
How = Annotated[
    str,
    typer.Option(
        metavar="HOW",
        help="subset: it sees these images only; warm: embedded handwriting first; mixed: that, then both, by domain.",
    ),
]
Look = Annotated[
    str,
    typer.Option(metavar="LOOK", help="Of the embedded handwriting that helps: prepared as scans are, or clean."),
]
Seeds = Annotated[int, typer.Option(metavar="N", min=1, max=100)]
Steps = Annotated[int, typer.Option(metavar="N", min=1, help="Of each generator.")]
PenSteps = Annotated[
    int, typer.Option("--pen-steps", metavar="N", min=0, help="On embedded handwriting, once, before all of them.")
]
ReaderSteps = Annotated[
    int, typer.Option("--reader-steps", metavar="N", min=10, help="Of each recogniser, 128 images each.")
]
Size = Annotated[str, typer.Option(metavar="SIZE", help="Of the generators' networks: xs, s, m, l or xl.")]
Mix = Annotated[float, typer.Option(metavar="X", min=0.05, max=0.95, help="Share of added images in a batch.")]
Pool = Annotated[int, typer.Option(metavar="N", min=1, help="Real training images a character to choose from.")]
HeldOut = Annotated[int, typer.Option("--held-out", metavar="N", min=1, help="Test images a character: other writers.")]
Jobs = Annotated[int, typer.Option(metavar="N", min=1, max=64, help="Generators trained at once.")]
Threads = Annotated[int, typer.Option(metavar="N", min=0, max=1024, help="CPU threads of each; 0: as suits --jobs.")]


def ocr_gain(
    data: Data = "penman",
    chars: Chars = "hiragana",
    style: Style = "",
    numbers: Numbers = None,
    half: Half = False,
    gan: How = "mixed",
    look: Look = "prepared",
    seeds: Seeds = 3,
    steps: Steps = 800,
    pen_steps: PenSteps = 3000,
    reader_steps: ReaderSteps = 600,
    size: Size = "xs",
    mix: Mix = 0.5,
    pool: Pool = 700,
    held_out: HeldOut = 200,
    jobs: Jobs = 1,
    threads: Threads = 0,
    as_json: options.Json = False,
    folder: options.HomeFolder = None,
) -> None:
    """Train recognisers with and without generated images, and test them on held-out writers.

    Every generator is an ordinary run; what is finished is not repeated. Beside it stand real images alone, with
    classical augmentation, with embedded handwriting added, and with both. A later call adds its numbers of images to
    the result if all else is the same, and has a result of its own if not.
    """
    from core.errors import ConfigError
    from core.glyphs.sets.spec import absolute
    from core.studies.gain import plan as plans
    from core.studies.gain import study, table

    if gan not in ("subset", "warm", "mixed"):
        raise ConfigError(f"--gan {gan}: must be subset, warm or mixed")
    if look not in ("clean", "prepared"):
        raise ConfigError(f"--look {look}: must be clean or prepared")
    plan = plans.Plan(
        data=plans.real_domain(absolute(data), chars, style=style, pool=pool, held_out=held_out),
        few=plans.grid(numbers or (["0", "5", "20"] if half else ["5", "20"])),
        seeds=seeds,
        how=gan,  # type: ignore[arg-type]
        half=half,
        look=look,  # type: ignore[arg-type]
        steps=steps,
        pen_steps=pen_steps,
        reader_steps=reader_steps,
        mix=mix,
        size=size.strip().lower(),
        threads=threads,
    )
    with following.sigterm_interrupts():
        outcome, place = study.run(options.home(folder), plan, jobs=jobs, tell=terminal.tell)
    if as_json:
        terminal.say_json({"study": plan.name, **table.record(outcome)})
    else:
        _print(outcome)
    terminal.tell(terminal.clean(f"results, with those of earlier calls that asked the same: {place}/scores.json"))
    terminal.tell(terminal.clean(f"plot: {place}/ocr-gain.png"))


def _print(outcome: Outcome) -> None:
    from core.studies.gain import table

    rows = [tuple(entry.text for entry in line) for line in table.lines(outcome)]
    for text in terminal.table(table.HEAD, rows, right=frozenset(table.HEAD)):
        terminal.say(text)
