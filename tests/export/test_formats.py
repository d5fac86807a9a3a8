"""Every format, opened by a reader that shares no code with its writer, and by our own where there is one."""

import csv
import io
import json
import struct
import tarfile
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from core.errors import ConfigError
from core.export.batch import Batch
from core.export.characters import Characters
from core.export.formats import FORMATS, open_format
from core.export.formats.base import Task
from core.export.job import carry_out
from core.export.png import encode
from core.glyphs.etl.extract import KEYS
from core.glyphs.etl.reader import open_etl
from core.glyphs.sets.folder import open_folder
from core.glyphs.sets.idx import read_idx

from .conftest import drawn, make_run, tree

Job = Callable[..., Characters]


@pytest.fixture
def made(job: Job, tmp_path: Path) -> Callable[..., tuple[Path, np.ndarray[Any, Any], list[str]]]:
    """(folder, images, characters) of 150 samples in two shards."""

    def make(kind: str, **more: Any) -> tuple[Path, np.ndarray[Any, Any], list[str]]:
        done = job(tmp_path / kind, kind, shards=2, **more)
        assert carry_out(done).complete
        return tmp_path / kind, *drawn(done)

    return make


Made = Callable[..., tuple[Path, np.ndarray[Any, Any], list[str]]]


def test_images_are_not_all_alike(made: Made) -> None:
    _, images, _ = made("idx")
    assert len({image.tobytes() for image in images}) == 150


def test_png(made: Made) -> None:
    out, images, characters = made("png")
    with (out / "labels.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["character"] for row in table] == characters
    assert [int(row["index"]) for row in table] == list(range(150))
    assert {row["file"].split("/")[0] for row in table} == {"U+3042", "U+3044", "U+4E9C"}
    for row, image in zip(table, images, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(out / row["file"])), image)
        assert -1 <= float(row["code_slant"]) <= 1
    assert open_folder(out).counts() == {"あ": 50, "い": 50, "亜": 50}
    assert {path.name for path in out.iterdir() if path.is_file()} == {"README.md", "card.json", "labels.csv"}


def test_json(made: Made) -> None:
    out, images, characters = made("json")
    records = json.loads((out / "images.json").read_text(encoding="utf-8"))
    assert [record["character"] for record in records] == characters
    assert list(records[0])[: len(KEYS)] == list(KEYS)
    assert (records[0]["code"], records[0]["age"]) == (0x2422, None)
    for record, image in zip(records, images, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(out / record["image_name"])), image)
    with (out / "images.csv").open(encoding="utf-8", newline="") as file:
        assert [row["image_name"] for row in csv.DictReader(file)] == [record["image_name"] for record in records]
    assert open_folder(out).counts() == {"あ": 50, "い": 50, "亜": 50}


def test_idx(made: Made) -> None:
    out, images, characters = made("idx")
    raw = (out / "images-idx3-ubyte").read_bytes()
    assert struct.unpack(">IIII", raw[:16]) == (2051, 150, 32, 32)
    np.testing.assert_array_equal(np.frombuffer(raw[16:], np.uint8).reshape(150, 32, 32), images)
    labels = (out / "labels-idx1-ubyte").read_bytes()
    assert struct.unpack(">II", labels[:8]) == (2049, 150)
    assert ["あい亜"[label] for label in labels[8:]] == characters
    assert (out / "characters.csv").read_text() == "label,character,code_point\n0,あ,U+3042\n1,い,U+3044\n2,亜,U+4E9C\n"
    np.testing.assert_array_equal(read_idx(out / "images-idx3-ubyte"), images)


