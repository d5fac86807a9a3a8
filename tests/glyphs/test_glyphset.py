"""What a run trains on: how much of it, which steps it went through, what was left out, and that it is told."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import DataError
from core.glyphs import glyphset
from core.glyphs.glyphset import GlyphSet
from core.settings import DataConfig
from glyphs.etl_bytes import kana_codes, records_of, write_handwriting, write_records


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ETLGAN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """20 writers in two files, five characters each."""
    write_handwriting(tmp_path / "ETL9G", "ETL9G", "あいうえお", writers=10, files=2)
    return tmp_path / "ETL9G"


def loaded(source: Path | str, size: int | None = None, **more: Any) -> GlyphSet:
    settings = {"chars": "あいうえお", "per_char": 12, "held_out": 3, **more}
    return glyphset.load(DataConfig(source=str(source), **settings), size=size)


def test_where_there_are_fewer_images_both_sides_get_their_share_and_it_is_told(folder: Path) -> None:
    glyphs = loaded(folder, per_char=75, held_out=25)
    assert np.bincount(glyphs.labels[glyphs.held_out]).tolist() == [5] * 5, "a quarter, as asked for"
    assert np.bincount(glyphs.labels[~glyphs.held_out]).tolist() == [15] * 5
    assert not set(glyphs.groups[glyphs.held_out]) & set(glyphs.groups[~glyphs.held_out])
    assert glyphs.problems[-1] == (
        "fewer images of 5 of 5 characters than the 75 + 25 held out that were asked for: "
        "あ (15 + 5), い (15 + 5), う (15 + 5), え (15 + 5), お (15 + 5); what there is is used"
    )
    assert loaded(folder, per_char=75, held_out=25).problems == glyphs.problems, "from the cache too"


def test_one_writer_cannot_be_on_both_sides(tmp_path: Path) -> None:
    write_records(tmp_path / "ETL4C", records_of("ETL4", [0xB1] * 6, sheet=np.ones(6, int)))
    with pytest.raises(DataError, match=r"too few writers .* ア \(0 \+ 6\); set data.held_out=0"):
        loaded(tmp_path, chars="ア")


def test_filter_models_steps_and_strictness_are_in_the_fingerprint(folder: Path) -> None:
    options: list[dict[str, Any]] = [
        {}, {"where": "sheet > 2"}, {"with_models": True}, {"prepare": "none"}, {"prepare": "paper+crop"},
        {"margin": 0.2}, {"seed": 1}, {"size": 64},
    ]  # fmt: skip
    sets = [loaded(folder, **each) for each in options]
    assert len({glyphs.fingerprint for glyphs in sets}) == len(options)
    assert len(list(glyphset.cache_folder().iterdir())) == len(options)
    assert loaded(folder).fingerprint == sets[0].fingerprint
    assert loaded(folder, prepare="all").fingerprint == sets[0].fingerprint, "what auto means for raw cells"


def test_a_filter_leaves_fewer(folder: Path) -> None:
    """Sheets 1 .. 10 are in both files."""
    glyphs = loaded(folder, where="sheet in (1, 2)", per_char=3, held_out=1)
    assert np.unique(glyphs.groups).size == 4
    with pytest.raises(DataError, match="no field 'shet'; did you mean 'sheet'"):
        loaded(folder, where="shet == 1")
    with pytest.raises(DataError, match="holds no image of あ い う え お where sheet > 99"):
        loaded(folder, where="sheet > 99")


@pytest.mark.parametrize("option", [{"where": "age < 30"}, {"with_models": True}])
def test_what_only_etl_has_is_refused_elsewhere(tmp_path: Path, option: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"only ETL data .*; penman has none"):
        loaded("penman", **option)
    np.savez(tmp_path / "a.npz", images=np.zeros((2, 8, 8), np.uint8), labels=np.array([0, 1]))
    with pytest.raises(DataError, match="only ETL data"):
        loaded(tmp_path / "a.npz", **option)


def test_steps_can_be_chosen(folder: Path) -> None:
    raw, cropped, every = (loaded(folder, prepare=text).images for text in ("none", "crop", "all"))
    assert raw.mean() < cropped.mean() < every.mean(), "a cropped character fills its square, and the gain is one more"
    turned = loaded(folder, prepare="invert").images
    assert np.abs(255 - turned.astype(int) - raw)[:, 4:28, 4:28].max() <= 1


def test_the_prepared_pen_stands_as_scans_do() -> None:
    """As large and as black as prepared scans; clean ones are as the pen wrote them."""

    def sides_and_blacks(source: str) -> tuple[list[int], float]:
        images = loaded(source).images
        inked = [np.nonzero(image >= 64) for image in images]
        return [int(max(np.ptp(ys), np.ptp(xs))) + 1 for ys, xs in inked], float(np.median(images.max((1, 2))))

    clean, _ = sides_and_blacks("penman:clean")
    sides, black = sides_and_blacks("penman:prepared")
    assert (min(sides) >= 24, max(sides) <= 27, black) == (True, True, 255), "four fifths of 32 pixels"
    assert np.std(clean) > 2 * np.std(sides)


def test_every_size_that_tools_ask_for(folder: Path) -> None:
    for size in (28, 32, 48, 64):
        assert loaded(folder, size, chars="あ").images.shape[1:] == (size, size)


def test_blank_cells_are_left_out_and_told(tmp_path: Path) -> None:
    levels = np.zeros((30, 76, 72), np.uint8)
    levels[:, 20:50, 30:36] = 15
    levels[[3, 7]] = 0
    codes = np.repeat([0xB1, 0xB2], 15)
    write_records(tmp_path / "ETL4C", records_of("ETL4", codes, levels=levels, sheet=np.tile(np.arange(15), 2)))
    glyphs = loaded(tmp_path, chars="アイ", per_char=10, held_out=5)
    assert np.bincount(glyphs.labels).tolist() == [13, 15]
    assert glyphs.images.shape == (28, 32, 32)
    assert glyphs.images[:].any((1, 2)).all()
    assert {len(part) for part in (glyphs.labels, glyphs.groups, glyphs.held_out)} == {28}
    assert any("2 cells are blank once prepared, such as of ア (2); left out" in each for each in glyphs.problems)
    with pytest.raises(DataError, match="strict"):
        loaded(tmp_path, chars="アイ", per_char=10, held_out=5, strict=True)


def test_a_character_of_blank_cells_only(tmp_path: Path) -> None:
    blank = np.zeros((9, 127, 128), np.uint8)
    write_records(tmp_path / "ETL8G_01", records_of("ETL8G", kana_codes("あ") * 9, levels=blank))
    with pytest.raises(DataError, match="every cell of あ is blank"):
        loaded(tmp_path, chars="あ", held_out=0, per_char=9)


def test_problems_of_files_reach_the_set(folder: Path) -> None:
    cut = folder / "ETL9G_02"
    cut.write_bytes(cut.read_bytes()[:-100])
    problem = next(each for each in loaded(folder, per_char=5, held_out=2).problems if "ETL9G_02" in each)
    assert "record 49" in problem
    assert "cut off" in problem
    with pytest.raises(DataError, match="strict"):
        loaded(folder, per_char=5, held_out=2, strict=True)


def test_several_paths_at_once(folder: Path, tmp_path: Path) -> None:
    write_handwriting(tmp_path / "more", "ETL8G", "あいうえお", writers=4)
    comma = tmp_path / "a,b"
    write_handwriting(comma, "ETL8G", "あいうえお", writers=4)
    (tmp_path / "a").mkdir()
    assert loaded(f"etl:{folder},{tmp_path / 'more'}").source == "ETL8G (1 file), ETL9G (2 files)"
    assert loaded(f"{folder},{tmp_path / 'more'}").source == "ETL8G (1 file), ETL9G (2 files)"
    assert loaded(f"etl:{comma}", held_out=0).source == "ETL8G (1 file)", "a path that is there is not cut at its comma"
    with pytest.raises(DataError, match=r"gone: there is no such file or folder"):
        loaded(f"etl:{folder},{tmp_path / 'gone'}")
    with pytest.raises(DataError, match="mnist: takes one path"):
        loaded(f"mnist:{folder},{tmp_path / 'more'}")


def test_mnist_trains_on_its_own_split(tmp_path: Path) -> None:
    for half, count in (("train", 40), ("t10k", 20)):
        images = np.zeros((count, 28, 28), np.uint8)
        images[:, 8:20, 10:14] = 255
        labels = (np.arange(count) % 10).astype(np.uint8)
        for name, array in ((f"{half}-images-idx3-ubyte", images), (f"{half}-labels-idx1-ubyte", labels)):
            header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
            (tmp_path / name).write_bytes(header + array.tobytes())
    glyphs = loaded(f"mnist:{tmp_path}", chars="digits", per_char=4, held_out=2)
    assert np.bincount(glyphs.labels[~glyphs.held_out]).tolist() == [4] * 10
    assert np.bincount(glyphs.labels[glyphs.held_out]).tolist() == [2] * 10
    assert glyphs.problems == ()
    with pytest.raises(DataError, match=r"fewer images of 10 of 10 .* 5 \+ 2 held out .*: 0 \(4 \+ 2\), .*\(strict\)"):
        loaded(f"mnist:{tmp_path}", chars="digits", per_char=5, held_out=2, strict=True)
