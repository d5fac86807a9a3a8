"""The tree alone tells what a file can possibly do: import contracts and cold imports prove it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "matplotlib", "scipy", "textual", "textual_image", "pydantic")

_ASK = """
import json, sys
{code}
heavy = {heavy!r}
print(json.dumps([name for name in heavy if name in sys.modules]), file=sys.__stderr__)
"""


def loaded(code: str, tmp_path: Path, heavy: tuple[str, ...] = HEAVY) -> list[str]:
    """Which of the heavy modules a fresh process has in sys.modules once the code ran."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", _ASK.format(code=code, heavy=heavy)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"ETLGAN_HOME": str(tmp_path), "ETLGAN_CACHE": str(tmp_path / "cache")},
    )
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stderr.splitlines()[-1])
    return found


def command(*arguments: str) -> str:
    """Code that runs a command and goes on where it would exit."""
    return f"""
from etlgan_tui.cli import main
try:
    main({list(arguments)!r})
except SystemExit:
    pass
"""


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["run", "--help"], ["ls"], ["show", "last"], ["presets"], ["presets", "--fields"], ["reindex"]],
    ids=" ".join,
)
def test_commands_that_only_look_load_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()  # else `ls` does not get as far as the index
    assert loaded(command(*arguments), tmp_path) == []


def test_help_loads_no_core_and_no_rich(tmp_path: Path) -> None:
    assert loaded(command("--help"), tmp_path, ("core", "rich", "msgspec", "numpy", "sqlite3")) == []


def test_a_dry_run_needs_no_torch(tmp_path: Path) -> None:
    assert loaded(command("run", "digits", "--dry-run"), tmp_path) == []


def test_the_parts_below_the_screen_load_no_torch_and_no_screen(tmp_path: Path) -> None:
    code = "import core.runs.launcher, core.runs.sync, core.history, core.presets, core.glyphs.repertoire"
    assert loaded(code, tmp_path, ("torch", "textual", "rich", "typer", "matplotlib", "scipy")) == []


def test_the_runner_is_quick_to_start(tmp_path: Path) -> None:
    assert loaded("import core.runs.runner", tmp_path, ("msgspec", "numpy", "psutil", "sqlite_utils", "torch")) == []


def test_contracts() -> None:
    checker = Path(sys.executable).with_name("lint-imports")
    if not checker.exists():
        pytest.skip("import-linter is not installed")
    done = subprocess.run([checker], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout


def test_every_command_is_named_in_the_readme() -> None:
    from etlgan_tui.cli import COMMANDS

    readme = ROOT / "README.md"
    if not readme.exists():
        pytest.skip("there is no README yet")
    text = readme.read_text()
    assert [name for name in COMMANDS if f"etlgan {name}" not in text] == []
