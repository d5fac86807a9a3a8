"""`etlgan show`: everything about one run on one page."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from etlgan_tui.cli import options, terminal

if TYPE_CHECKING:
    from core.rundir import RunDir
    from core.settings import RunConfig
    from etlgan_tui.cli.progress import Progress

_ENVIRONMENT = ("host", "os", "cpu", "cores", "python", "executable", "cwd")
_DEPENDS = ("etlgan", "torch", "numpy")


def show(text: options.Run, as_json: options.Json = False, folder: options.HomeFolder = None) -> None:
    """Show one run: its state, settings, last values, pictures.

    Settings are those that differ from the defaults; --json has the whole environment.
    """
    facts = _facts(options.run(folder, text))
    if as_json:
        terminal.say_json({key: value for key, value in facts.items() if key != "words"})
    else:
        _print(facts)


def _facts(run: RunDir) -> dict[str, Any]:
    """The page as plain values; `words` holds what is made for people only."""
    from core.errors import EtlganError
    from core.rundir import read_json
    from core.runs.meta import read_meta
    from core.runs.state import state_of
    from etlgan_tui import cards
    from etlgan_tui.cli.progress import line

    state, problem, config = state_of(run), "", None
    try:
        config = options.config(run)
    except EtlganError as error:  # one damaged file must not hide the rest
        problem = str(error)
    progress = _progress(run, config)
    problem = "; ".join([*([problem] if problem else []), *progress.history.problems[:3]])
    return {
        **read_meta(run)._asdict(),
        "path": str(run.path),
        "state": state._asdict(),
        "problem": problem,
        "changed": _changed(config) if config else {},
        "step": progress.step,
        "steps": progress.steps,
        "last": progress.last,
        "scores": progress.history.scored[-1].scores if progress.history.scored else {},
        "card": cards.card(run),
        "seconds_to_target": progress.history.seconds_to_target,
        "spent": progress.finished.spent if progress.finished else {},
        "best_checkpoint": progress.best,
        "resolved": progress.started,
        "usage": _usage(run),
        "pictures": [str(path) for path in _pictures(run)],
        "checkpoints": [str(path) for path in _newest(run.checkpoint_files())],
        "environment": read_json(run.env),
        "words": {"last": line(progress, progress.last) if progress.last else "", "state": state},
    }


def _progress(run: RunDir, config: RunConfig | None) -> Progress:
    from core.history import Tail
    from etlgan_tui.cli.progress import Progress

    progress, tail = Progress(steps=config.train.steps if config else 0), Tail(run.events)
    for batch in tail.read_all():
        progress.take(batch)
    progress.history.problems = tail.problems
    return progress


def _usage(run: RunDir) -> dict[str, float]:
    """Medians of the loads in per cent, peaks of the memory in GiB; only what was measured."""
    from math import isnan
    from statistics import median

    from core import usage
    from core.history import Tail

    history = usage.UsageHistory()
    for batch in Tail(run.usage).read_all():
        history.add(batch)
    known = {name: [value for value in getattr(history, name) if not isnan(value)] for name in usage.MEASURED}
    return {
        name: round(max(values) if "memory" in name else median(values), 2) for name, values in known.items() if values
    }


def _took(usage: dict[str, float]) -> str:
    """`95 % of one core, 1.2 GiB at most; GPU 97 %, 11.0 GiB`."""
    if not usage:
        return ""
    gpu = [f"{usage['gpu']:.0f} %"] if "gpu" in usage else []
    gpu += [f"{usage['gpu_memory']:.1f} GiB"] if "gpu_memory" in usage else []
    words = f"{usage['cpu']:.0f} % of one core, {usage['memory']:.1f} GiB at most"
    return f"{words}; GPU {', '.join(gpu)}" if gpu else words


def _to_target(seconds: float | None) -> str:
    return "" if seconds is None else f"reached after {seconds:,.0f} s of training, by the judge (train.target)"


def _spent(spent: dict[str, float]) -> str:
    """`set-up 3.1 s, training 172.0 s, pictures 1.2 s ...`: the last attempt."""
    return ", ".join(f"{name} {seconds:.1f} s" for name, seconds in spent.items())


def _changed(config: RunConfig) -> dict[str, Any]:
    from core import config as tree
    from core.settings import RunConfig

    usual = tree.flatten(tree.to_tree(RunConfig()))
    return {name: value for name, value in tree.flatten(tree.to_tree(config)).items() if value != usual[name]}


def _pictures(run: RunDir) -> list[Any]:
    final = [path for path in (run.grid, run.traversal, run.losses, run.progress) if path.exists()]
    return final + _newest(run.samples.glob("*.png"))[:1]


def _newest(paths: Any) -> list[Any]:
    return sorted(paths, reverse=True)


def _print(facts: dict[str, Any]) -> None:
    from etlgan_tui.cli import states

    state = facts["words"]["state"]
    word = states.state_word(state, unicode=terminal.shows_unicode(sys.stdout))
    pairs = [
        ("run", f"{facts['id']}  {facts['name']}"),
        ("state", f"{word}{': ' + state.message if state.message else ''}"),
        ("problem", facts["problem"]),
        ("made", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(facts["created"]))),
        ("tags", ", ".join(facts["tags"])),
        ("note", facts["note"]),
        ("parent", facts["parent"]),
        ("last", facts["words"]["last"]),
        ("best", "" if facts["best_checkpoint"] is None else f"checkpoint of step {facts['best_checkpoint']:,}"),
        ("target", _to_target(facts["seconds_to_target"])),
        ("folder", facts["path"]),
        *_resolved(facts["resolved"]),
        ("took", _took(facts["usage"])),
        ("spent", _spent(facts["spent"])),
        *(("picture", path) for path in facts["pictures"]),
    ]
    for row in terminal.pairs([(name, terminal.clean(value)) for name, value in pairs if value]):
        terminal.say(row)
    _section("settings that differ from the defaults", facts["changed"])
    _section("scores", facts["scores"])
    _section("score card of `etlgan score`", facts["card"])
    _section("environment", _environment(facts["environment"]))


def _resolved(started: Any) -> list[tuple[str, str]]:
    if started is None:
        return []
    return [("device", f"{started.device}, {started.precision}, {started.threads} threads, attempt {started.attempt}")]


def _environment(env: dict[str, Any]) -> dict[str, Any]:
    facts = {name: env[name] for name in _ENVIRONMENT if env.get(name)}
    versions = env.get("versions") if isinstance(env.get("versions"), dict) else {}
    facts |= {name: versions[name] for name in _DEPENDS if versions and versions.get(name)}
    git = env.get("git") if isinstance(env.get("git"), dict) else {}
    if git and git.get("commit"):
        facts["commit"] = f"{git['commit']}{' with uncommitted changes' if git.get('diff') else ''}"
    if isinstance(env.get("argv"), list):
        facts["command"] = " ".join(map(str, env["argv"]))
    return facts


def _section(title: str, values: dict[str, Any]) -> None:
    if not values:
        return
    terminal.say(f"\n{title}")
    rows = [(terminal.clean(name), terminal.clean(_value(value))) for name, value in values.items()]
    for row in terminal.pairs(rows, indent="  "):
        terminal.say(row)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "-" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
