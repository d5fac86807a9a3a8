"""Several sources as domains of one set: which characters each has, and how their sets become one."""

from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.errors import DataError
from core.glyphs import penman
from core.glyphs.repertoire import characters as repertoire
from core.glyphs.sets.spec import Domain, domains, parse
from core.glyphs.sources import Source, open_source
from core.settings import DataConfig

DOMAIN = "domain"  # the array beside those of a set with one domain
OTHER_WRITERS = 1_000_003  # added to the seed for each domain: embedded writers of two domains are different people
SHOWN = 5  # characters named in a message


class Part(NamedTuple):
    """One domain, opened."""

    name: str
    data: DataConfig  # as if it were alone
    source: Source
    characters: tuple[str, ...]  # those asked for that it has


class Made(Protocol):
    """What is read of a domain's own set (a GlyphSet)."""

    @property
    def images(self) -> NDArray[np.uint8]: ...
    @property
    def labels(self) -> NDArray[np.int64]: ...
    @property
    def groups(self) -> NDArray[np.int64]: ...
    @property
    def held_out(self) -> NDArray[np.bool_]: ...
    @property
    def characters(self) -> tuple[str, ...]: ...
    @property
    def source(self) -> str: ...
    @property
    def problems(self) -> tuple[str, ...]: ...


class Mixture(NamedTuple):
    """What is to be joined."""

    data: DataConfig
    characters: tuple[str, ...]  # labels in their order
    domains: tuple[str, ...]
    sets: tuple[Made, ...]


def opened(data: DataConfig) -> list[Part]:
    """Every domain of `data`, opened; one alone must have all characters, several must together. DataError."""
    characters, found = repertoire(data.chars), domains(data.source)
    if len(found) == 1:
        alone = msgspec.structs.replace(data, source=found[0].spec)
        return [Part("", alone, open_source(alone), characters)]
    if (data.where or data.with_models) and not any(parse(domain.spec)[0] == "etl" for domain in found):
        raise DataError(f"data.source={data.source}: only ETL data has fields to choose by; write it as etl:PATH")
    parts = [_part(data, domain, number, characters) for number, domain in enumerate(found)]
    missing = set(characters).difference(*(part.characters for part in parts))
    if missing:
        raise DataError(f"no domain of {data.source} has images of {_some([c for c in characters if c in missing])}")
    return parts


def _part(data: DataConfig, domain: Domain, number: int, characters: tuple[str, ...]) -> Part:
    etl = parse(domain.spec)[0] == "etl"
    own = msgspec.structs.replace(
        data,
        source=domain.spec,
        where=data.where if etl else "",
        with_models=data.with_models and etl,
        seed=(data.seed + number * OTHER_WRITERS) % 2**31,
    )
    source = open_source(own)
    counts = source.counts()
    fewest = 1 + (data.held_out > 0)
    if counts is None:
        has = tuple(c for c in characters if c in penman.characters())
    else:
        has = tuple(c for c in characters if counts.get(c, 0) >= fewest)
    if not has:
        raise DataError(
            f"domain {domain.name} ({source.name}) has none of the {len(characters):,} characters asked for"
        )
    return Part(domain.name, own, source, has)


class Looked(NamedTuple):
    """What is known of data before anything of it is prepared."""

    characters: tuple[str, ...]
    source: str  # what it was recognised as
    problems: tuple[str, ...]  # what was stepped over, which characters a domain lacks


def look(data: DataConfig) -> Looked:
    """Make sure that `data` has what it is asked for; DataError, told before a run starts."""
    parts, characters = opened(data), repertoire(data.chars)
    problems: list[str] = []
    for part in parts:
        part.source.index(part.characters, per_char=1, held_out=0)
        problems += part.source.problems
        lacking = [c for c in characters if c not in set(part.characters)]
        if lacking:
            has = f"{len(part.characters):,} of {len(characters):,} characters"
            problems.append(f"domain {part.name}: has images of {has}; none of {_some(lacking)}")
    return Looked(characters, " + ".join(part.source.name for part in parts), tuple(problems))


def write_mixture(folder: Path, mixture: Mixture) -> dict[str, Any]:
    """Write the arrays of the joined set; returns what is to be known of them, as JSON holds it."""
    number = {character: label for label, character in enumerate(mixture.characters)}
    columns: dict[str, list[NDArray[Any]]] = {name: [] for name in ("labels", "groups", "held_out", DOMAIN)}
    first_group = 0
    for place, made in enumerate(mixture.sets):
        labels = np.array([number[character] for character in made.characters], np.int64)
        columns["labels"].append(labels[made.labels])
        columns["groups"].append(made.groups + first_group)
        columns["held_out"].append(made.held_out)
        columns[DOMAIN].append(np.full(len(made.labels), place, np.int64))
        first_group += int(made.groups.max()) + 1
    for name, arrays in columns.items():
        np.save(folder / f"{name}.npy", np.concatenate(arrays))
    _join_images(folder / "images.npy", mixture)
    named = list(zip(mixture.domains, mixture.sets, strict=True))
    return {
        "source": " + ".join(f"{name}: {made.source}" for name, made in named),
        "spec": mixture.data.source,
        "chars": mixture.data.chars,
        "size": mixture.sets[0].images.shape[1],
        "images": sum(len(made.labels) for made in mixture.sets),
        "held_out": sum(int(made.held_out.sum()) for made in mixture.sets),
        "problems": [f"{name}: {problem}" for name, made in named for problem in made.problems],
        "characters": mixture.characters,
        "domains": mixture.domains,
    }


def _join_images(path: Path, mixture: Mixture) -> None:
    from core.glyphs.building import COPIED, header  # here: it loads scipy, and `look` is for commands that start fast

    with path.open("wb") as file:
        header(file, sum(len(made.labels) for made in mixture.sets), mixture.sets[0].images.shape[1])
        for made in mixture.sets:
            for start in range(0, len(made.labels), COPIED):
                file.write(np.ascontiguousarray(made.images[start : start + COPIED]).tobytes())


def _some(characters: list[str]) -> str:
    return " ".join(characters[:SHOWN]) + " ..." * (len(characters) > SHOWN)
