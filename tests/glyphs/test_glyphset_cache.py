"""The cache of prepared glyphs: what is in it is what was made, whoever damages it or makes it at the same time."""

import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import DataError
from core.glyphs import glyphset, mixing
from core.glyphs.glyphset import GlyphSet
from core.glyphs.sources import Index
from core.settings import DataConfig

CHARS = "あいう"
ASKED = DataConfig(chars=CHARS, per_char=6, held_out=3)
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "a byte": lambda old: old[:-5] + bytes([old[-5] ^ 1]) + old[-4:],
    "half": lambda old: old[: len(old) // 2],
    "all": lambda _: b"",
    "a list": lambda _: b"[]",
    "null": lambda _: b"null",
    "other facts": lambda _: b'{"characters": 3, "checksums": 4}',
    "another character": lambda old: old.replace("う".encode(), "え".encode()),
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ETLGAN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "glyphs"


def same(first: GlyphSet, second: GlyphSet) -> bool:
    arrays = ("images", "labels", "groups", "held_out")
    return (first.characters, first.fingerprint, first.source) == (
        second.characters,
        second.fingerprint,
        second.source,
    ) and all(np.array_equal(getattr(first, name), getattr(second, name)) for name in arrays)


def test_from_the_cache_as_it_was_made(folder: Path) -> None:
    calls: list[tuple[int, int]] = []
    made = glyphset.load(ASKED, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (27, 27)
    calls.clear()
    again = glyphset.load(ASKED, progress=lambda done, total: calls.append((done, total)))
    assert not calls
    assert same(made, again)
    assert made.images.shape == (27, 32, 32)
    assert made.images.dtype == np.uint8
    assert not made.images.flags.writeable
    assert made.characters == ("あ", "い", "う")
    assert [path.name for path in folder.iterdir()] == [made.fingerprint]


def test_every_character_has_what_was_asked_and_no_writer_is_on_both_sides() -> None:
    made = glyphset.load(ASKED)
    for held_out, count in ((False, 6), (True, 3)):
        images, labels = made.part(held_out=held_out)
        assert np.bincount(labels).tolist() == [count] * 3
        assert images.shape == (3 * count, 32, 32)
        assert (images.max((1, 2)) > 100).all()
    assert not set(made.groups[made.held_out]) & set(made.groups[~made.held_out])


@pytest.mark.parametrize(
    ("name", "damage"),
    [(name, kind) for name in ("images.npy", "labels.npy", "held_out.npy") for kind in ("a byte", "half", "all")]
    + [("glyphs.json", kind) for kind in ("half", "all", "a list", "null", "other facts", "another character")],
)
def test_a_damaged_set_is_made_again(folder: Path, name: str, damage: str) -> None:
    made = glyphset.load(ASKED)
    before = {array: np.array(getattr(made, array)) for array in ("images", "labels", "held_out")}
    path = folder / made.fingerprint / name
    old = path.read_bytes()
    path.unlink()  # another file: the first set's memory map is left alone
    path.write_bytes(DAMAGES[damage](old))
    assert path.read_bytes() != old
    again = glyphset.load(ASKED)
    assert all(np.array_equal(getattr(again, array), before[array]) for array in before)
    assert again.characters == made.characters
    assert path.read_bytes() == old
    assert [path.name for path in folder.iterdir()] == [made.fingerprint]


def test_a_file_that_is_gone_is_made_again(folder: Path) -> None:
    made = glyphset.load(ASKED)
    (folder / made.fingerprint / "groups.npy").unlink()
    assert same(glyphset.load(ASKED), made)


@pytest.mark.parametrize("damaged", [False, True])
def test_three_processes_at_once(folder: Path, damaged: bool) -> None:
    made = glyphset.load(ASKED)
    expected = int(made.images.sum(dtype=np.int64))
    if damaged:
        (folder / made.fingerprint / "glyphs.json").write_text("{}")
    else:
        for path in (folder / made.fingerprint).iterdir():
            path.unlink()
        (folder / made.fingerprint).rmdir()
    script = (
        "from core.settings import DataConfig; from core.glyphs import glyphset; import numpy as np; input()\n"
        f"print(glyphset.load(DataConfig(chars={CHARS!r}, per_char=6, held_out=3)).images.sum(dtype=np.int64))"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    said = [child.communicate(timeout=60) for child in children]
    assert said == [(f"{expected}\n", "")] * 3
    assert [path.name for path in folder.iterdir()] == [made.fingerprint]


def test_other_data_have_another_fingerprint() -> None:
    changes: list[dict[str, object]] = [
        {}, {"chars": "あいえ"}, {"chars": "いあう"}, {"per_char": 7}, {"held_out": 2}, {"size": 64}, {"seed": 1},
        {"style": "clean"}, {"style": "prepared"},
    ]  # fmt: skip
    asked = [DataConfig(**{"chars": CHARS, "per_char": 6, "held_out": 3, **change}) for change in changes]  # type: ignore[arg-type]
    assert len({glyphset.load(each).fingerprint for each in asked}) == len(changes)


def test_another_seed_has_other_images() -> None:
    other = DataConfig(chars=CHARS, per_char=6, held_out=3, seed=1)
    assert not np.array_equal(glyphset.load(ASKED).images, glyphset.load(other).images)


def test_a_character_that_nobody_can_write_is_named() -> None:
    with pytest.raises(DataError, match="😀"):
        glyphset.load(DataConfig(chars="あ😀", per_char=2, held_out=0))


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ETLGAN_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"cannot write the prepared glyphs to .*file.*; see ETLGAN_CACHE") as told:
        glyphset.load(ASKED)
    assert "\n" not in str(told.value)


def test_a_full_disk_is_told_and_leaves_nothing(folder: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(DataError, match=r"cannot write the prepared glyphs .*: File too large; see ETLGAN_CACHE"):
            glyphset.load(ASKED)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(folder.iterdir()) == []
    assert len(glyphset.load(ASKED).images) == 27


class Shelf:
    """A source of numbered images, split by nobody: each image's grey level is its place."""

    name, needs_preparation, problems = "shelf", False, ()

    def __init__(self, labels: NDArray[np.int64], groups: NDArray[np.int64]) -> None:
        self.labels, self.groups = labels, groups

    def fingerprint(self) -> str:
        return f"shelf:{self.labels.tolist()}:{self.groups.tolist()}"

    def counts(self) -> Mapping[str, int] | None:
        return {character: int((self.labels == i).sum()) for i, character in enumerate(CHARS)}

    def index(self, characters: Sequence[str], *, per_char: int, held_out: int) -> Index:  # noqa: ARG002
        return Index(self.labels, self.groups, None)

    def batches(self, rows: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
        order = np.argsort(rows)[::-1]  # in the order that suits a source
        for places in np.array_split(order, 3):
            yield places, np.broadcast_to((rows[places] + 1).astype(np.uint8)[:, None, None], (len(places), 32, 32))


def shelved(monkeypatch: pytest.MonkeyPatch, labels: list[int], groups: list[int], **asked: int) -> GlyphSet:
    shelf = Shelf(np.array(labels), np.array(groups))
    monkeypatch.setattr(mixing, "open_source", lambda _data: shelf)
    return glyphset.load(DataConfig(chars=CHARS, **asked))  # type: ignore[arg-type]


def test_groups_of_one_give_exact_numbers_and_images_keep_their_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = [0, 1, 2] * 10
    made = shelved(monkeypatch, labels, list(range(30)), per_char=5, held_out=3)
    places = made.images[:, 0, 0].astype(int) - 1
    assert np.array_equal(np.array(labels)[places], made.labels)
    assert np.array_equal(places, made.groups)
    assert len(set(places)) == 24
    assert np.bincount(made.labels[made.held_out]).tolist() == [3, 3, 3]
    assert np.bincount(made.labels[~made.held_out]).tolist() == [5, 5, 5]


@pytest.mark.parametrize("seed", range(5))
def test_a_group_is_on_one_side_only(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Ten writers, each of whom wrote every character twice."""
    made = shelved(monkeypatch, [0, 1, 2] * 20, [i // 6 for i in range(60)], per_char=12, held_out=4, seed=seed)
    held, trained = set(made.groups[made.held_out]), set(made.groups[~made.held_out])
    assert not held & trained
    assert len(held) == 2
    assert np.bincount(made.labels[made.held_out]).tolist() == [4, 4, 4]
    assert np.bincount(made.labels[~made.held_out]).tolist() == [12, 12, 12]


def test_which_groups_are_held_out_depends_on_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    def held(seed: int) -> tuple[int, ...]:
        made = shelved(monkeypatch, [0, 1, 2] * 20, [i // 6 for i in range(60)], per_char=6, held_out=4, seed=seed)
        return tuple(sorted(set(made.groups[made.held_out].tolist())))

    assert held(0) == held(0)
    assert len({held(seed) for seed in range(8)}) > 1


def test_nothing_held_out_where_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    made = shelved(monkeypatch, [0, 1, 2] * 4, list(range(12)), per_char=4, held_out=0)
    assert not made.held_out.any()
    assert len(made.images) == 12


def test_a_character_without_images_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="う"):
        shelved(monkeypatch, [0, 1] * 6, list(range(12)), per_char=2, held_out=1)


def test_builders_that_meet_a_damaged_set_leave_a_good_one(folder: Path, tmp_path: Path) -> None:
    made = glyphset.load(ASKED)
    good, place = tmp_path / "good", folder / made.fingerprint
    shutil.copytree(place, good)

    def build(number: int) -> None:
        temporary = folder / f".{number}.tmp"
        shutil.copytree(good, temporary)
        glyphset._put(temporary, place, made.characters)
        shutil.rmtree(temporary, ignore_errors=True)
        glyphset._read(place, made.characters)

    for _ in range(10):
        (place / "glyphs.json").write_text("{}")
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(build, range(4)))
