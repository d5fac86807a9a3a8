"""Pictures, tables, curves and times as text; `presets`, `doctor`, and a checks' findings."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core import config, presets
from core.errors import DataError
from core.events import Started, Step
from etlgan_tui import pictures
from etlgan_tui.cli import checks, terminal
from etlgan_tui.cli.live import sparkline
from etlgan_tui.cli.progress import Progress, line
from etlgan_tui.estimate import NETS, estimate

from .conftest import Typed


def test_braille_dots_are_where_the_ink_is() -> None:
    image = np.zeros((8, 4), np.uint8)
    image[0, 0] = image[3, 1] = image[4, 2] = image[7, 3] = 255
    assert pictures.braille(image, columns=2) == ["⢁⠀", "⠀⢁"]
    assert pictures.braille(np.zeros((8, 4), np.uint8), columns=2) == ["⠀⠀"] * 2


def test_a_faint_character_is_not_lost_beside_a_strong_one() -> None:
    bar = np.zeros((32, 32), np.uint8)
    bar[:, 14:18] = 255
    faint = np.array([[bar, (bar * 0.3).astype(np.uint8)]])
    strong, weak = ({text[:8] for text in lines} for lines in _halves(pictures.braille_grid(faint, columns=16)))
    assert strong == weak
    assert strong != {"⠀" * 8}


def _halves(lines: list[str]) -> tuple[list[str], list[str]]:
    return [text[:8] for text in lines], [text[8:] for text in lines]


def test_a_grid_shows_as_many_as_fit() -> None:
    images = np.zeros((3, 10, 32, 32), np.uint8)
    assert [len(text) for text in pictures.braille_grid(images, columns=80)] == [80] * 12
    assert [len(text) for text in pictures.braille_grid(images, columns=45)] == [40] * 12


def test_a_strip_shows_every_class_before_a_second_sample() -> None:
    images = np.zeros((3, 2, 32, 32), np.uint8)
    images[0, 0] = images[2, 1] = 255
    full, blank = "⣿" * 8, "⠀" * 8
    assert pictures.braille_strip(images, columns=24, lines=9) == [full + blank * 2] * 4 + [blank * 2 + full] * 4
    assert pictures.braille_strip(images, columns=16, lines=8) == [full + blank] * 4 + [blank * 2] * 4
    assert pictures.braille_strip(images, columns=16, lines=4) == [full + blank] * 4
    assert pictures.braille_strip(images, columns=16, lines=3) == []


def test_pictures_from_files(tmp_path: Path) -> None:
    page = np.full((20, 30), 255, np.uint8)
    page[5:10, 5:10] = 0  # dark on light
    Image.fromarray(page).save(tmp_path / "page.png")
    ink = pictures.load(tmp_path / "page.png")
    assert (ink[7, 7], ink[0, 0]) == (255, 0)
    assert pictures.trimmed(ink).shape == (5, 5)
    (tmp_path / "broken.png").write_bytes((tmp_path / "page.png").read_bytes()[:60])
    for name in ("broken.png", "missing.png"):
        with pytest.raises(DataError, match=name):
            pictures.load(tmp_path / name)


def test_cells_of_a_bare_mosaic() -> None:
    images = np.arange(2 * 3 * 4 * 4, dtype=np.uint8).reshape(2, 3, 4, 4)
    mosaic = images.transpose(0, 2, 1, 3).reshape(8, 12)
    found = pictures.cells(mosaic, rows=2)
    assert found is not None
    assert (found == images).all()
    assert pictures.cells(mosaic, rows=3) is None


@pytest.mark.parametrize(
    ("raw", "shown"),
    [("a\x1b[31mb\x1b[0m", "ab"), ("\x1b]8;;http://x\x1b\\link", "link"), ("a\nb\tc", "a b c"), ("\x9b31mx", "31mx"),
     ("\u202eevil", "evil"), ("[red]", "[red]"), ("あ\0い", "あい"), ("\ud800", "")],
)  # fmt: skip
def test_clean(raw: str, shown: str) -> None:
    assert terminal.clean(raw) == shown


def test_fit_counts_columns_not_characters() -> None:
    assert terminal.fit("ひらがな", 5).rstrip() == "ひら…"
    assert terminal.fit("あ", 4) == "あ  "
    assert terminal.fit("あ", 4, right=True) == "  あ"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, "-"), (math.nan, "-"), (0, "0:00"), (65, "1:05"), (3723, "1:02:03"), (2e6, "23 d 3 h"),
     (math.inf, "11574074 d 1 h")],
)  # fmt: skip
def test_duration(seconds: float | None, shown: str) -> None:
    assert terminal.duration(seconds) == shown


def test_sparkline() -> None:
    assert sparkline([0.0, 1.0, 2.0, 3.0], 4) == "▁▃▆█"
    assert sparkline([1.0, math.nan, 1.0], 10) == "▁▁"
    assert sparkline([math.nan], 10) == ""
    assert len(sparkline([float(i) for i in range(100_000)], 30)) == 30


def steps(*numbers: int, seconds: float = 1.0) -> list[Step]:
    return [
        Step(
            step=n, time=0, seconds=n * seconds, images_per_s=64, d=1, g=None, info_cat=0, info_con=0, q_real=None,
            q_fake=1,
        )
        for n in numbers
    ]  # fmt: skip


def test_time_left_goes_by_the_last_reports_and_survives_a_resume() -> None:
    def started(step: int, attempt: int) -> Started:
        return Started(
            step=step, time=0, attempt=attempt, device="cpu", precision="fp32", threads=1, batch_size=2, classes=2,
            steps=100, data="",
        )  # fmt: skip

    progress = Progress(steps=100)
    progress.take([started(0, 1)])
    assert progress.seconds_left() is None
    progress.take(steps(*range(1, 41), seconds=9.0))
    progress.take(steps(*range(41, 61), seconds=9.0))
    assert progress.seconds_left() == pytest.approx(40 * 9)
    progress.take([started(50, 2), *steps(51)])
    assert progress.step == 51
    assert "step 51/100 51 %" in line(progress, steps(51)[0])
    assert "Q real - % drawn 100.0 %" in line(progress, steps(51)[0])


def test_presets(etlgan: Typed) -> None:
    said = etlgan("presets")
    for name in presets.PRESETS:
        assert f"\n{name} " in said.out
    rows = json.loads(etlgan("presets", "--json").out)
    assert [(row["name"], row["seconds"]) for row in rows] == [(n, p.seconds) for n, p in presets.PRESETS.items()]
    assert next(row for row in rows if row["name"] == "jis1")["characters"] == 2965


def test_every_setting_is_listed_with_its_limits(etlgan: Typed) -> None:
    said = etlgan("presets", "--fields")
    for field in config.fields():
        default = str(field.default).lower() if isinstance(field.default, bool) else field.default
        assert f"{field.name} = {default}" in said.out
        assert field.limits in said.out
        assert field.unit in said.out


def test_estimates_grow_with_the_work() -> None:
    small, big = presets.resolve("digits"), presets.resolve("digits", {"train.batch_size": 256, "model.size": "m"})
    assert estimate(small, classes=10).seconds == pytest.approx(presets.PRESETS["digits"].seconds)
    assert estimate(big, classes=10).seconds > 2 * estimate(small, classes=10).seconds
    assert estimate(big, classes=10).memory > estimate(small, classes=10).memory
    sizes = next(field for field in config.fields() if field.name == "model.size").choices
    pixels = next(field for field in config.fields() if field.name == "data.size").choices
    assert set(NETS) == {(size, side) for size in sizes for side in pixels}


def test_doctor(etlgan: Typed) -> None:
    said = etlgan("doctor", "--json")
    found = {check["name"]: check["status"] for check in json.loads(said.out)}
    assert {"python", "torch", "device", "bf16", "cpu", "terminal", "home", "locks", "database", "disk", "data"} == set(
        found
    )
    assert set(found.values()) <= {"ok", "warn", "fail"}
    assert said.code == (1 if "fail" in found.values() else 0)
    assert found["torch"] == found["data"] == found["locks"] == "ok"


def test_doctor_and_a_torch_that_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_ASK_TORCH", "raise ImportError('libgomp.so.1: no such file')")
    (check,) = checks.torch()
    assert check.status == "fail"
    assert "libgomp" in check.found
    monkeypatch.setattr(checks, "_ASK_TORCH", "import os; os.abort()")
    (check,) = checks.torch()
    assert check.status == "fail"


def test_bench_of_the_command_line(etlgan: Typed) -> None:
    figures = json.loads(etlgan("bench", "cli", "--runs", "3", "--repeat", "1", "--json").out)
    assert [figure["limit"] for figure in figures] == [None, 0.15, 0.4, None, None]
    assert all(0 < figure["best"] <= figure["median"] for figure in figures)
