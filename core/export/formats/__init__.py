"""The formats by name, one row each."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from core.errors import ConfigError
from core.export.formats.base import Format, Task
from core.export.formats.etl9g import Etl9gFormat
from core.export.formats.folder import FolderFormat, ListFormat
from core.export.formats.idx import IdxFormat
from core.export.formats.npz import NpzFormat
from core.export.formats.parquet import ParquetFormat
from core.export.formats.webdataset import WebDatasetFormat

FORMATS: Mapping[str, Callable[[Task], Format]] = MappingProxyType(
    {
        "png": FolderFormat,
        "json": ListFormat,
        "idx": IdxFormat,
        "etl9g": Etl9gFormat,
        "npz": NpzFormat,
        "parquet": ParquetFormat,
        "webdataset": WebDatasetFormat,
    }
)


def open_format(name: str, task: Task) -> Format:
    """The format of that name for a task; unknown: ConfigError, as is what the format cannot hold."""
    if name not in FORMATS:
        raise ConfigError(f"--format {name}: there are {', '.join(FORMATS)}")
    return FORMATS[name](task)
