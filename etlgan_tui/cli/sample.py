"""`etlgan sample`: draw chosen characters with a run's generator, a code swept across the columns if asked."""

from __future__ import annotations

import math
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from etlgan_tui.cli import options, terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from core.gan.sample import Sampler

_USUAL_COLUMNS = 8
_MOST_IMAGES = 20_000  # of one picture; `etlgan export` is for more
_MOST_COLUMNS = 100
_CODE = re.compile(r"(\d{1,3})=([^:]+)(?::([^:]+):(\d{1,4}))?")
_FARTHEST = 2.0  # codes are trained in [-1, 1]; a little beyond is worth a look, further out is noise


class Code(NamedTuple):
    """One `--code`: the value of a continuous code in every column."""

    number: int
    values: tuple[float, ...]  # one: the same everywhere; several: one a column


def sample(
    text: options.Run,
    chars: Annotated[
        str | None, typer.Option(metavar="CHARS", help="Characters or a named set; default: all that the run knows.")
    ] = None,
    per_char: Annotated[
        int | None, typer.Option("--per-char", metavar="N", min=1, help="Images a character; default 8.")
    ] = None,
    codes: Annotated[
        list[str] | None,
        typer.Option(
            "--code",
            metavar="I=VALUE",
            help="Fix continuous code I (0=0.5), or sweep it across the columns: 0=-1:1:8. Repeatable.",
        ),
    ] = None,
    domain: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="In whose look, of a run on several sources; default: the last of them."),
    ] = None,
    temperature: options.Temperature = 1.0,
    seed: Annotated[int, typer.Option(metavar="N", min=0, max=2**31 - 1, help="Seed of noise and codes.")] = 0,
    checkpoint: Annotated[str, typer.Option(metavar="WHICH", help="best, last, or a step.")] = "best",
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The picture.")] = Path("sample.png"),
    as_json: options.Json = False,
    folder: options.HomeFolder = None,
) -> None:
    """Draw chosen characters with a run's generator.

    One row a character (or several); a code can be swept across the columns.
    """
    run = options.run(folder, text)
    options.config(run)  # damaged: told as everywhere
    chosen = tuple(parse_code(code) for code in codes or ())
    columns, rows_each = layout(chosen, per_char)
    options.check_picture(out)
    from core.gan.grid import row_names
    from core.gan.sample import Sampler
    from core.glyphs import repertoire

    sampler = Sampler.load(run, checkpoint=checkpoint)
    labelled = sampler.config.recipe.labelled
    if not labelled:
        terminal.tell("this run learned without labels: a row is a code, not its character; `etlgan score` names them")
    wanted = repertoire.characters(chars) if chars is not None else sampler.characters
    _check(sampler, chosen, len(wanted) * rows_each * columns)
    rows = tuple(c for c in wanted for _ in range(rows_each))
    images = draw(sampler, rows, chosen, columns=columns, seed=seed, domain=domain, temperature=temperature)
    names = row_names(sampler.characters, labelled=labelled)
    _write(
        images,
        [names[number] for number in sampler.labels(rows)],
        out,
        title=_title(run.id, sampler, chosen, domain, temperature),
        chosen=chosen,
    )
    if as_json:
        terminal.say_json({"path": str(out), "rows": rows, "columns": columns, "seed": seed, "codes": chosen})
        return
    _show(images)
    terminal.say(terminal.clean(out))


def parse_code(text: str) -> Code:
    """`0=0.5` or `0=-1:1:8` (from:to:count). Anything else: ConfigError."""
    from core.errors import ConfigError

    match = _CODE.fullmatch(text.strip())
    try:
        low, high = (float(match[2]), float(match[3] or match[2])) if match else (math.nan, math.nan)
    except ValueError:
        low = high = math.nan
    count = int(match[4] or 1) if match else 0
    far = not all(abs(end) <= _FARTHEST for end in (low, high))  # NaN, too
    if match is None or far or (match[4] and not 2 <= count <= _MOST_COLUMNS):
        raise ConfigError(
            f"--code {text}: must be I=VALUE or I=FROM:TO:COUNT, values from -{_FARTHEST:g} to {_FARTHEST:g}, "
            f"2 to {_MOST_COLUMNS} columns, such as 0=-1:1:8"
        )
    return Code(int(match[1]), tuple(low + (high - low) * i / max(count - 1, 1) for i in range(count)))


