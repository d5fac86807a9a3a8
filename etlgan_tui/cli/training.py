"""`etlgan run` and `etlgan resume`: what is asked for, checked and started."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from etlgan_tui.cli import following, options, terminal

if TYPE_CHECKING:
    from core.rundir import Home
    from core.runs.launcher import Where
    from core.settings import RunConfig

_On = Annotated[
    str, typer.Option("--on", metavar="WHERE", help="here, or slurm: submit it to a cluster; see cluster.* settings.")
]


def run(
    preset: Annotated[str, typer.Argument(metavar="PRESET", help="See `etlgan presets`.", show_default=False)] = "",
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any setting, such as train.batch_size=256; repeatable."),
    ] = None,
    chars: Annotated[
        str | None, typer.Option(metavar="CHARS", help="A named set, names joined by +, or the characters themselves.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="penman (embedded), etl:PATH, mnist:PATH, kmnist:PATH or PATH; several, joined by +, are domains.",
        ),
    ] = None,
    init_from: Annotated[
        str | None,
        typer.Option("--init-from", metavar="RUN", help="Begin with another run's weights, or a checkpoint file's."),
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Seed of weights, latents and data order.")] = None,
    name: Annotated[str, typer.Option(metavar="TEXT", help="A name to find the run by.", show_default=False)] = "",
    tags: Annotated[list[str] | None, typer.Option("--tag", metavar="TAG", help="Repeatable.")] = None,
    note: Annotated[str, typer.Option(metavar="TEXT", help="A remark kept with the run.", show_default=False)] = "",
    profile: Annotated[
        bool, typer.Option("--profile", help="Watch 16 updates near the start: profile/trace.json and summary.txt.")
    ] = False,
    detach: following.Detach = False,
    queue: following.Queue = False,
    on: _On = "here",
    priority: Annotated[
        int, typer.Option(metavar="N", min=-(2**30), max=2**30, help="In the queue: higher goes first.")
    ] = 0,
    as_json: following.Events = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print the settings with the estimated time and memory.")
    ] = False,
    folder: options.HomeFolder = None,
) -> None:
    """Train: start a run and follow it. Ctrl-C stops it cleanly.

    The exit code is the run's: 0 finished, 1 failed, 130 stopped.
    """
    config = _resolved(
        preset,
        changes or [],
        {"data.chars": chars, "data.source": data, "seed": seed, "train.profile": 16 if profile else None},
        on=(place := where(on, queue=queue) or "here"),
    )
    if place == "here":
        _device_there(config)
    config = _begins_with(config, init_from, folder)
    characters = _checked(config)
    if dry_run:
        from core.runs.meta import checked_name
        from etlgan_tui.cli import plan

        if name:
            checked_name(name)
        plan.show(config, characters, as_json=as_json)
        return
    from core.runs import launcher

    home = options.home(folder)
    _warn_of_disk(config, len(characters), home)
    with following.ctrl_c_tells():
        started = launcher.start(
            home, config, name=name, tags=tuple(tags or ()), note=note, queued=queue, priority=priority, on=place
        )
        if queue:
            following.leave_queued(started, home, folder)
        elif detach:
            following.leave(started, "submitted" if place == "slurm" else "started", folder)
        else:
            following.follow(following.watching(started), home, folder, as_json=as_json)


def resume(
    text: options.Run,
    steps: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Train on to this many steps in all, not the run's own.")
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Where and how from now on, such as train.devices=2; repeatable."
        ),
    ] = None,
    detach: following.Detach = False,
    queue: following.Queue = False,
    on: _On = "",
    as_json: following.Events = False,
    folder: options.HomeFolder = None,
) -> None:
    """Go on from a run's last checkpoint, and follow it.

    Where it went before (--on says otherwise). The exit code is the run's, as with `run`.
    """
    from core.runs import launcher

    home, found, place = options.home(folder), options.run(folder, text), where(on, queue=queue)
    changed = asked(changes or [], on=place)
    watched = following.watching(found)
    with following.ctrl_c_tells():
        launcher.resume(home, found, steps=steps, changes=changed, queued=queue, on=place)
        if queue:
            following.leave_queued(found, home, folder)
        elif detach:
            following.leave(found, "resumed", folder)
        else:
            following.follow(watched, home, folder, as_json=as_json)


def where(text: str, *, queue: bool) -> Where | None:
    """What --on says; None where it says nothing. Anything else: ConfigError."""
    from core.errors import ConfigError

    if text not in ("", "here", "slurm"):
        raise ConfigError(f"--on {text}: must be here or slurm")
    if queue and text == "slurm":
        raise ConfigError("--queue and --on slurm: choose one; Slurm has a queue of its own")
    return cast("Where | None", text or None)


def _resolved(preset: str, assignments: list[str], flags: dict[str, Any], *, on: str) -> RunConfig:
    """Preset <- what was asked for <- the short flags."""
    from core import presets

    return presets.resolve(preset, asked(assignments, flags, on=on))


def asked(assignments: list[str], flags: dict[str, Any] | None = None, *, on: str | None) -> dict[str, Any]:
    """The user's [cluster], on one <- --set <- the short flags. Paths become absolute: the trainer runs elsewhere."""
    from core import config
    from core.glyphs.sets.spec import absolute
    from core.runs.slurm.usual import usual_resources

    changes: dict[str, Any] = (usual_resources() if on == "slurm" else {}) | config.parse_assignments(assignments)
    changes |= {name: value for name, value in (flags or {}).items() if value is not None}
    if "data.source" in changes:
        changes["data.source"] = absolute(changes["data.source"])
    return changes


def _checked(config: RunConfig) -> tuple[str, ...]:
    """The characters, once it is sure that the source has them: told now, not by a trainer that dies later."""
    from core.glyphs import mixing
    from etlgan_tui.cli.data.options import tell_problems

    looked = mixing.look(config.data)
    tell_problems(looked.problems)
    return looked.characters


def _device_there(config: RunConfig) -> None:
    """RunError where this machine has not what is asked for: told now, without loading torch where nothing is."""
    usual = config.train.device in ("auto", "cpu") and config.train.devices == 1
    if not usual:
        from core.gan import device

        device.check(config.train)


def _begins_with(config: RunConfig, given: str | None, folder: Path | None) -> RunConfig:
    """--init-from resolved to one checkpoint file, which is recorded. Networks that do not fit, or a damaged file:
    RunError.
    """
    from core import config as configuration
    from core.errors import RunError
    from core.gan import saved
    from core.glyphs import repertoire
    from core.rundir import expanded

    if given is None and not config.train.init_from:
        return config
    text = given or config.train.init_from
    path, home = expanded(text), options.home(folder)
    try:
        place = str(path.absolute()) if path.suffix == ".safetensors" or path.is_dir() else options.run(folder, text).id
    except RunError as error:
        raise RunError(f"--init-from: {error}") from None
    found = saved.initial(configuration.override(config, {"train.init_from": place}), home.runs)
    from core.gan import checkpoint  # torch, once there is a file to read

    checkpoint.read(found)
    ours = repertoire.characters(config.data.chars)
    if set(ours).isdisjoint(saved.names(found.facts, "characters")):
        terminal.tell("etlgan: --init-from: that run knew none of these characters; only its strokes are a beginning")
    return configuration.override(config, {"train.init_from": str(found.path.absolute())})


def _warn_of_disk(config: RunConfig, classes: int, home: Home) -> None:
    from etlgan_tui.estimate import disk_warning

    if warning := disk_warning(config, classes=classes, folder=home.root):
        terminal.tell(terminal.clean(f"etlgan: {warning}"))
