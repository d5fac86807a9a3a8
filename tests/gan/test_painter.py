"""Pictures reach the disk in order, with and without a thread; what could not be written is told."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core.gan import grid
from core.gan.painter import Painter
from core.rundir import RunDir


def images(value: int) -> torch.Tensor:
    return torch.full((2 * grid.COLUMNS, 8, 8), value, dtype=torch.uint8)


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    run = RunDir(tmp_path / "run")
    run.samples.mkdir(parents=True)
    return run


@pytest.mark.parametrize("aside", [False, True])
def test_each_picture_is_told_once_in_order(run: RunDir, aside: bool) -> None:
    painter = Painter(run, aside=aside)
    for step in range(1, 6):
        painter.paint(step, "grid", images(step))
        painter.paint(step, "traversal", images(100 + step))
    told = [*painter.finished(wait=False), *painter.finished(wait=True)]
    assert [(each.step, each.kind) for each in told] == [(s, k) for s in range(1, 6) for k in ("grid", "traversal")]
    assert list(painter.finished(wait=True)) == []
    for each in told:
        with Image.open(run.path / each.path) as picture:
            pixels = np.asarray(picture)
        assert pixels.shape == (2 * 8, grid.COLUMNS * 8)
        assert (pixels == 255 - each.step - (100 if each.kind == "traversal" else 0)).all()
        assert each.images == 2 * grid.COLUMNS


def test_on_a_cpu_it_is_written_at_once(run: RunDir) -> None:
    painter = Painter(run, aside=False)
    painter.paint(7, "grid", images(7))
    assert run.sample(7, "grid").is_file()


def test_what_cannot_be_written_is_told_where_it_is_waited_for(run: RunDir) -> None:
    run.samples.rmdir()
    run.samples.write_text("in the way")
    with pytest.raises(OSError, match="samples"):
        Painter(run, aside=False).paint(1, "grid", images(1))
    painter = Painter(run, aside=True)
    painter.paint(1, "grid", images(1))
    with pytest.raises(OSError, match="samples"):
        list(painter.finished(wait=True))
