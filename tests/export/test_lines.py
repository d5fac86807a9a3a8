"""Lines: the boxes are where the ink is, the text is what was asked for, a hand is one hand."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from core.errors import DataError
from core.export.card import made_from
from core.export.job import carry_out
from core.export.lines import Lines, LinesRequest, read_texts
from core.export.typeset import INK, Typesetter
from core.gan.sample import Sampler
from core.rundir import RunDir

from .conftest import tree

Make = Callable[..., Lines]


@pytest.fixture
def lines(run: RunDir, sampler: Sampler) -> Make:
    def made(out: Path, *, shards: int = 1, **more: Any) -> Lines:
        usual: dict[str, Any] = {"texts": (), "characters": ("あ", "い", "亜"), "random": 0, "length": 6, "hands": 1}
        request = LinesRequest(**usual | more)
        return Lines(out, sampler, request, made_from(run, sampler.config, 6), shards=shards)

    return made


def truth(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "lines.jsonl").read_text(encoding="utf-8").splitlines()]


def test_lines_can_be_replaced(lines: Make, tmp_path: Path) -> None:
    carry_out(lines(tmp_path, random=3, shards=2))
    carry_out(lines(tmp_path, random=2), force=True)
    assert len(truth(tmp_path)) == len(list(tmp_path.rglob("*.png"))) == 2


def squares(count: int, size: int = 32) -> np.ndarray[Any, Any]:
    """Glyphs whose ink is a square of 16 pixels."""
    glyphs = np.zeros((count, size, size), np.uint8)
    glyphs[:, 8:24, 8:24] = 255
    return glyphs


def test_boxes_hold_the_ink_and_nothing_but_it() -> None:
    typesetter = Typesetter(32, seed=0)
    for number in range(30):
        line = typesetter.line("あい 亜", squares(3), number)
        covered = np.zeros(line.ink.shape, bool)
        assert [character for character, _ in line.boxes] == ["あ", "い", "亜"]
        for _, (left, top, right, bottom) in line.boxes:
            assert 10 <= right - left <= 19
            assert 10 <= bottom - top <= 19
            assert line.ink[top:bottom, left].max() > INK < line.ink[top:bottom, right - 1].max()
            covered[top:bottom, left:right] = True
        assert not (line.ink[~covered] > INK).any()
        gaps = [later[0] - sooner[2] for (_, sooner), (_, later) in zip(line.boxes, line.boxes[1:], strict=False)]
        assert all(gap >= 0 for gap in gaps)
        assert gaps[1] > gaps[0] + 8  # the blank


def test_hands_differ_in_size_and_spacing() -> None:
    widths = {Typesetter(32, seed=0).line("あい亜", squares(3), number).ink.shape[1] for number in range(30)}
    assert len(widths) > 8


def test_texts_become_images_labels_and_boxes(lines: Make, tmp_path: Path) -> None:
    out = tmp_path / "out"
    carry_out(lines(out, texts=("あい 亜", "亜"), hands=2, shards=2))
    told = truth(out)
    assert [line["text"] for line in told] == ["あい 亜", "あい 亜", "亜", "亜"]
    assert [line["hand"] for line in told] == [0, 1, 2, 3]
    assert (out / "labels.txt").read_text().splitlines() == [f"{line['image']}\t{line['text']}" for line in told]
    for line in told:
        page = np.asarray(Image.open(out / line["image"]))
        assert page.shape == (line["height"], line["width"])
        assert [each["text"] for each in line["characters"]] == [c for c in line["text"] if c != " "]
        for each in line["characters"]:
            left, top, right, bottom = each["box"]
            assert 0 <= left < right <= line["width"]
            assert 0 <= top < bottom <= line["height"]
    card = json.loads((out / "card.json").read_text())["export"]
    assert (card["kind"], card["samples"], card["texts"]) == ("lines", 4, 2)


def test_random_lines_have_one_to_so_many_characters(lines: Make, tmp_path: Path) -> None:
    out = tmp_path / "out"
    carry_out(lines(out, random=60, length=4))
    lengths = {len(line["text"]) for line in truth(out)}
    assert lengths == {1, 2, 3, 4}
    assert {c for line in truth(out) for c in line["text"]} == {"あ", "い", "亜"}


def test_the_same_lines_however_they_are_cut(lines: Make, tmp_path: Path) -> None:
    carry_out(lines(tmp_path / "once", random=35, shards=3))
    for shard in (2, 0, 1):
        carry_out(lines(tmp_path / "parts", random=35, shards=3), only=shard)
    assert tree(tmp_path / "once") == tree(tmp_path / "parts")
    torch.set_num_threads(2)
    carry_out(lines(tmp_path / "one", random=35))
    one, three = tree(tmp_path / "one"), tree(tmp_path / "once")
    for name in ("lines.jsonl", "labels.txt", "images/00000/00000034.png"):
        assert one[name] == three[name]


def test_a_hand_is_recognised_by_its_style(lines: Make, tmp_path: Path) -> None:
    made = lines(tmp_path / "out", random=1)
    hand = np.repeat([1, 2], 40)
    noise, codes = made._style(hand, np.tile(np.arange(40), 2))
    within = np.linalg.norm(noise[0] - noise[1:40], axis=1).mean()
    between = np.linalg.norm(noise[0] - noise[40:], axis=1).mean()
    assert 0 < within < 0.6 * between
    assert np.abs(codes[:40] - codes[:40].mean(0)).max() < 0.4
    assert np.abs(codes).max() <= 1


def test_texts_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("\ufeffあいうえお\n\n  か  き \r\nさ\n", encoding="utf-8")
    assert read_texts(path, length=3) == ["あいう", "えお", "か き", "さ"]
    path.write_text("か\u3099き", encoding="utf-8")
    assert read_texts(path, length=3) == ["がき"], "as macOS writes names"
    path.write_text("\n \n")
    with pytest.raises(DataError, match="holds no text"):
        read_texts(path, length=3)
    path.write_bytes("日本".encode("cp932"))
    with pytest.raises(DataError, match="not UTF-8"):
        read_texts(path, length=3)
    with pytest.raises(DataError, match="No such file"):
        read_texts(tmp_path / "nowhere.txt", length=3)
