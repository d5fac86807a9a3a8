"""What was found, said back: one plain row a data set."""

from typing import NamedTuple

from core.glyphs.etl.datasets import known_files
from core.glyphs.etl.discover import EtlFile
from core.glyphs.etl.reader import EtlCollection
from core.glyphs.etl.verify import missing_files


class SetSummary(NamedTuple):
    """One data set of a collection."""

    data_set: str
    about: str
    files: int
    published_files: int
    missing: tuple[str, ...]  # published files that are not there
    images: int  # without dummy records and model patterns
    models: int
    width: int
    height: int
    bits: int
    recognised_by: tuple[str, ...]  # name, size, folder


def summarize(etl: EtlCollection) -> list[SetSummary]:
    """A row for each data set, in the order of their names; nothing but sizes is read."""
    return [_summary([file for file in etl.files if file.data_set.name == name]) for name in _names(etl)]


def _names(etl: EtlCollection) -> list[str]:
    return list(dict.fromkeys(file.data_set.name for file in etl.files))


def _summary(files: list[EtlFile]) -> SetSummary:
    data_set = files[0].data_set
    models = sum(max(0, file.records - file.models_from) for file in files if file.models_from is not None)
    fmt = data_set.format
    return SetSummary(
        data_set=data_set.name,
        about=data_set.about,
        files=len(files),
        published_files=sum(known.data_set is data_set for known in known_files().values()),
        missing=tuple(missing_files(files)),
        images=sum(file.records - file.has_dummy for file in files) - models,
        models=models,
        width=fmt.width,
        height=fmt.height,
        bits=fmt.bits,
        recognised_by=tuple(dict.fromkeys(file.recognised_by for file in files)),
    )
