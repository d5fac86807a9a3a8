"""Facts for env.json, with and without git."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core.runs import environment as environments
from core.runs.environment import environment
from core.settings import RunConfig


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True)


def test_outside_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setattr(sys, "argv", ["etlgan", "run", "\udcff"])
    facts = environment(RunConfig(seed=7))
    assert facts["git"] == {}
    assert (facts["seed"], facts["cwd"]) == (7, str(tmp_path))
    assert {"etlgan", "torch", "msgspec"} <= set(facts["versions"])
    assert json.loads(json.dumps(facts).encode()) == facts


def test_commit_and_diff(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    git(tmp_path, "init", "-q")
    assert environment(RunConfig())["git"] == {}  # no commit yet
    (tmp_path / "file").write_text("one\n")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-qm", "first")
    (tmp_path / "file").write_text("two\n")
    facts = environment(RunConfig())["git"]
    assert len(facts["commit"]) == 40
    assert "+two" in facts["diff"]
    assert facts["diff_complete"]
    monkeypatch.setattr(environments, "DIFF_BYTES", 20)
    facts = environment(RunConfig())["git"]
    assert (len(facts["diff"]), facts["diff_complete"]) == (20, False)


def test_a_repositorys_own_programs_are_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    git(tmp_path, "init", "-q")
    (tmp_path / ".gitattributes").write_text("* diff=evil\n")
    (tmp_path / "file").write_text("one\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    for key in ("core.fsmonitor", "diff.external", "diff.evil.textconv", "diff.evil.command"):
        git(tmp_path, "config", key, str(trap))
    (tmp_path / "file").write_text("two\n")
    (tmp_path / "sprung").unlink(missing_ok=True)
    assert "+two" in environment(RunConfig())["git"]["diff"]
    assert not (tmp_path / "sprung").exists()


def test_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment(RunConfig())["git"] == {}


def test_a_git_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "git"
    fake.write_text("#!/bin/sh\nexec /bin/sleep 20\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(environments, "GIT_SECONDS", 0.1)
    assert environment(RunConfig())["git"] == {}
