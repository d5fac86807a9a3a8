"""`etlgan bench devices`: what spreading one run over several devices costs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Annotated

import typer

from etlgan_tui.cli import options, terminal
from etlgan_tui.cli.bench.speed import SPIN


def devices(
    rounds: Annotated[int, typer.Option(metavar="N", min=1, max=100, help="How often each is timed.")] = 9,
    as_json: options.Json = False,
) -> None:
    """What one run on two devices costs against two runs side by side.

    Two processes of one thread (or two GPUs), each with its own batch; all timings are made in turn. Promised are 0.85
    of the speed of two separate runs, and at most 2 % more for one device that goes through all of the spreading.
    Then the bytes that every process sends an update, by network.
    """
    command = [sys.executable, "-P", "-m", "core.studies.devices", str(rounds)]
    environment = {SPIN[0]: SPIN[1]} | os.environ
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, env=environment)
    if done.returncode:
        raise typer.Exit(1)
    told = json.loads(done.stdout.splitlines()[-1])
    if as_json:
        terminal.say_json(told)
        return
    head = ("figure", "median", "lowest", "highest")
    rows = [(f["name"], *(f"{f[key]:.4g}" for key in head[1:])) for f in told["figures"]]
    for text in terminal.table(head, rows, right=frozenset(head[1:])):
        terminal.say(text)
    terminal.say("")
    sent = [(row["name"], f"{row['bytes'] / 1e6:,.2f}") for row in told["traffic"]]
    for text in terminal.table(("network", "MB an update"), sent, right=frozenset({"MB an update"})):
        terminal.say(text)
