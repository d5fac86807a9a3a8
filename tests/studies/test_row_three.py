"""Row 3 of a score card: which OCR gain of the home it takes, and what it says where there is none."""

import inspect
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.judge import others
from core.rundir import Home, RunDir, write_json
from core.settings import RunConfig
from core.studies.gain import plan
from etlgan_tui.cli.ocr_gain import ocr_gain

Small = Callable[..., RunConfig]


def entry(gain: float, few: object = 5) -> dict[str, object]:
    return {"real_per_char": few, "gain": gain, "low": gain - 0.01, "high": gain + 0.01}


def put(home: Home, name: str, *gains: float, source: str = "penman", **more: Any) -> None:
    folder = home.studies / name
    folder.mkdir(parents=True)
    about = {"source": source, "chars": more.pop("chars", "あいう"), "style": more.pop("style", "scanned")}
    tree = {"kind": "ocr-gain", "data": about, "gain": [entry(gain) for gain in gains], **more}
    write_json(RunDir(folder).scores, tree)


def taken(home: Home, config: RunConfig) -> list[float]:
    return [gain.gain for gain in others.ocr_gain(home, config, {})]


def test_most_seeds_count_then_the_newest(tmp_path: Path, small: Small) -> None:
    home, config = Home(tmp_path), small()
    put(home, "ocr-gain", 0.1, settings={"seeds": 1})  # of before: no time
    assert taken(home, config) == [0.1]
    put(home, "ocr-gain-a", 0.2, settings={"seeds": 1}, time=1.0)
    assert taken(home, config) == [0.2]
    put(home, "ocr-gain-b", 0.3, settings={"seeds": 3}, time=0.5)
    put(home, "ocr-gain-c", 0.4, settings={"seeds": 2}, time=9.0)
    put(home, "ocr-gain-d", settings={"seeds": 9}, time=9.0)
    assert taken(home, config) == [0.3]


def test_only_the_same_writing_counts(tmp_path: Path, small: Small) -> None:
    home = Home(tmp_path)
    put(home, "ocr-gain-a", 0.1, chars="あいう")
    put(home, "ocr-gain-b", 0.2, style="clean")
    put(home, "ocr-gain-c", 0.3, source="etl:/e")
    put(home, "ocr-gain-d", 0.4, chars="hiragana-a-ka")
    (home.studies / "ocr-gain-e").mkdir()
    (home.studies / "ocr-gain-e" / "scores.json").write_text('{"kind": "ocr-gain", "data": {"chars": 3}, "gain": 1}')
    assert taken(home, small()) == [0.1]
    assert taken(home, small(data__style="clean")) == [0.2]
    assert taken(home, small(data__source="penman:clean")) == [0.2], "the same by another name"
    assert taken(home, small(data__source="etl:/e", data__style="clean")) == [0.3], "a look is the pen's only"
    assert taken(home, small(data__chars="あいうえおかきくけこ")) == [0.4], "the same, spelt out"
    assert taken(home, small(data__chars="あい")) == []


def test_all_real_images_are_called_all() -> None:
    kept = others._gain(entry(0.1, "all"))
    assert kept is not None
    assert kept.real_per_char == others.ALL == plan.ALL
    assert kept.words == "OCR gain, all real a character"
    assert others._gain(entry(0.1, "some")) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data__chars": "hiragana"}, []),
        ({"data__style": "clean"}, ["--chars", "あいう", "--style", "clean"]),
        ({"data__chars": "hiragana", "data__source": "etl:/my scans"}, ["--data", "etl:/my scans"]),
    ],
)
def test_the_advice_is_the_command_that_fills_the_row(
    tmp_path: Path, small: Small, changes: dict[str, Any], words: list[str]
) -> None:
    config, missing = small(**changes), dict[str, str]()
    assert others.ocr_gain(Home(tmp_path), config, missing) == []
    said = shlex.split(missing["3"])
    assert said == ["etlgan", "ocr-gain", *words]
    usual = {f"--{name}": value.default for name, value in inspect.signature(ocr_gain).parameters.items()}
    options = usual | dict(zip(said[2::2], said[3::2], strict=True))
    made = plan.real_domain(options["--data"], options["--chars"], style=options["--style"])
    assert (made.source, made.chars, made.style) == (config.data.source, config.data.chars, config.data.style)
