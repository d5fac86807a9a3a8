"""Where glyphs come from: one small protocol, and the function that opens a source by its name.

A source says which images it has (`index`) and loads chosen ones (`batches`); choosing, splitting, preparing and
caching are the business of `glyphset.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError
from core.glyphs import penman
from core.rundir import cache_root
from core.settings import DataConfig

# Embedded writers are numbered; these ranges never meet, so no writer is ever on two sides.
TRAINING_WRITERS = 0
HELD_OUT_WRITERS = 1_000_000
JUDGE_WRITERS = 2_000_000
CHUNK = 512  # images drawn at a time

Look = Literal["clean", "prepared", "scanned"]
# Names of the embedded handwriting, and the look that a name itself asks for; `penman` takes data.style.
EMBEDDED: Mapping[str, Look] = MappingProxyType(
    {"penman": "clean", "penman:clean": "clean", "penman:prepared": "prepared", "penman:scanned": "scanned"}
)

# Of one core, to draw and prepare an image of 32 pixels.
SECONDS: Mapping[Look, float] = MappingProxyType({"clean": 3e-4, "prepared": 7e-4, "scanned": 2e-3})


class Index(NamedTuple):
    """What a source has of the characters asked for; position m is an image."""

    labels: NDArray[np.int64]  # (M,) position of the character in the list asked for
    groups: NDArray[np.int64]  # (M,) writer or sheet; images of one group stay on one side of the split
    held_out: NDArray[np.bool_] | None  # (M,) the source's own split, or None: split by group


class Source(Protocol):
    """Anything that holds labelled glyph images."""

    @property
    def name(self) -> str:
        """What it was recognised as, said back to the user."""

    @property
    def needs_preparation(self) -> bool:
        """Whether the images are raw cells (paper, frames, neighbours) rather than clean, centred characters."""

    @property
    def problems(self) -> Sequence[str]:
        """What was stepped over so far, such as damaged files: to be told to the user."""

    def fingerprint(self) -> str:
        """Changes when the content changes."""

    def counts(self) -> Mapping[str, int] | None:
        """Images a character; None: as many as one likes of everything it can write."""

    def index(self, characters: Sequence[str], *, per_char: int, held_out: int) -> Index:
        """The images there are of these characters; may stop at the numbers wanted. Missing character: DataError."""

    def batches(self, rows: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
        """Images of these positions of the last index, in the order that suits the source.

        Yields (where in `rows` they belong (n,), images (n, H, W), 255 = ink), each batch of one geometry.
        """


class Part(NamedTuple):
    """Images of one character that the pen draws at once."""

    places: NDArray[np.int64]  # (n,) where they belong
    character: str
    writers: NDArray[np.int64]  # (n,)


class PenmanSource:
    """The embedded pen-stroke handwriting: every character, as many writers as wanted."""

    problems: Sequence[str] = ()

    def __init__(self, *, size: int, style: Look, seed: int, first_writer: int = TRAINING_WRITERS) -> None:
        self.size, self.style, self.seed, self.first_writer = size, style, seed, first_writer
        self._characters: Sequence[str] = ()
        self._index = Index(np.empty(0, np.int64), np.empty(0, np.int64), None)

    @property
    def name(self) -> str:
        return f"penman ({self.style}, embedded)"

    @property
    def needs_preparation(self) -> bool:
        return self.style != "clean"

    def fingerprint(self) -> str:
        return f"penman:{penman.VERSION}:{self.style}:{self.size}:{self.seed}"

    def counts(self) -> Mapping[str, int] | None:
        return None

    def index(self, characters: Sequence[str], *, per_char: int, held_out: int) -> Index:
        missing = [c for c in characters if c not in penman.characters()]
        if missing:
            raise DataError(f"penman cannot write {' '.join(missing[:10])}; choose other characters or another source")
        writers = np.concatenate([self.first_writer + np.arange(per_char), HELD_OUT_WRITERS + np.arange(held_out)])
        self._characters = characters
        labels = np.repeat(np.arange(len(characters)), len(writers))
        groups = np.tile(writers, len(characters))
        self._index = Index(labels, groups, np.tile(np.arange(len(writers)) >= per_char, len(characters)))
        return self._index

    @property
    def drawn(self) -> Literal["clean", "scanned"]:
        """What the pen draws: of the look `prepared`, clean ink that is prepared as scans are."""
        return "scanned" if self.style == "scanned" else "clean"

    def parts(self, rows: NDArray[np.int64]) -> Iterator[Part]:
        """These positions of the last index, a character at a time, so many that they are drawn at once."""
        labels, writers = self._index.labels[rows], self._index.groups[rows]
        for label in np.unique(labels):
            here = np.flatnonzero(labels == label)
            for start in range(0, len(here), CHUNK):
                places = here[start : start + CHUNK]
                yield Part(places, self._characters[label], writers[places])

    def batches(self, rows: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
        for part in self.parts(rows):
            yield (
                part.places,
                penman.render(part.character, part.writers, size=self.size, style=self.drawn, seed=self.seed),
            )


def look_of(data: DataConfig) -> Look | None:
    """That of the embedded handwriting that it names; None: it names another source."""
    return data.style if data.source == "penman" else EMBEDDED.get(data.source)


def open_source(data: DataConfig, *, first_writer: int = TRAINING_WRITERS) -> Source:
    """The one source that `data.source` names. Unknown, or several domains: DataError with what is understood."""
    if style := look_of(data):
        refuse_choice("penman", where=data.where, with_models=data.with_models)
        size = data.size if style == "clean" else min(2 * data.size, penman.SIZES[-1])  # cut down to the character
        return PenmanSource(size=size, style=style, seed=data.seed, first_writer=first_writer)
    from core.glyphs.sets.opening import open_data  # here: its sources are built on this module

    return open_data(
        data.source,
        cache=cache_root() / "labels",
        strict=data.strict,
        where=data.where,
        with_models=data.with_models,
    )


def refuse_choice(name: str, *, where: str, with_models: bool) -> None:
    """DataError if something was asked for that only ETL data has."""
    if where:
        raise DataError(f"data.where={where}: only ETL data has fields to choose by; {name} has none")
    if with_models:
        raise DataError(f"data.with_models: only ETL data has model patterns; {name} has none")
