"""What the commands about data share: their arguments, and opening what they name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from etlgan_tui.cli import terminal

if TYPE_CHECKING:
    from core.glyphs.etl.source import EtlSource
    from core.settings import DataConfig

_MOST_PROBLEMS = 10  # told one by one

Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="penman, etl:PATH (several: etl:PATH,PATH), mnist:PATH, kmnist:PATH, folder:PATH, or PATH.",
    ),
]
Chars = Annotated[
    str | None, typer.Option(metavar="CHARS", help="A named set, names joined by +, or the characters themselves.")
]
Where = Annotated[
    str, typer.Option(metavar="EXPRESSION", help='ETL only: "age < 30 and eval_image == 0".', show_default=False)
]
WithModels = Annotated[bool, typer.Option("--with-models", help="ETL's printed model patterns too.")]
Strict = Annotated[bool, typer.Option("--strict", help="Stop at the first damaged file or missing image.")]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Any data setting, such as data.prepare=paper+crop; repeatable."),
]


def data_config(source: str, changes: list[str] | None = None, **flags: Any) -> DataConfig:
    """The settings for these flags (None: not given), as a run would have them. Bad values: ConfigError."""
    from core import config, presets
    from core.glyphs.sets.spec import absolute

    given = {f"data.{name}": value for name, value in flags.items() if value is not None}
    return presets.resolve(
        "", {**config.parse_assignments(changes or []), **given, "data.source": absolute(source)}
    ).data


def etl_source(data: DataConfig, purpose: str) -> EtlSource:
    """ETL data; anything else has nothing to `purpose`: DataError."""
    from core.errors import DataError
    from core.glyphs.etl.source import EtlSource
    from core.glyphs.sources import open_source

    source = open_source(data)
    if not isinstance(source, EtlSource):
        raise DataError(f"{data.source}: is {source.name}, not ETL data; only that can be {purpose}")
    return source


def tell_problems(problems: Sequence[str]) -> None:
    """What was stepped over in the data, one line each; the first ones where there are many."""
    for problem in problems[:_MOST_PROBLEMS]:
        terminal.tell(terminal.clean(f"etlgan: {problem}"))
    if (more := len(problems) - _MOST_PROBLEMS) > 0:
        terminal.tell(f"etlgan: and {more:,} more like these")