def test_etl9g_by_the_table_of_the_format(made: Made) -> None:
    out, images, characters = made("etl9g", look="scanned", writers=True)
    record = struct.Struct(">H2s8sI4B4H2B34x8128s7x")  # as AIST's page gives the layout
    assert record.size == 8199
    raw = b"".join((out / f"ETL9G_0{number}").read_bytes() for number in (1, 2))
    found = list(record.iter_unpack(raw))
    assert [(b"\x1b$B" + code + b"\x1b(B").decode("iso2022_jp") for _, code, *_ in found] == characters
    assert [serial for _, _, _, serial, *_ in found] == list(range(1, 151))
    assert [sheet for sheet, *_ in found] == [1 + number // 3 for number in range(150)]
    for (*_, packed), image in zip(found, images, strict=True):
        pairs = np.frombuffer(packed, np.uint8)
        cell = np.stack([pairs >> 4, pairs & 15], 1).reshape(127, 128)
        np.testing.assert_array_equal(cell * 17, image)


def test_etl9g_by_our_reader(made: Made) -> None:
    out, images, characters = made("etl9g")
    etl = open_etl([out])
    assert ["as published 12,144" in str(problem) for problem in etl.problems] == [True, True]  # nothing else
    read = list(etl.read(etl.select()))
    assert sum(len(batch.labels) for batch in read) == 150
    assert etl.select().counts() == {"あ": 50, "い": 50, "亜": 50}
    cells = {image.tobytes() for batch in read for image in batch.images}
    assert len(cells) == 150
    assert images.shape == (150, 32, 32)
    assert set(characters) == {"あ", "い", "亜"}


def test_npz(made: Made) -> None:
    out, images, characters = made("npz")
    parts = [np.load(out / f"data-0000{number}-of-00002.npz") for number in (0, 1)]  # pickles are refused by default
    np.testing.assert_array_equal(np.concatenate([part["images"] for part in parts]), images)
    labels = np.concatenate([part["labels"] for part in parts])
    assert [str(parts[0]["characters"][label]) for label in labels] == characters
    assert parts[0]["codes"].shape == (75, 4)
    assert list(parts[0]["code_names"][:2]) == ["slant", "thickness"]


def test_idx_holds_the_judges_confidence_where_it_was_asked(tmp_path: Path) -> None:
    task = Task(tmp_path, ("あ", "い"), 4, 2, 8, 8, (), judged=True)
    sure = np.array([0.25, 1, 0.5, 0], np.float32)
    for shard in (1, 0):
        rows = slice(2 * shard, 2 * shard + 2)
        images, none = np.zeros((2, 8, 8), np.uint8), np.zeros((2, 0), np.float32)
        batch = Batch(2 * shard, images, np.array([0, 1]), np.array([shard] * 2), none, sure[rows])
        open_format("idx", task).write(shard, [batch])
    content = (tmp_path / "confidence-idx1-float").read_bytes()
    assert content[:8] == bytes([0, 0, 0x0D, 1, 0, 0, 0, 4]), "32-bit floats, one dimension, four of them"
    np.testing.assert_array_equal(np.frombuffer(content[8:], ">f4"), sure)


@pytest.mark.parametrize("judged", [True, False])
def test_npz_is_what_numpy_writes_and_no_shard_is_held_in_memory(tmp_path: Path, judged: bool) -> None:
    """The same bytes as of whole arrays, in the memory of a batch; nothing is left beside the file."""
    count, size = 20_000, 32
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (64, size, size), dtype=np.uint8)
    labels, codes = np.arange(count) % 2, random.random((count, 2), np.float32)
    confidence = random.random(count, np.float32) if judged else None

    def batches() -> Iterator[Batch]:
        for first in range(0, count, 64):
            part = slice(first, min(first + 64, count))
            sure = None if confidence is None else confidence[part]
            yield Batch(first, images[: part.stop - first], labels[part], np.arange(count)[part], codes[part], sure)

    task = Task(tmp_path, ("あ", "い"), count, 1, size, size, ("slant", "code 1"), judged)
    tracemalloc.start()
    open_format("npz", task).write(0, batches())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20, "20 MiB of images"
    (path,) = tmp_path.iterdir()
    arrays = {"images": np.concatenate([images] * 313)[:count], "labels": labels, "turns": np.arange(count)}
    arrays |= {"codes": codes} | ({} if confidence is None else {"confidence": confidence})
    names = {"characters": np.array(["あ", "い"]), "code_names": np.array(["slant", "code 1"])}
    np.savez(tmp_path / "numpy.npz", **names, **arrays)  # type: ignore[arg-type]
    assert path.read_bytes() == (tmp_path / "numpy.npz").read_bytes()
    with np.load(path, allow_pickle=False) as read:
        np.testing.assert_array_equal(read["images"], arrays["images"])


