"""File names, and writing all or nothing."""

import os
from pathlib import Path

import pytest

from core.errors import ConfigError
from core.glyphs.sets.spec import parse
from core.rundir import Home, RunDir, cache_root, expanded, read_json, write_atomic, write_json


def test_home_is_given_or_in_the_environment_or_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ETLGAN_HOME", raising=False)
    assert Home.find().root == tmp_path
    monkeypatch.setenv("ETLGAN_HOME", str(tmp_path / "there"))
    assert Home.find().root == tmp_path / "there"
    assert Home.find(Path("given")).root == tmp_path / "given"


def test_the_home_of_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert expanded("~/runs") == Path.home() / "runs"
    monkeypatch.setenv("ETLGAN_CACHE", "~nobody-at-all/cache")
    for ask in (lambda: Home.find(Path("~nobody-at-all/x")), cache_root, lambda: parse("etl:~nobody-at-all/x")):
        with pytest.raises(ConfigError, match=r"^~nobody-at-all/\w+: there is no such user$"):
            ask()


def test_index_and_cache_can_lie_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETLGAN_DB", str(tmp_path / "local.db"))
    monkeypatch.setenv("ETLGAN_CACHE", str(tmp_path / "cache"))
    assert Home(Path("/home")).database == tmp_path / "local.db"
    assert cache_root() == tmp_path / "cache"


def test_names_of_a_run(tmp_path: Path) -> None:
    run = Home(tmp_path).run("261123-221045-k3f")
    assert run.id == "261123-221045-k3f"
    assert run.checkpoint(20000).name == "00020000.safetensors"
    assert run.sample(20000).name == "00020000.png"
    assert run.sample(20000, "traversal").name == "00020000-traversal.png"
    files = (run.config, run.meta, run.env, run.events, run.console, run.lock, run.exit)
    assert " ".join(path.name for path in files) == (
        "config.json meta.json env.json events.jsonl console.log alive.lock exit.json"
    )
    assert {path.parent for path in files} == {run.path}


def test_what_an_event_names_is_inside_the_run(tmp_path: Path) -> None:
    run = RunDir(tmp_path / "run")
    assert run.inside("samples/1.png") == run.path.resolve() / "samples" / "1.png"
    assert [run.inside(name) for name in ("../other/1.png", "/etc/passwd", "samples/a\0b", "\ud800")] == [None] * 4


def test_a_write_that_fails_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "meta.json"
    write_atomic(path, b"old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_content_is_on_disk_before_its_name_and_the_name_before_the_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order that survives a power cut: fsync of the file, rename, fsync of the folder."""
    calls: list[str] = []
    real_sync, real_replace = os.fsync, Path.replace

    def sync(descriptor: int) -> None:
        calls.append("folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file")  # noqa: PTH112
        real_sync(descriptor)

    def replace(self: Path, target: Path) -> Path:
        calls.append("rename")
        return real_replace(self, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "replace", replace)
    write_atomic(tmp_path / "x", b"content")
    assert calls == ["file", "rename", "folder"]


def test_json_round_trip_and_damage(tmp_path: Path) -> None:
    path = RunDir(tmp_path).meta
    write_json(path, {"name": "ひらがな"})
    assert "ひらがな" in path.read_text()
    assert read_json(path) == {"name": "ひらがな"}
    for damage in (b"", b"{", b"[1]", b"\xff", b"[" * 100_000):
        path.write_bytes(damage)
        assert read_json(path) == {}
    assert read_json(tmp_path / "missing") == {}
