"""`etlgan`: parse, call core, print. One small module a family of commands; this table says which there are.

Exit codes: 0 done; 1 it failed (a run that failed, crashed or was killed; a disk that is full); 2 the command or the
configuration is wrong; 130 stopped (a run that ended "stopped", or Ctrl-C).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from typer.exceptions import TyperException

from etlgan_tui.cli import terminal
from etlgan_tui.cli.lazy import LazyGroup, Place

FAILED, USAGE = 1, 2

COMMANDS: Mapping[str, Place] = {
    "run": Place("training:run", "Train: start a run and follow it. Ctrl-C stops it cleanly."),
    "resume": Place("training:resume", "Go on from a run's last checkpoint, and follow it."),
    "stop": Place("control:stop", "Ask a run to finish its step, save and stop."),
    "ls": Place("listing:ls", "List the runs, newest first."),
    "show": Place("showing:show", "Show one run: its state, settings, last values, pictures."),
    "logs": Place("logs:logs", "Print what the trainer wrote to its console."),
    "sample": Place("sample:sample", "Draw chosen characters with a run's generator."),
    "score": Place("score:score", "Judge a run's characters: labels, variety, likeness, memorisation, control, cost."),
    "ocr-gain": Place(
        "ocr_gain:ocr_gain", "Train recognisers with and without generated images, and test them on held-out writers."
    ),
    "presets": Place("presets:presets", "List the named experiments, or every setting."),
    "name": Place("control:name", "Give a run another name."),
    "tag": Place("control:tag", "Add tags to a run, or take them away."),
    "note": Place("control:note", "Keep a remark with a run; it replaces the one before."),
    "rm": Place("control:rm", "Move runs to the trash folder."),
    "restore": Place("control:restore", "Bring removed runs back from the trash."),
    "diff": Place("comparing:diff", "Show what differs between runs: configuration, data, code, environment."),
    "compare": Place(
        "comparing:compare", "Compare runs: last values, final and best scores, curves and sample grids as pictures."
    ),
    "export": Place("export:export", "Write labelled characters, or lines of text, that a run draws."),
    "export-metrics": Place("exporting:export_metrics", "Write a run's curves as CSV, JSON lines or Parquet."),
    "rerun": Place("reproducing:rerun", "Make a run again: same configuration, device, precision and threads."),
    "bundle": Place(
        "reproducing:bundle", "Pack a run into one file: configuration, events, pictures, best checkpoint, environment."
    ),
    "import": Place(
        "reproducing:import_", "Bring in a run that `etlgan bundle` packed, once every file in it has been verified."
    ),
    "reindex": Place("upkeep:reindex", "Make runs.db anew from the run directories."),
    "doctor": Place("doctor:doctor", "Check this machine, terminal and home."),
    "serve": Place("serve:serve", "Show the dashboard in a browser."),
    "sweep": Place(
        "sweep:sweep", "Queue a run for every combination of some settings; `sweep show ID` tells what came of them."
    ),
    "gc": Place("gc:gc", "Make room: old checkpoints, the trash, caches, leftovers of dead processes."),
    "data": Place("data:app", "Look at data, check it, prepare it, export it."),
    "bench": Place("bench:app", "Measure the speeds of this machine."),
    "queue": Place("queue:app", "Runs that wait for a free slot (`etlgan run --queue`): list, move, pause, cancel."),
    "study": Place("study:app", "Run whole tables of experiments, and judge them."),
}


class Commands(LazyGroup):
    """The table above."""

    places = COMMANDS


app = typer.Typer(
    name="etlgan",
    cls=Commands,
    rich_markup_mode=None,  # plain help: 100 ms less, and no markup to escape
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        terminal.say(f"etlgan {version('etlgan')}")
        raise typer.Exit


@app.callback()
def etlgan(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Train InfoGAN on handwritten Japanese characters, and manage the runs."""


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point; ends by SystemExit. A user's mistake is one line on stderr, never a traceback."""
    terminal.prepare()
    try:
        code = app(args=None if arguments is None else list(arguments), prog_name="etlgan", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        terminal.give_up_stdout()
        sys.exit(FAILED)
    except Exception as error:
        if isinstance(error, TyperException) and type(error).__name__ == "NoArgsIsHelpError":
            terminal.tell(error.format_message())
            sys.exit(USAGE)
        told = _told(error)
        if told is None:
            raise
        if isinstance(error, OSError) and not terminal.flushed():
            terminal.give_up_stdout()
        terminal.tell(f"etlgan: {told[1]}")
        sys.exit(told[0])
    sys.exit(code)


def _told(error: Exception) -> tuple[int, str] | None:
    """(exit code, one line) for what a user can mend; None for a mistake of ours."""
    from core.errors import ConfigError, EtlganError

    if isinstance(error, TyperException):
        command = getattr(getattr(error, "ctx", None), "command_path", "etlgan")
        return USAGE, terminal.clean(f"{error.format_message().rstrip('.')}; see `{command} --help`")
    if isinstance(error, EtlganError):
        return USAGE if isinstance(error, ConfigError) else FAILED, terminal.clean(error)
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return FAILED, terminal.clean(f"{place}{error.strerror or error}")
    if isinstance(error, MemoryError):
        return FAILED, "out of memory; choose a smaller train.batch_size, data.size or model.size"
    return None
