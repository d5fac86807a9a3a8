"""The user's own command after a run: words stay words, failures stay in console.log, time is limited."""

import json
import sys
import time
from pathlib import Path

import pytest

from core.presets import resolve
from core.rundir import Home, RunDir
from core.runs import alive, hooks, launcher, tickets, waiter

from .conftest import ended, wait_for

SHORT = resolve("digits", {"train.steps": 3})
WRITE = "import json, sys; json.dump(sys.argv[2:], open(sys.argv[1], 'w'))"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "settings"
    folder.mkdir()
    monkeypatch.setenv("ETLGAN_CONFIG", str(folder))
    return folder / "etlgan.toml"


def ran(run: RunDir, word: str) -> str:
    """The console log, once it has the word."""
    wait_for(lambda: word in run.console.read_text())
    return run.console.read_text()


def test_the_command_gets_whole_words_and_no_shell_sees_them(home: Home, settings: Path, tmp_path: Path) -> None:
    out, nasty = tmp_path / "said.json", "a; touch x $(id) {state} '\""
    settings.write_text(
        f'on_finish = \'\'\'"{sys.executable}" -c "{WRITE}" {out} '
        "{run} {state} \"n={name}\" {path} {else}'''"
    )
    run = launcher.start(home, SHORT, name=nasty)
    ended(run)
    wait_for(lambda: out.exists() and out.read_text().endswith("]"))
    assert json.loads(out.read_text()) == [run.id, "finished", f"n={nasty}", str(run.path), "{else}"]
    assert alive.read(run).attempt == 1


def test_a_failed_run_says_so(home: Home, settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_MODE", "exit 3")
    out = tmp_path / "said.json"
    settings.write_text(f"on_finish = '''\"{sys.executable}\" -c \"{WRITE}\" {out} {{state}}'''")
    ended(launcher.start(home, SHORT))
    wait_for(lambda: out.exists() and out.read_text().endswith("]"))
    assert json.loads(out.read_text()) == ["failed"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("on_finish = 'no-such-command-here {run}'", "no-such-command-here: No such file"),
        ("on_finish = 'false'", "false: exit code 1"),
        ("on_finish = 'sleep 60'\non_finish_seconds = 0.2", "took longer than 0.2 s"),
        ('on_finish = "it\'s"', "No closing quotation"),
        ("on_finish = ", "etlgan.toml"),
        ("on_finish = 'true'\non_finish_seconds = -1", "on_finish_seconds = -1"),
    ],
    ids=["unknown", "fails", "too long", "quotes", "no TOML", "seconds"],
)
def test_what_goes_wrong_is_told_in_the_console_only(home: Home, settings: Path, text: str, said: str) -> None:
    settings.write_text(text)
    run = launcher.start(home, SHORT)
    assert ended(run).kind == "finished"
    assert said in ran(run, "on_finish")
    assert "Traceback" not in run.console.read_text()


def test_a_slow_command_holds_up_neither_the_run_nor_the_queue(home: Home, settings: Path) -> None:
    settings.write_text("on_finish = 'sleep 20'\non_finish_seconds = 2")
    tickets.change_settings(home, slots=1)
    begin = time.monotonic()
    runs = [launcher.start(home, SHORT, queued=True) for _ in range(2)]
    wait_for(lambda: all(run.exit.exists() for run in runs))
    assert time.monotonic() - begin < 12
    for run in runs:
        ran(run, "took longer")
    wait_for(lambda: not waiter.waits(home))


def test_without_a_settings_file_nothing_is_started(settings: Path) -> None:
    assert not settings.exists()
    assert hooks.read() == hooks.Hook()
