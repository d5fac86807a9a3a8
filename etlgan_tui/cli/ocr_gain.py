"""`etlgan ocr-gain`: do generated images improve a recogniser that has few real ones?"""

from __future__ import annotations

from typing import Annotated

import typer

from etlgan_tui.cli import options, terminal


def ocr_gain(
    data: Annotated[
        str, typer.Option(metavar="SOURCE", help="The real domain; penman stands for it as a scanner saw it.")
    ] = "penman",
    chars: Annotated[str, typer.Option(metavar="CHARS", help="A named set, or the characters.")] = "hiragana",
    numbers: Annotated[
        list[str] | None,
        typer.Option("--n", metavar="N", help="Real images a character, or all; repeatable. Default: 5, 20."),
    ] = None,
    half: Annotated[
        bool, typer.Option("--half", help="Every second character has N images (0 too), the others have all of theirs.")
    ] = False,
    gan: Annotated[
        str | None,
        typer.Option(
            metavar="HOW",
            help="subset: it sees these images only; warm: embedded handwriting first; mixed: both, by domain code. "
            "Default: warm, with --half mixed.",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(metavar="N", min=1, max=100)] = 3,
    steps: Annotated[int, typer.Option(metavar="N", min=1, help="Of each generator.")] = 2500,
    pen_steps: Annotated[
        int, typer.Option("--pen-steps", metavar="N", min=1, help="On embedded handwriting, before (warm).")
    ] = 5000,
    reader_steps: Annotated[
        int, typer.Option("--reader-steps", metavar="N", min=10, help="Of each recogniser, 128 images each.")
    ] = 1200,
    mix: Annotated[
        float, typer.Option(metavar="X", min=0.05, max=0.95, help="Share of added images in a recogniser's batch.")
    ] = 0.5,
    pool: Annotated[
        int, typer.Option(metavar="N", min=1, help="Real training images a character to choose from.")
    ] = 700,
    held_out: Annotated[
        int, typer.Option("--held-out", metavar="N", min=1, help="Test images a character, of other writers.")
    ] = 200,
    jobs: Annotated[int, typer.Option(metavar="N", min=1, max=64, help="Generators trained at once.")] = 1,
    as_json: options.Json = False,
    folder: options.HomeFolder = None,
) -> None:
    """Train recognisers with and without generated images, and test them on held-out writers.

    Every generator is an ordinary run; what is finished is not repeated. Beside it stand real images alone, with
    classical augmentation, and with embedded handwriting added.
    """
    from core.errors import ConfigError
    from core.glyphs.sets.spec import absolute
    from core.studies import ocr_gain as study

    how = gan or ("mixed" if half else "warm")
    if how not in ("subset", "warm", "mixed"):
        raise ConfigError(f"--gan {how}: must be subset, warm or mixed")
    plan = study.Plan(
        data=study.real_domain(absolute(data), chars, pool=pool, held_out=held_out),
        few=study.grid(numbers or (["0", "5", "20"] if half else ["5", "20"])),
        seeds=seeds,
        how=how,  # type: ignore[arg-type]
        half=half,
        steps=steps,
        pen_steps=pen_steps,
        reader_steps=reader_steps,
        mix=mix,
    )
    home = options.home(folder)
    outcome = study.run(home, plan, jobs=jobs, tell=terminal.tell)
    if as_json:
        gains = [gain._asdict() for gain in outcome.gains]
        terminal.say_json({"study": plan.name, "accuracy": outcome.accuracy, "gains": gains})
        return
    head = ("real images", *study.ARMS, *(f"generated over {arm}" for arm in (study.BASE, study.EMBEDDED)))
    rows = [
        (
            "all" if few == study.ALL else str(few),
            *(_spread(arms[arm]) for arm in study.ARMS),
            *(_points(gain) for gain in outcome.gains if gain.few == few),
        )
        for few, arms in outcome.accuracy.items()
    ]
    for line in terminal.table(head, rows, right=frozenset(head)):
        terminal.say(line)


def _spread(shares: list[float]) -> str:
    """`98.1 % (97.9 .. 98.2)`."""
    middle = sum(shares) / len(shares)
    return f"{middle:.2%} ({min(shares):.2%} .. {max(shares):.2%})"


def _points(gain: object) -> str:
    """`+0.42 (+0.20 .. +0.61)`, points of accuracy with the 95 % interval."""
    low, middle, high = (100 * getattr(gain, name) for name in ("low", "gain", "high"))
    return f"{middle:+.2f} ({low:+.2f} .. {high:+.2f})"
