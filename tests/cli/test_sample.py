"""`sample`: codes and columns, and what a sweep keeps. The sampler itself is tested where it lives."""

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from core.errors import ConfigError, RunError
from core.rundir import RunDir
from core.settings import RecipeConfig, RunConfig
from etlgan_tui.cli import sample
from etlgan_tui.cli.sample import Code

from .conftest import SHORT, Typed, complains


class Sampler:
    """Draws what it was asked for: rows of pixels tell label, codes and noise."""

    characters, codes, size, step, code_names = ("あ", "い", "う"), 2, 32, 12, ("slant", "thickness")
    domains: tuple[str, ...] = ()
    config = RunConfig()
    asked: list[tuple[list[int], NDArray[Any], int]]
    hot: list[float]

    @classmethod
    def load(cls, _run: RunDir, *, checkpoint: str = "best") -> "Sampler":
        assert checkpoint == "best"
        made = cls()
        cls.asked = made.asked = []
        cls.hot = made.hot = []
        return made

    def labels(self, characters: tuple[str, ...]) -> NDArray[Any]:
        if unknown := set(characters) - set(self.characters):
            raise RunError(f"this run never saw {' '.join(unknown)}; it knows {''.join(self.characters)}")
        return np.array([self.characters.index(character) for character in characters])

    def draw(
        self,
        labels: NDArray[Any],
        *,
        codes: NDArray[Any],
        seed: int,
        domain: str | None = None,  # noqa: ARG002
        temperature: float = 1.0,
    ) -> NDArray[np.uint8]:
        self.asked.append((labels.tolist(), codes, seed))
        self.hot.append(temperature)
        assert codes.shape == (len(labels), self.codes)
        return np.full((len(labels), 32, 32), 200, np.uint8)


@pytest.fixture
def run(etlgan: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    assert etlgan("run", *SHORT).code == 0
    fake = ModuleType("core.gan.sample")
    fake.Sampler = Sampler  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "core.gan.sample", fake)


@pytest.mark.usefixtures("run")
def test_a_sweep_changes_one_code_and_nothing_else(etlgan: Typed, tmp_path: Path) -> None:
    out = tmp_path / "grid.png"
    said = etlgan("sample", "last", "--chars", "うあ", "--code", "0=-1:1:5", "--code", "1=0.5", "-o", str(out))
    assert (said.code, said.out) == (0, f"{out}\n")
    assert Image.open(out).width > 5 * 32
    assert [codes[0, 0] for _, codes, _ in Sampler.asked] == [-1, -0.5, 0, 0.5, 1]
    assert all((codes[:, 1] == 0.5).all() for _, codes, _ in Sampler.asked)
    assert {(tuple(labels), seed) for labels, _, seed in Sampler.asked} == {((2, 0), 0)}


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        (RecipeConfig(), False),
        (RecipeConfig(label_real=0.0), False),  # the projection has labels still
        (RecipeConfig(label_real=0.0, projection=False), True),
        (RecipeConfig(name="classic"), False),
        (RecipeConfig(name="classic", label_real=0.0), True),
    ],
)
def test_rows_that_learned_no_labels_are_told(
    etlgan: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe: RecipeConfig, *, told: bool
) -> None:
    monkeypatch.setattr(Sampler, "config", RunConfig(recipe=recipe))
    beside: list[str] = []
    monkeypatch.setattr("core.figures.grids.labelled_grid", lambda _images, rows, **_: beside.extend(rows))
    said = etlgan("sample", "last", "--chars", "うあ", "--per-char", "2", "-o", str(tmp_path / "grid.png"))
    assert said.code == 0
    assert ("learned without labels" in said.err) == told
    assert beside == (["c=2", "c=0"] if told else ["う", "あ"])


@pytest.mark.usefixtures("run")
def test_without_a_sweep_every_image_has_its_own_style(etlgan: Typed, tmp_path: Path) -> None:
    out = tmp_path / "grid.png"
    said = etlgan("sample", "last", "--per-char", "4", "--code", "1=1", "--seed", "7", "-o", str(out), "--json")
    told = json.loads(said.out)
    assert (told["rows"], told["columns"], told["path"]) == (["あ", "い", "う"], 4, str(out))
    ((labels, codes, seed),) = Sampler.asked
    assert (labels, seed) == ([0] * 4 + [1] * 4 + [2] * 4, 7)
    assert len(set(codes[:, 0].tolist())) == 12
    assert (codes[:, 1] == 1).all()


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("sweep", [(), ("--code", "0=-1:1:2")])
def test_a_temperature_is_asked_for_and_told(
    etlgan: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sweep: tuple[str, ...]
) -> None:
    titles: list[str] = []
    monkeypatch.setattr("core.figures.grids.labelled_grid", lambda *_, title, **__: titles.append(title))
    asked = ("sample", "last", "--temperature", "1.3", *sweep, "-o", str(tmp_path / "grid.png"))
    assert etlgan(*asked).code == 0
    assert set(Sampler.hot) == {1.3}
    assert "temperature 1.3" in titles[0]


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--chars", "あ亜"], 1, ["亜", "あいう"]),
        (["--code", "2=0"], 2, ["2 codes"]),
        (["--code", "0=9"], 2, ["0=9", "-2"]),
        (["--code", "0=nan"], 2, ["0=nan"]),
        (["--code", "0=0:nan:3"], 2, ["0=0:nan:3"]),
        (["--code", "0=-1:1"], 2, ["FROM:TO:COUNT"]),
        (["--code", "0=-1:1:1"], 2, ["columns"]),
        (["--code", "x"], 2, ["I=VALUE"]),
        (["--per-char", "0"], 2, ["--per-char"]),
        (["--per-char", "7000"], 2, ["21,000"]),
        (["-o", "grid.jpg"], 2, [".png"]),
        (["-o", "nowhere/grid.png"], 2, ["nowhere"]),
    ],
    ids=str,
)
def test_bad_input(etlgan: Typed, arguments: list[str], code: int, words: list[str]) -> None:
    complains(etlgan("sample", "last", *arguments), *words, code=code)


def test_columns_and_rows() -> None:
    sweep, fixed = Code(0, (-1.0, 0.0, 1.0)), Code(1, (0.5,))
    assert sample.layout((), None) == (8, 1)
    assert sample.layout((fixed,), 5) == (5, 1)
    assert sample.layout((sweep, fixed), None) == (3, 1)
    assert sample.layout((sweep,), 6) == (3, 2)
    for codes, per_char in [((sweep,), 4), ((sweep, Code(1, (0.0, 1.0))), None), ((fixed, fixed), None)]:
        with pytest.raises(ConfigError):
            sample.layout(codes, per_char)
