"""`etlgan`: parse, call core, print. One small module a family of commands; this table says which there are.

Exit codes: 0 done; 1 it failed (a run that failed, crashed or was killed; a disk that is full); 2 the command or the
configuration is wrong; 130 stopped (a run that ended "stopped", or Ctrl-C).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer
from typer.exceptions import TyperException

from etlgan_tui.cli import (
    bench,
    comparing,
    control,
    data,
    doctor,
    export,
    exporting,
    gc,
    listing,
    logs,
    ocr_gain,
    presets,
    queue,
    reproducing,
    sample,
    score,
    serve,
    showing,
    study,
    sweep,
    terminal,
    training,
    upkeep,
)
from etlgan_tui.cli.quick import QuickCommand, QuickGroup

FAILED, USAGE = 1, 2

app = typer.Typer(
    name="etlgan",
    cls=QuickGroup,
    rich_markup_mode=None,  # plain help: 100 ms less, and no markup to escape
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100},
)

COMMANDS: dict[str, Callable[..., None]] = {
    "run": training.run,
    "resume": training.resume,
    "stop": control.stop,
    "ls": listing.ls,
    "show": showing.show,
    "logs": logs.logs,
    "sample": sample.sample,
    "score": score.score,
    "ocr-gain": ocr_gain.ocr_gain,
    "presets": presets.presets,
    "name": control.name,
    "tag": control.tag,
    "note": control.note,
    "rm": control.rm,
    "restore": control.restore,
    "diff": comparing.diff,
    "compare": comparing.compare,
    "export": export.export,
    "export-metrics": exporting.export_metrics,
    "rerun": reproducing.rerun,
    "bundle": reproducing.bundle,
    "import": reproducing.import_,
    "reindex": upkeep.reindex,
    "doctor": doctor.doctor,
    "serve": serve.serve,
    "sweep": sweep.sweep,
    "gc": gc.gc,
}
for _name, _function in COMMANDS.items():
    app.command(_name, cls=QuickCommand)(_function)
app.add_typer(data.app, name="data")
app.add_typer(bench.app, name="bench")
app.add_typer(queue.app, name="queue")
app.add_typer(study.app, name="study")


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
