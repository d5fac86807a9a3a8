"""A study's table and page, from numbers."""

from collections.abc import Callable
from pathlib import Path

import pytest

from core.rundir import Home, RunDir, write_json
from core.settings import RunConfig
from core.studies import page, results
from core.studies.cells import Cell
from core.studies.plans import Floors
from core.studies.results import Result

Small = Callable[..., RunConfig]
FLOORS = {"row": Floors(6, 0.99, 0.98, 0.01, 0.9)}
NUMBERS = {
    "gan_test": 0.995,
    "gan_test_worst": 0.98,
    "gan_train_gap": 0.004,
    "coverage_ratio": 0.95,
    "memorised": 0.01,
    "seconds": 300.0,
}
REAL = {"gan_test": 0.999}


def made(small: Small, *, seed: int = 0, variant: str = "etl", **changes: float) -> Result:
    return Result(Cell("row", variant, small(seed=seed)), f"run{seed}", NUMBERS | changes, REAL)


def texts(found: list[tuple[str, str, int, list[results.Entry]]]) -> dict[str, results.Entry]:
    ((*_, entries),) = found
    return {column.head: entry for column, entry in zip(results.COLUMNS, entries, strict=True)}


def test_means_have_their_spread_and_worsts_are_the_worst_of_all_seeds(small: Small) -> None:
    both = [made(small, seed=0), made(small, seed=1, gan_test=0.997, gan_test_worst=0.96, seconds=420.0)]
    entries = texts(results.rows(both, FLOORS))
    assert entries["read as asked"] == results.Entry("99.60 % ±0.14", True)
    assert entries["worst"] == results.Entry("96.00 %", False)
    assert entries["minutes"] == results.Entry("7.0", False)
    assert entries["FCD ratio"] == results.Entry("-", None)


def test_style_and_likeness_are_held_to_the_floors(small: Small) -> None:
    names = {
        "FCD ratio": "fcd_ratio",
        "KID ratio": "kid_ratio",
        "slant": "slant_control",
        "thickness": "thickness_control",
        "off-diagonal": "off_diagonal",
        "drop at ends": "extremes_drop",
    }
    for values, met in (((3, 3, 0.9, 0.9, 0.25, 0.01), True), ((3.1, 3.1, 0.89, 0.89, 0.26, 0.011), False)):
        result = made(small)
        result = result._replace(generated=NUMBERS | dict(zip(names.values(), values, strict=True)))
        entries = texts(results.rows([result], FLOORS))
        assert {name: entries[name].met for name in names} == dict.fromkeys(names, met)
    both = [made(small, seed=seed, slant_control=value, off_diagonal=value) for seed, value in ((0, 0.85), (1, 0.97))]
    entries = texts(results.rows(both, FLOORS))
    assert entries["slant"].met is True, "its mean counts"
    assert entries["off-diagonal"] == results.Entry("0.97", False)


@pytest.mark.parametrize(
    ("value", "real", "floors", "reached"),
    [
        (0.991, 0.999, Floors(1, 0.99, 0, 0, 0), False),  # above the floor, but more than half a point below real
        (0.991, 0.995, Floors(1, 0.99, 0, 0, 0), True),
        (0.989, 0.990, Floors(1, 0.99, 0, 0, 0), False),
        (0.94, 0.949, Floors(1, 0, 0, 0, 0, below_judge=0.01), True),
        (0.93, 0.949, Floors(1, 0, 0, 0, 0, below_judge=0.01), False),
    ],
)
def test_accuracy_is_held_to_the_floor_and_to_the_judge(
    value: float, real: float, floors: Floors, reached: bool
) -> None:
    assert results.accurate(value, floors, real) is reached


def test_only_the_recipe_is_held_to_floors(small: Small) -> None:
    entries = texts(results.rows([made(small, variant="classic", gan_test=0.1)], FLOORS))
    assert all(entry.met is None for entry in entries.values())


def test_a_score_of_another_step_or_count_is_not_taken(small: Small, tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    cell = Cell("row", "etl", small(train__steps=6))
    tree = {"step": 6, "images": 50, "columns": {"generated": NUMBERS | {"spread": None}, "held-out real": REAL}}
    from core.judge.quantities import GENERATED
    from core.judge.quantities import REAL as REAL_COLUMN

    tree["columns"] = {GENERATED: NUMBERS | {"spread": None}, REAL_COLUMN: REAL}
    write_json(run.scores, tree)
    found = results.read(cell, run, 50)
    assert found is not None
    assert found.generated["gan_test"] == 0.995
    assert found.generated["spread"] != found.generated["spread"]
    assert results.read(cell, run, 60) is None
    assert results.read(Cell("row", "etl", small(train__steps=7)), run, 50) is None
    run.scores.write_text("[")
    assert results.read(cell, run, 50) is None


def test_the_page_stands_alone_and_escapes(small: Small, tmp_path: Path) -> None:
    home = Home(tmp_path)
    run = home.run("run0")
    run.path.mkdir(parents=True)
    run.grid.write_bytes(b"\x89PNG picture")
    run.progress.write_bytes(b"GIF89a film")
    result = made(small)
    result = result._replace(cell=result.cell._replace(row="<b>row"))
    path = page.write(home, "quality", [result], {"<b>row": FLOORS["row"]})
    assert path is not None
    text = path.read_text()
    assert path == tmp_path / "studies" / "quality" / "report.html"
    assert "<b>row" not in text
    assert "&lt;b&gt;row" in text
    assert "data:image/png;base64," in text
    assert "data:image/gif;base64," in text
    assert "http" not in text.replace("http-equiv", "")
    assert "REHEARSAL" not in text
    page.write(home, "quality", [result], {"<b>row": FLOORS["row"]}, share=0.1)
    assert "A REHEARSAL, in 0.1 of the steps" in path.read_text()
