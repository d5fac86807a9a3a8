"""`etlgan bench export`: images a second from a generator to files."""

from __future__ import annotations

from typing import Annotated

import typer

from etlgan_tui.cli import options, terminal


def export(
    text: Annotated[str, typer.Argument(metavar="RUN", help="Whose generator draws: promised for XS, 32 px.")] = "last",
    images: Annotated[int, typer.Option(metavar="N", min=100, help="Images an export.")] = 10_000,
    rounds: Annotated[int, typer.Option(metavar="N", min=1, max=100, help="How often each is timed.")] = 3,
    formats: Annotated[
        str, typer.Option("--formats", metavar="NAMES", help="With commas between, or all.")
    ] = "png,idx",
    threads: Annotated[int | None, typer.Option(metavar="N", min=1, max=1024, help="CPU threads that draw.")] = None,
    as_json: options.Json = False,
    folder: options.HomeFolder = None,
) -> None:
    """Time exports: drawing, encoding and writing.

    Promised are 2,500 images/s as PNG files and 4,000 as IDX at 32 px, size XS, on two cores that do nothing else;
    images for a second of processor time tell without other programs' load.
    """
    from core.errors import ConfigError

    run = options.run(folder, text)
    from core.export.drawing import use_threads
    from core.export.formats import FORMATS
    from core.studies import export_speed
    from core.usage import peak_memory

    known = tuple(FORMATS)
    names = known if formats == "all" else tuple(name.strip() for name in formats.split(","))
    if unknown := [name for name in names if name not in known]:
        raise ConfigError(f"--formats {unknown[0]}: there are {', '.join(known)}")
    use_threads(threads)
    speeds = export_speed.measure(
        run,
        images=images,
        rounds=rounds,
        formats=names,
        progress=lambda case, rate: terminal.tell(f"{case}: {rate:,.0f} images/s"),
    )
    peak = peak_memory()
    if as_json:
        told = [speed._asdict() for speed in speeds]
        terminal.say_json({"threads": export_speed.threads(), "peak_bytes": peak, "speeds": told})
        return
    terminal.say(f"{export_speed.threads()} threads, {rounds} rounds, at most {terminal.size(peak)} of memory")
    head = ("format", "precision", "images/s", "highest", "per CPU second", "promised")
    rows = [
        (s.format, s.precision, *(f"{v:,.0f}" for v in (s.median, s.highest, s.per_cpu_second)), _target(s.target))
        for s in speeds
    ]
    for line in terminal.table(head, rows, right=frozenset(head[2:])):
        terminal.say(line)


def _target(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"
