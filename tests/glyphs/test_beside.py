"""Embedded handwriting by several processes: the same images, and one line when a process is gone."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from core.errors import DataError
from core.glyphs import beside, glyphset
from core.settings import DataConfig


@pytest.fixture
def several(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any number of images is many, and there are three cores."""
    monkeypatch.setattr(beside, "MANY", dict.fromkeys(beside.MANY, 1))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})


@pytest.mark.parametrize("style", ["clean", "prepared", "scanned"])
def test_several_processes_draw_what_one_draws(
    style: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    data = DataConfig(chars="あいう一", size=32, per_char=40, held_out=7, style=style)  # type: ignore[arg-type]
    made = []
    for place in ("one", "several"):
        monkeypatch.setenv("ETLGAN_CACHE", str(tmp_path / place))
        if place == "several":
            request.getfixturevalue("several")
        made.append(glyphset.load(data))
    assert np.array_equal(made[0].images, made[1].images)
    assert np.array_equal(made[0].labels, made[1].labels)
    assert made[0].problems == made[1].problems


def test_few_images_are_drawn_by_who_asks_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    assert beside.processes_for(beside.MANY["scanned"] - 1, "scanned") == 1
    assert beside.processes_for(beside.MANY["scanned"], "scanned") == beside.MOST
    assert beside.processes_for(beside.MANY["scanned"], "clean") == 1, "sooner drawn than a process is started"
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})
    assert beside.processes_for(1_000_000, "clean") == 1


@pytest.mark.usefixtures("several")
def test_a_process_that_ends_is_told_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETLGAN_CACHE", str(tmp_path))
    monkeypatch.setattr(sys, "executable", "/bin/true")
    with pytest.raises(DataError, match="a process that draws embedded handwriting has ended"):
        glyphset.load(DataConfig(chars="あい", size=32, per_char=5, held_out=0))
    assert not list((tmp_path / "glyphs").glob("[!.]*"))  # nothing half made is taken for a set


@pytest.mark.usefixtures("several")
def test_a_shard_is_drawn_by_its_own_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is one for each shard already."""
    monkeypatch.setenv("ETLGAN_CACHE", str(tmp_path))
    monkeypatch.setattr(sys, "executable", "/bin/true")  # a process that was started would not answer
    data = DataConfig(chars="あい", size=32, per_char=5, held_out=0)
    assert glyphset.load_shard(data, 0, 2) == [1]