def layout(codes: tuple[Code, ...], per_char: int | None) -> tuple[int, int]:
    """(columns, rows a character). A sweep gives the columns; per_char must then be a whole number of such rows."""
    from core.errors import ConfigError

    counts = {len(code.values) for code in codes if len(code.values) > 1}
    if len({code.number for code in codes}) < len(codes):
        raise ConfigError("--code: a code is given twice")
    if len(counts) > 1:
        raise ConfigError(f"--code: sweeps of {' and '.join(map(str, sorted(counts)))} columns; they must be equal")
    if not counts:
        columns = per_char or _USUAL_COLUMNS
        return columns, 1
    columns = counts.pop()
    if per_char is not None and per_char % columns:
        raise ConfigError(
            f"--per-char {per_char}: with a sweep of {columns} columns it must be a multiple of {columns}"
        )
    return columns, (per_char or columns) // columns


def draw(
    sampler: Sampler,
    rows: tuple[str, ...],
    codes: tuple[Code, ...],
    *,
    columns: int,
    seed: int,
    domain: str | None = None,
    temperature: float = 1.0,
) -> NDArray[np.uint8]:
    """(R, columns, S, S) uint8, 255 = ink. With a sweep, a row keeps its noise and its other codes."""
    import numpy as np

    sweep = any(len(code.values) > 1 for code in codes)
    labels = sampler.labels(rows)
    free = np.random.default_rng([seed, 1])
    if not sweep:
        labels = np.repeat(labels, columns)
        style = _with(free.uniform(-1, 1, (len(labels), sampler.codes)), codes, 0)
        images: NDArray[np.uint8] = sampler.draw(labels, codes=style, seed=seed, domain=domain, temperature=temperature)
        return images.reshape(len(rows), columns, sampler.size, sampler.size)
    base = free.uniform(-1, 1, (len(labels), sampler.codes))
    drawn = [
        sampler.draw(labels, codes=_with(base, codes, column), seed=seed, domain=domain, temperature=temperature)
        for column in range(columns)
    ]
    return np.stack(drawn, axis=1)


def _with(style: NDArray[np.float64], codes: tuple[Code, ...], column: int) -> NDArray[np.float32]:
    import numpy as np

    changed = style.astype(np.float32)
    for code in codes:
        changed[:, code.number] = code.values[min(column, len(code.values) - 1)]
    return changed


def _check(sampler: Sampler, codes: tuple[Code, ...], images: int) -> None:
    from core.errors import ConfigError

    for code in codes:
        if code.number >= sampler.codes:
            raise ConfigError(f"--code {code.number}: the run has {sampler.codes} codes, from 0 on")
    if images > _MOST_IMAGES:
        raise ConfigError(f"{images:,} images are too many for one picture (at most {_MOST_IMAGES:,})")


def _title(run_id: str, sampler: Sampler, codes: tuple[Code, ...], domain: str | None, temperature: float) -> str:
    """`261123-..., step 1,400, slant -1 to 1`."""
    told = [f"{run_id}, step {sampler.step:,}"]
    if len(sampler.domains) > 1:
        told.append(sampler.domains[sampler.domain(domain)])
    if temperature != 1:
        told.append(f"temperature {temperature:g}")
    for code in codes:
        ends = f"{code.values[0]:g}" + (f" to {code.values[-1]:g}" if len(code.values) > 1 else "")
        told.append(f"{sampler.code_names[code.number]} {ends}")
    return ", ".join(told)


def _write(images: NDArray[np.uint8], rows: Sequence[str], out: Path, *, title: str, chosen: tuple[Code, ...]) -> None:
    from core.figures.grids import labelled_grid

    sweep = next((code for code in chosen if len(code.values) > 1), None)
    columns = [f"{value:+.2g}" for value in sweep.values] if sweep else []
    labelled_grid(images, rows, path=out, title=title, columns=columns)


def _show(images: NDArray[np.uint8]) -> None:
    if sys.stdout.isatty() and terminal.shows_unicode(sys.stdout):
        from etlgan_tui import pictures

        for line in pictures.braille_grid(images, columns=terminal.width()):
            terminal.say(line)
