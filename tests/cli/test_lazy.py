"""Commands are loaded when they are asked for; what the tables say of them is what they say of themselves."""

import json
import subprocess
import sys
from collections.abc import Mapping

import pytest

from etlgan_tui import cli
from etlgan_tui.cli import bench, data
from etlgan_tui.cli.lazy import Place, loaded

from .conftest import Typed

TABLES: Mapping[str, Mapping[str, Place]] = {"": cli.COMMANDS, "data": data.COMMANDS, "bench": bench.COMMANDS}
PLACES = [
    pytest.param(name, place, id=f"{group} {name}") for group, table in TABLES.items() for name, place in table.items()
]


@pytest.mark.parametrize(("name", "place"), PLACES)
def test_the_table_says_what_the_command_says_of_itself(name: str, place: Place) -> None:
    said = str(loaded(name, place).help)
    assert place.about == " ".join(said.split("\n\n")[0].split())


@pytest.mark.parametrize(
    ("words", "without"),
    [(["--help"], "listing"), (["ls"], "training"), (["bench", "--help"], "bench.start"), (["data", "x"], "data.show")],
)
def test_no_command_loads_anothers_module(words: list[str], without: str) -> None:
    code = f"""
import json, sys
from etlgan_tui.cli import main
try:
    main({words!r})
except SystemExit:
    pass
print(json.dumps([name for name in sys.modules if name.startswith("etlgan_tui.cli.")]), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=60, check=True)
    found = json.loads(done.stderr.splitlines()[-1])
    assert f"etlgan_tui.cli.{without}" not in found
    assert "etlgan_tui.cli.lazy" in found


@pytest.mark.parametrize(
    ("words", "meant"),
    [(["rsume"], "'resume'"), (["bench", "trian"], "'train'"), (["data", "verfy"], "'verify'")],
)
def test_misspelt_commands_are_guessed(etlgan: Typed, words: list[str], meant: str) -> None:
    said = etlgan(*words)
    assert said.code == 2
    assert said.err.count("\n") == 1
    assert f"Did you mean {meant}?" in said.err
