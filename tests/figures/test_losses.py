"""Loss curves: real PNGs, and the arithmetic that decides what they show."""

import math
import subprocess
import sys
from array import array
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from core import config
from core.figures import artists
from core.figures.losses import Curve, Mark, Panel, _panels, limits, plot_losses
from core.figures.smoothing import smooth
from core.history import History
from core.settings import RunConfig

NAN = math.nan


def history(points: int, **columns: list[float]) -> History:
    falling = np.linspace(2.0, 0.1, points).tolist()
    names = ("d", "g", "info_cat", "info_con", "q_real", "q_fake")
    past = History(step=array("q", [20 * (i + 1) for i in range(points)]))
    for name in names:
        setattr(past, name, columns.get(name, [0.9] * points if name.startswith("q") else falling))
    return past


def draw(past: History, path: Path, settings: RunConfig | None = None) -> np.ndarray:
    plot_losses(past, path, config=settings or RunConfig(), classes=10)
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB")).astype(int)


def has(picture: np.ndarray, colour: str) -> bool:
    """Whether at least a few pixels have that colour."""
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return bool((np.abs(picture - wanted).max(axis=2) < 12).sum() > 20)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("points", [1, 5, 5000])
def test_every_length_of_run_shows_all_curves(tmp_path: Path, points: int) -> None:
    picture = draw(history(points), tmp_path / "losses.png")
    assert picture.shape[:2] == (1050, 1500)
    assert all(has(picture, colour) for colour in ("#0072B2", "#D55E00", "#009E73", "#CC79A7"))


@pytest.mark.filterwarnings("error")
def test_gaps_and_lone_points_are_drawn(tmp_path: Path) -> None:
    lone = [NAN] * 30
    lone[10] = 0.4
    picture = draw(history(30, info_con=lone, d=[NAN] * 10 + [1.0] * 20), tmp_path / "losses.png")
    assert has(picture, "#CC79A7"), "a value between two gaps is lost"


@pytest.mark.filterwarnings("error")
def test_what_was_never_measured_has_no_panel(tmp_path: Path) -> None:
    picture = draw(history(30, info_con=[NAN] * 30), tmp_path / "losses.png")
    assert picture.shape[:2] == (525, 2250)
    assert not has(picture, "#CC79A7")


@pytest.mark.filterwarnings("error")
def test_no_report_at_all_is_said(tmp_path: Path) -> None:
    picture = draw(History(), tmp_path / "losses.png")
    assert picture[200:-200].min() < 150


@pytest.mark.filterwarnings("error")
def test_kana_and_dollars_in_a_title_need_no_font_and_no_mathematics(tmp_path: Path) -> None:
    settings = config.override(RunConfig(), {"data.chars": "あいう$x_{$"})
    assert draw(history(5), tmp_path / "losses.png", settings)[:70].min() < 100


def test_marks_say_chance_and_the_floor_of_the_double_softmax() -> None:
    plain = _panels(history(3), RunConfig(), 46)
    assert [mark.value for mark in plain[1].marks] == [pytest.approx(math.log(46))]
    settings = config.override(RunConfig(), {"recipe.double_softmax": True, "model.codes": 2})
    marked = _panels(history(3), settings, 10)
    assert [mark.value for mark in marked[1].marks] == [
        pytest.approx(2.3026, abs=1e-4),
        pytest.approx(1.4612, abs=1e-4),
    ]
    assert marked[2].marks[0].value == pytest.approx(2 / 3)


def test_smoothing_follows_a_straight_line_to_its_very_ends() -> None:
    line = np.linspace(3, 1, 80)
    np.testing.assert_allclose(smooth(line), line, atol=1e-9)


def test_smoothing_keeps_gaps_ignores_a_spike_and_calms_noise() -> None:
    noisy = 1 + 0.1 * np.random.default_rng(0).normal(size=600)
    noisy[0], noisy[300], noisy[100:140] = 40.0, 90.0, NAN
    course = smooth(noisy)
    assert np.isnan(course[100:140]).all()
    assert np.isfinite(np.delete(course, np.s_[100:140])).all()
    assert np.nanmax(np.abs(course - 1)) < 0.15


def test_few_points_are_not_smoothed() -> None:
    values = np.array([1.0, 5.0, 2.0])
    assert smooth(values) is values


def test_a_first_spike_does_not_flatten_the_panel_but_marks_stay_in_it() -> None:
    values = np.concatenate([[500.0], np.linspace(1.4, 0.6, 200)])
    low, high = limits(Panel("", "", [Curve("", values, "", "-")], [Mark("", 2.3)]))
    assert low == 0
    assert 2.3 < high < 3
    low, high = limits(Panel("", "", [Curve("", np.full(30, 0.5), "", "-")], []))
    assert low < 0.5 < high
    low, high = limits(Panel("", "", [Curve("", np.full(30, 3.0), "", "-")], [Mark("", 2.9, below=True)]))
    assert low == 0, "a floor means little where zero is not to be seen"


def test_no_pyplot_and_no_setting_of_the_importing_program_is_touched(tmp_path: Path) -> None:
    code = f"""
import sys, matplotlib
def settings():  # looking at the backend would choose one
    return {{name: matplotlib.rcParams[name] for name in matplotlib.rcParams if name != 'backend'}}
before = settings()
from pathlib import Path
from core.settings import RunConfig
from core.history import History
from core.figures.losses import plot_losses
plot_losses(History(step=[1], d=[1.0], g=[1.0], info_cat=[1.0], info_con=[1.0], q_real=[1.0], q_fake=[1.0]),
            Path({str(tmp_path / "l.png")!r}), config=RunConfig(), classes=3)
print('matplotlib.pyplot' in sys.modules, settings() == before)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False", "True"]


@pytest.mark.filterwarnings("error")
def test_labels_on_axes_and_in_legends(tmp_path: Path) -> None:
    figure = Figure(figsize=(4, 4), dpi=100)
    axes = figure.subplots()
    lines = axes.plot([0, 1, 2], [0, 1, 2])
    axes.set_ylim(2.5, -0.5)
    figure.savefig(tmp_path / "without.png")
    artists.label_axis(axes, ["あ", "い", "co59:21,47 $x"], axis="y")
    artists.legend(axes, lines, ["う written"])
    figure.savefig(tmp_path / "with.png")
    pictures = [np.asarray(Image.open(tmp_path / name).convert("L")) for name in ("without.png", "with.png")]
    left, right = (picture[60:340, :48] for picture in pictures)
    assert (right < 120).sum() > 150
    assert not np.array_equal(left, right)
