"""The dashboard starts without what is heavy, and its command works where it cannot draw."""

import json
import subprocess
import sys
from pathlib import Path

HEAVY = ("torch", "matplotlib", "scipy", "textual_image", "PIL", "sqlite_utils", "typer", "pynvml")
_PAINT = f"""
import asyncio, json, sys
from pathlib import Path
from core.rundir import Home
from etlgan_tui.app import EtlganApp
async def main():
    app = EtlganApp(Home(Path(sys.argv[1])))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]), file=sys.__stdout__)
asyncio.run(main())
"""
_START = [sys.executable, "-P", "-m", "etlgan_tui"]


def test_the_first_paint_loads_nothing_heavy(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", _PAINT, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert set(json.loads(done.stdout)) <= {"pynvml"}  # asked for by the first look at the machine, in its thread


def test_without_a_terminal_one_line_says_what_to_use(tmp_path: Path) -> None:
    done = subprocess.run(
        [*_START, "--home", str(tmp_path)], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "etlgan-tui: needs a terminal; in scripts use `etlgan ls` and `etlgan show`\n"