def test_parquet(made: Made) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra etlgan[parquet]")
    out, images, characters = made("parquet")
    rows = [
        row for number in (0, 1) for row in parquet.read_table(out / f"data-0000{number}-of-00002.parquet").to_pylist()
    ]
    assert [row["character"] for row in rows] == characters
    for row, image in zip(rows, images, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(row["image"]["bytes"]))), image)


def test_webdataset(made: Made) -> None:
    out, images, characters = made("webdataset")
    samples: list[dict[str, bytes]] = []
    for number in (0, 1):
        with tarfile.open(out / f"data-0000{number}-of-00002.tar") as archive:
            for member in archive:
                key, _, ending = member.name.partition(".")
                if not samples or samples[-1]["key"] != key.encode():
                    samples.append({"key": key.encode()})
                samples[-1][ending] = archive.extractfile(member).read()  # type: ignore[union-attr]
    assert len(samples) == 150
    for sample, image, character in zip(samples, images, characters, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(sample["png"]))), image)
        assert json.loads(sample["json"])["character"] == character
        assert "あい亜"[int(sample["cls"])] == character


@pytest.mark.parametrize("shape", [(1, 1), (32, 32), (63, 64), (127, 128)])
def test_png_files_hold_what_was_put_in(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    opened = Image.open(io.BytesIO(encode(image)))
    assert opened.mode == "L"
    np.testing.assert_array_equal(np.asarray(opened), image)


def test_more_than_256_characters_have_wide_labels(tmp_path: Path) -> None:
    from core.export.card import made_from
    from core.export.request import Request
    from core.gan.sample import Sampler
    from core.glyphs import repertoire

    run = make_run(tmp_path / "run", repertoire.characters("jis1")[:300])
    sampler = Sampler.load(run)
    request = Request("idx", tuple((character, 1) for character in sampler.characters))
    carry_out(Characters(tmp_path / "out", sampler, request, made_from(run, sampler.config, 6)))
    raw = (tmp_path / "out" / "labels-idx1-int").read_bytes()
    assert raw[:4] == bytes([0, 0, 0x0C, 1])
    assert np.frombuffer(raw[8:], ">i4").tolist() == list(range(300))


def test_etl9g_has_no_code_for_ascii(tmp_path: Path) -> None:
    task = Task(tmp_path, ("あ", "A", "7"), 3, 1, 127, 128, (), judged=False)
    with pytest.raises(ConfigError, match="no code for A 7"):
        open_format("etl9g", task)


def test_idx_has_no_number_for_more_than_its_header_tells(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="numbers 4,294,967,295 samples, not 4,294,967,296"):
        open_format("idx", Task(tmp_path, ("あ",), 2**32, 1, 32, 32, (), judged=False))


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_the_same_bytes_again_and_however_it_is_cut(job: Job, tmp_path: Path, kind: str) -> None:
    """Twice the same; and shards written backwards, one of them twice, by calls of their own and by three threads."""
    if kind == "parquet":
        pytest.importorskip("pyarrow", reason="needs the extra etlgan[parquet]")
    carry_out(job(tmp_path / "once", kind, shards=3))
    torch.set_num_threads(3)  # the fixture sets it back to one
    for shard in (2, 0, 0, 1):
        outcome = carry_out(job(tmp_path / "parts", kind, shards=3), only=shard)
    assert outcome.complete
    assert torch.get_num_threads() == 3, "as it was before"
    assert tree(tmp_path / "parts") == tree(tmp_path / "once")
