"""What `etlgan gc` may delete, and what never."""

import os
import shutil
import time
from pathlib import Path

import pytest

from core.presets import resolve
from core.rundir import Home, RunDir
from core.runs import alive, launcher, retention
from core.runs.retention import Item

from .conftest import ended, wait_for, working

SHORT = resolve("digits", {"train.steps": 30})
LONG = resolve("digits", {"train.steps": 100_000})


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ETLGAN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def best(run: RunDir) -> set[Path]:
    """The middle one, as if it were the best."""
    return {run.checkpoint(20)} if run.checkpoint(20).exists() else set()


def names(items: list[Item], kind: str) -> list[str]:
    return [item.path.name for item in items if item.kind == kind]


def test_best_and_last_checkpoint_stay(home: Home) -> None:
    run = launcher.start(home, SHORT)
    ended(run)
    for path in run.checkpoints.iterdir():
        path.write_bytes(b"x" * 100)
        path.with_suffix(".json").write_text("{}")
    assert retention.look(home, keeps=best, days=7) == []  # too young
    items = retention.look(home, keeps=best, days=0)
    assert names(items, "checkpoints") == ["00000010.safetensors"]
    assert items[0].bytes == 102
    assert retention.look(home, keeps=lambda _: set(), days=0) == []  # nothing that is understood: hands off
    assert retention.delete(home, items) == (102, [])
    assert sorted(path.name for path in run.checkpoints.glob("*.safetensors")) == [
        "00000020.safetensors",
        "00000030.safetensors",
    ]
    assert not run.checkpoint(10).with_suffix(".json").exists()


def test_a_live_run_is_left_alone_also_when_it_came_to_life_meanwhile(home: Home) -> None:
    run = launcher.start(home, LONG)
    working(run)
    wait_for(lambda: run.checkpoint(30).exists())
    assert retention.look(home, keeps=best, days=0) == []
    launcher.stop(run, wait=10)
    items = retention.look(home, keeps=best, days=0)
    launcher.resume(home, run)
    freed, problems = retention.delete(home, items)
    assert freed == 0
    assert len(problems) == len(items) > 0
    assert "is live" in problems[0]
    launcher.stop(run, wait=10)


def test_trash_drafts_and_caches(home: Home, own_cache: Path, tmp_path: Path) -> None:
    run = launcher.start(home, SHORT)
    ended(run)
    launcher.remove(home, run)
    draft, live = home.draft("dead"), home.draft("live")
    for each in (draft, live):
        each.path.mkdir()
        each.config.write_text("{}")
    descriptor = alive.take(live)
    for each in (draft, live):
        os.utime(each.path, (0, 0))
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    (own_cache / "glyphs").mkdir(parents=True)
    (own_cache / "glyphs" / "link").symlink_to(outside)
    (own_cache / "glyphs" / "set").mkdir()
    (own_cache / "mine").write_text("not a cache of ours")
    old, retention.DRAFT_SECONDS = retention.DRAFT_SECONDS, -1.0
    try:
        items = retention.look(home, keeps=best, days=0)
    finally:
        retention.DRAFT_SECONDS = old
        os.close(descriptor)
    assert names(items, "trash") == [run.id]
    assert names(items, "drafts") == [".new-dead"]
    assert sorted(names(items, "caches")) == ["link", "set"]
    _, problems = retention.delete(home, items)
    assert problems == []
    assert (outside / "precious").exists()
    assert (own_cache / "mine").exists()
    assert not list(home.trash.iterdir())
    assert live.path.exists()
    shutil.rmtree(live.path)


def test_only_what_is_old_enough(home: Home) -> None:
    run = launcher.start(home, SHORT)
    ended(run)
    launcher.remove(home, run)
    time.sleep(0.05)
    assert retention.look(home, keeps=best, days=1, kinds=["trash"]) == []
    assert len(retention.look(home, keeps=best, days=0.04 / 86_400, kinds=["trash"])) == 1
