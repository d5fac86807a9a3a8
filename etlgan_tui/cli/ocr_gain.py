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
    str | None,
    typer.Option(
        metavar="HOW",
        help="What generators learn from. pen: embedded handwriting (default); subset: these images; warm: first the "
        "one, then the other; mixed: the one, then both, by domain (with --half).",
    ),
]
Look = Annotated[
    str | None,
    typer.Option(
        metavar="LOOK",
        help="Of the embedded handwriting that helps: prepared as scans are (default), or clean (with --half).",
    ),
]
Seeds = Annotated[int, typer.Option(metavar="N", min=1, max=100)]
Steps = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        help="Of each generator that sees these images. Default: 400; of subset 800; with --half 1,200.",
    ),
]
Rate = Annotated[
    float | None,
    typer.Option(metavar="X", help="Learning rate of these steps. Default: 1e-4; of subset and with --half 5e-4."),
]
PenSteps = Annotated[
    int | None,
    typer.Option(
        "--pen-steps",
        metavar="N",
        min=0,
        help="On embedded handwriting, once, before all of them. Default: 6,500; with --half 6,000.",
    ),
]
ReaderSteps = Annotated[
    int, typer.Option("--reader-steps", metavar="N", min=10, help="Of each recogniser, 128 images each.")
]
Size = Annotated[str, typer.Option(metavar="SIZE", help="Of the generators' networks: xs, s, m, l or xl.")]
Mix = Annotated[float, typer.Option(metavar="X", min=0.05, max=0.95, help="Share of added images in a batch.")]
Extra = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        help="Embedded and generated images a character for a recogniser. Default: 600; with --half 300.",
    ),
]
Temperature = Annotated[
    float | None,
    typer.Option(
        metavar="T", min=0, max=2, help="Of generated images' noise, as export's. Default: 1.3; with --half 1."
    ),
]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Of the generators, such as recipe.r1=0.3; repeatable."),
]
Pool = Annotated[int, typer.Option(metavar="N", min=1, help="Real training images a character to choose from.")]
HeldOut = Annotated[
    int | None,
    typer.Option(
        "--held-out",
        metavar="N",
        min=1,
        help="Test images a character: other writers. Default: 200; of penman 1,000, but with --half.",
    ),
]
Jobs = Annotated[int, typer.Option(metavar="N", min=1, max=64, help="Generators trained at once.")]
Threads = Annotated[int, typer.Option(metavar="N", min=0, max=1024, help="CPU threads of each; 0: as suits --jobs.")]


def ocr_gain(
    data: Data = "penman",
    chars: Chars = "hiragana",
    style: Style = "",
    numbers: Numbers = None,
    half: Half = False,
    gan: How = None,
    look: Look = None,
    seeds: Seeds = 3,
    steps: Steps = None,
    lr: Rate = None,
    pen_steps: PenSteps = None,
    changes: Changes = None,
    reader_steps: ReaderSteps = 600,
    size: Size = "xs",
    mix: Mix = 0.5,
    extra: Extra = None,
    temperature: Temperature = None,
    pool: Pool = 700,
    held_out: HeldOut = None,
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
    from core import config as configs
    from core.errors import ConfigError
    from core.glyphs.sets.spec import absolute
    from core.studies.gain import plan as plans
    from core.studies.gain import study, table

    if gan not in (None, "pen", "subset", "warm", "mixed"):
        raise ConfigError(f"--gan {gan}: must be pen, subset, warm or mixed")
    if look not in (None, "clean", "prepared"):
        raise ConfigError(f"--look {look}: must be clean or prepared")
    many = plans.MANY_HELD_OUT if data == "penman" and not half else plans.HELD_OUT
    given = {
        "how": gan,
        "look": look,
        "steps": steps,
        "lr": lr,
        "pen_steps": pen_steps,
        "extra": extra,
        "temperature": temperature,
    }
    plan = plans.Plan(
        data=plans.real_domain(absolute(data), chars, style=style, pool=pool, held_out=held_out or many),
        few=plans.grid(numbers or (["0", "5", "20"] if half else ["5", "20"])),
        seeds=seeds,
        reader_steps=reader_steps,
        mix=mix,
        size=size.strip().lower(),
        threads=threads,
        **{**plans.usual(how=gan, half=half), **{name: value for name, value in given.items() if value is not None}},
    )
    plan = plan._replace(changes=plans.changed(plan.changes, configs.parse_assignments(changes or ())))
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
