"""Folders of images as people have them, broken files and all."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import DataError
from core.glyphs.etl.source import EtlSource
from core.glyphs.sets.folder import FolderSource
from core.glyphs.sets.opening import open_data
from core.glyphs.sets.pictures import KEPT_SIDE, PictureError, read_picture


def picture(path: Path, *, side: int = 20, paper: int = 255, ink: int = 0, mode: str = "L") -> Path:
    pixels = np.full((side, side), paper, np.uint8)
    pixels[5:10, 5:10] = ink
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).convert(mode).save(path)
    return path


def opened(folder: Path, *, strict: bool = False) -> FolderSource:
    source = open_data(str(folder), strict=strict)
    assert isinstance(source, FolderSource)
    return source


@pytest.mark.parametrize("name", ["あ", "0x3042", "U+3042", "u3042"])
def test_folders_named_by_character_or_code_point(tmp_path: Path, name: str) -> None:
    picture(tmp_path / name / "1.png")
    assert opened(tmp_path).counts() == {"あ": 1}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("mapping.json", '{"0": "あ", "1": "い"}'),
        ("mapping.json", '{"あ": 0, "い": 1}'),
        ("classes.json", '["あ", "い"]'),
        ("encoding.txt", "{'あ': 0, 'い': 1}"),
        ("labels.txt", "あ\nい\n"),
    ],
)
def test_numbered_folders_with_a_mapping(tmp_path: Path, file: str, text: str) -> None:
    picture(tmp_path / "0" / "1.png")
    picture(tmp_path / "train" / "1" / "2.jpg")
    (tmp_path / file).write_text(text, encoding="utf-8")
    assert opened(tmp_path).counts() == {"あ": 1, "い": 1}


def test_a_digit_is_a_character_where_no_mapping_says_otherwise(tmp_path: Path) -> None:
    picture(tmp_path / "7" / "1.png")
    assert opened(tmp_path).counts() == {"7": 1}


def test_a_character_file_in_the_folder_decides(tmp_path: Path) -> None:
    picture(tmp_path / "0x2422" / "1.png")
    (tmp_path / "0x2422" / ".char.txt").write_text("あ", encoding="utf-8")
    assert opened(tmp_path).counts() == {"あ": 1}


def test_a_json_list_of_images(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.png")
    picture(tmp_path / "images" / "b.png")
    records = [{"image_name": f"images/{name}.png", "character": "あ", "age": 3} for name in "ab"]
    (tmp_path / "etl9g.json").write_text(json.dumps([*records, 5, {"x": 1}]), encoding="utf-8")
    assert opened(tmp_path).counts() == {"あ": 2}


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "a/../../x.png", "a\0.png", "\ud800.png"])
def test_a_json_list_may_not_lead_out_of_its_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "list.json").write_text(json.dumps([{"file": name, "label": "あ"}]))
    with pytest.raises(DataError, match="outside of the folder"):
        open_data(str(tmp_path))


def test_ink_is_high_whatever_the_polarity_and_the_mode(tmp_path: Path) -> None:
    for mode in ("L", "RGB", "1", "P", "RGBA", "LA"):
        pixels = read_picture(picture(tmp_path / f"{mode}.png", mode=mode))
        assert (pixels[0, 0], pixels[7, 7]) == (0, 255), mode
    white = read_picture(picture(tmp_path / "white.png", paper=0, ink=255))
    assert (white[0, 0], white[7, 7]) == (0, 255)
    deep = np.full((20, 20), 65535, np.uint16)
    deep[5:10, 5:10] = 0
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert read_picture(tmp_path / "deep.png")[7, 7] == 255
    clear = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    clear.paste((0, 0, 0, 255), (5, 5, 10, 10))
    clear.save(tmp_path / "clear.png")
    assert (read_picture(tmp_path / "clear.png")[0, 0], read_picture(tmp_path / "clear.png")[7, 7]) == (0, 255)


def test_index_and_batches_of_pictures_of_several_sizes(tmp_path: Path) -> None:
    for number, side in enumerate((20, 30, 20)):
        picture(tmp_path / "あ" / f"{number}.png", side=side)
    picture(tmp_path / "い" / "1.png", side=24)
    source = opened(tmp_path)
    index = source.index(("い", "あ"), per_char=2, held_out=0)
    assert index.labels.tolist() == [0, 1, 1]
    batches = list(source.batches(np.arange(3)))
    assert [cells.shape for _, cells in batches] == [(1, 24, 24), (1, 20, 20), (1, 30, 30)]
    assert [positions.tolist() for positions, _ in batches] == [[0], [1], [2]]


def test_raw_cells_are_told_by_their_size(tmp_path: Path) -> None:
    picture(tmp_path / "a" / "あ" / "1.png")
    assert not opened(tmp_path / "a").needs_preparation
    cell = tmp_path / "b" / "あ" / "1.png"
    cell.parent.mkdir(parents=True)
    Image.fromarray(np.zeros((127, 128), np.uint8)).save(cell)
    (cell.parent / "0.png").write_bytes(b"broken")
    picture(tmp_path / "b" / "い" / "1.png").write_bytes(cell.read_bytes())
    assert opened(tmp_path / "b").needs_preparation


def test_one_broken_file_is_left_out_and_told_or_stops(tmp_path: Path) -> None:
    for number in range(3):
        picture(tmp_path / "あ" / f"{number}.png")
    broken = tmp_path / "あ" / "1.png"
    broken.write_bytes(broken.read_bytes()[:50])
    source = opened(tmp_path)
    assert len(source.index(("あ",), per_char=3, held_out=0).labels) == 2
    assert "1.png: it is not a picture, or a damaged one; left out" in source.problems[0]
    with pytest.raises(DataError, match=r"1\.png.*strict"):
        opened(tmp_path, strict=True).index(("あ",), per_char=3, held_out=0)


def test_large_pictures_are_shrunk_and_huge_ones_refused(tmp_path: Path) -> None:
    assert read_picture(picture(tmp_path / "large.png", side=1000)).shape == (KEPT_SIDE, KEPT_SIDE)
    with pytest.raises(PictureError, match="5000 x 5000"):
        read_picture(picture(tmp_path / "huge.png", side=5000))


def test_nothing_usable_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        open_data(str(tmp_path / "gone"))
    with pytest.raises(DataError, match="no labelled images found"):
        open_data(str(tmp_path))
    picture(tmp_path / "holiday" / "1.png")
    with pytest.raises(DataError, match="no labelled images found"):
        open_data(str(tmp_path))
    with pytest.raises(DataError, match="holds no mnist set"):
        open_data(f"mnist:{tmp_path}")


@pytest.mark.parametrize("text", ["{", "3", '{"0": "too long"}', "__import__('os')", "[[[" * 5000])
def test_a_mapping_that_is_none(tmp_path: Path, text: str) -> None:
    picture(tmp_path / "0" / "1.png")
    (tmp_path / "mapping.json").write_text(text)
    with pytest.raises(DataError, match=r"mapping\.json"):
        open_data(str(tmp_path))


def test_etl_is_recognised_without_being_named(tmp_path: Path) -> None:
    (tmp_path / "ETL8G_01").write_bytes(bytes(8199 * 3))
    assert isinstance(open_data(str(tmp_path)), EtlSource)
    assert isinstance(open_data(f"etl:{tmp_path}"), EtlSource)


def test_fuzz(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    for suffix in ("png", "jpg", "bmp", "gif", "tif"):
        good = picture(tmp_path / f"a.{suffix}").read_bytes()
        path = tmp_path / f"b.{suffix}"
        for turn in range(200):
            raw = bytearray(good)
            for place in rng.integers(0, len(raw), int(rng.integers(1, 6))):
                raw[place] = rng.integers(0, 256)
            path.write_bytes(raw[: int(rng.integers(0, len(raw)))] if turn % 4 == 0 else raw)
            try:
                pixels = read_picture(path)
            except PictureError:
                continue
            assert pixels.ndim == 2
            assert max(pixels.shape) <= KEPT_SIDE
