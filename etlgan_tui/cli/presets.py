"""`etlgan presets`: the named experiments, and with --fields every setting there is."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from etlgan_tui.cli import options, terminal


def presets(
    fields: Annotated[bool, typer.Option("--fields", help="List every setting that --set takes instead.")] = False,
    as_json: options.Json = False,
) -> None:
    """List the named experiments, or every setting.

    --fields: each setting of --set with its unit, limits, default and meaning.
    """
    rows = _fields() if fields else _presets()
    if as_json:
        terminal.say_json(rows)
    elif fields:
        _print_fields(rows)
    else:
        _print_presets(rows)


def _presets() -> list[dict[str, Any]]:
    from core import presets
    from core.glyphs import repertoire
    from etlgan_tui.estimate import estimate

    rows = []
    for name, preset in presets.PRESETS.items():
        config = presets.resolve(name)
        characters = repertoire.characters(config.data.chars)
        guess = estimate(config, classes=len(characters))
        rows.append(
            {
                "name": name,
                "about": preset.about,
                "characters": len(characters),
                "pixels": config.data.size,
                "net": config.model.size,
                "images_per_character": config.data.per_char,
                "steps": config.train.steps,
                "images_seen": guess.images_seen,
                "seconds": preset.seconds,
            }
        )
    return rows


def _print_presets(rows: list[dict[str, Any]]) -> None:
    from etlgan_tui.estimate import MACHINE

    head = ("preset", "chars", "px", "net", "images/char", "steps", "seen", "time", "about")
    body = [
        (
            row["name"],
            f"{row['characters']:,}",
            str(row["pixels"]),
            row["net"],
            str(row["images_per_character"]),
            f"{row['steps']:,}",
            _thousands(row["images_seen"]),
            terminal.duration(row["seconds"]),
            row["about"],
        )
        for row in rows
    ]
    right = frozenset(head[1:3] + head[4:8])
    for line in terminal.table(head, body, right=right, give="about"):
        terminal.say(line)
    terminal.tell(f"\nseen: images while training; time: on {MACHINE}. `etlgan run PRESET` starts one.")


def _thousands(count: int) -> str:
    return f"{count / 1e6:.1f} M" if count >= 1_000_000 else f"{count / 1e3:.0f} k"


def _fields() -> list[dict[str, Any]]:
    from core import config

    return [
        {
            "name": field.name,
            "default": field.default,
            "unit": field.unit,
            "limits": field.limits,
            "description": field.description,
        }
        for field in config.fields()
    ]


def _print_fields(rows: list[dict[str, Any]]) -> None:
    import textwrap

    for row in rows:
        unit = f" {row['unit']}" if row["unit"] else ""
        limits = f"  ({row['limits']})" if row["limits"] else ""
        default = str(row["default"]).lower() if isinstance(row["default"], bool) else row["default"]
        terminal.say(f"{row['name']} = {default}{unit}{limits}")
        for line in textwrap.wrap(row["description"], terminal.width() - 4):
            terminal.say(f"    {line}")
