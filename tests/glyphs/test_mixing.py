"""Several sources joined by +: what is meant, what each has, and how they become one set."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import ConfigError, DataError
from core.glyphs import glyphset, mixing
from core.glyphs.sets.spec import absolute, domains
from core.settings import DataConfig


def forms(folder: Path, characters: str, each: int) -> Path:
    """Pictures of bars, `each` of every character."""
    for character in characters:
        (folder / character).mkdir(parents=True)
        for number in range(each):
            paper = np.full((32, 32), 255, np.uint8)
            paper[4 + number : 9 + number, 6:26] = 0
            Image.fromarray(paper).save(folder / character / f"{number}.png")
    return folder


def data(source: str, **more: int) -> DataConfig:
    return DataConfig(source=source, chars="あいう", **{"per_char": 6, "held_out": 2, **more})  # type: ignore[arg-type]


def test_sources_and_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a+b").mkdir()
    assert [tuple(part) for part in domains("penman+etl:x,y")] == [
        ("penman", "penman", False),
        ("etl", "etl:x,y", False),
    ]
    assert [part.name for part in domains("penman+penman:scanned+my=a+b")] == ["penman", "penman-scanned", "my"]
    assert [part.spec for part in domains("a+b+penman")] == ["a+b", "penman"]
    assert absolute("penman+forms=a+b") == f"penman+forms={tmp_path}/a+b"
    for bad in ("penman+", "+", "x=penman+x=penman:scanned", "penman+penman"):
        with pytest.raises(ConfigError):
            domains(bad)


def test_a_mixture_holds_each_domain_as_it_is_alone(cache: Path, tmp_path: Path) -> None:
    folder = forms(tmp_path / "forms", "いあ", 5)
    mixed = glyphset.load(data(f"penman+{folder}"))
    assert mixed.characters == ("あ", "い", "う")
    assert mixed.domains == ("penman", "forms")
    assert mixed.domain is not None
    pen, alone = mixed.part(held_out=False, domain=0), glyphset.load(data("penman")).part(held_out=False)
    assert np.array_equal(pen[0], alone[0])
    assert np.array_equal(pen[1], alone[1])
    _, labels = mixed.part(held_out=False, domain=1)
    assert set(labels.tolist()) == {0, 1}
    assert len(mixed.labels) == 3 * 8 + 2 * 5
    assert not set(mixed.groups[mixed.domain == 0]) & set(mixed.groups[mixed.domain == 1])
    again = glyphset.load(data(f"penman+{folder}"))
    assert again.fingerprint == mixed.fingerprint == glyphset.fingerprint(data(f"penman+{folder}"))
    assert glyphset.load(data(f"penman+other={folder}")).fingerprint != mixed.fingerprint
    assert cache.is_dir()


def test_two_embedded_domains_are_written_by_different_people(cache: Path) -> None:
    mixed = glyphset.load(data("penman+b=penman:clean"))
    first, second = (mixed.part(held_out=False, domain=number)[0] for number in (0, 1))
    assert not any(np.array_equal(image, other) for image in first for other in second)
    assert cache.is_dir()


def test_what_domains_lack_is_told(cache: Path, tmp_path: Path) -> None:
    folder = forms(tmp_path / "forms", "いろ", 5)
    looked = mixing.look(data(f"penman+{folder}"))
    assert looked.problems == ("domain forms: has images of 1 of 3 characters; none of あ う",)
    with pytest.raises(DataError, match=r"no domain of .* has images of あ"):
        mixing.look(data(f"a={folder}+b={forms(tmp_path / 'more', 'う', 5)}"))
    with pytest.raises(DataError, match="has none of the 3 characters"):
        mixing.look(data(f"penman+{forms(tmp_path / 'none', 'ろ', 5)}"))
    assert cache.is_dir()
