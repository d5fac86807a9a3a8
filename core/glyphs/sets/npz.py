"""NumPy archives as KMNIST, K49 and Keras publish them; objects in them are never unpickled."""

import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError
from core.glyphs.sets.arrays import LARGEST

Arrays = dict[str, NDArray[np.generic]]


def read_npz(path: Path) -> Arrays:
    """Every array of the archive; DataError for pickled objects, headers that lie, and archives that are damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                _check_header(archive, member, path.name)
        with np.load(path, allow_pickle=False) as loaded:
            return {name: loaded[name] for name in loaded.files}
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError):
        raise DataError(f"{path}: is not an NPZ file, or a damaged one; download it again") from None
    except ValueError as error:
        raise DataError(f"{path}: cannot be read ({str(error).splitlines()[0]})") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None


def _check_header(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> None:
    """Believe a header only if it fits the bytes behind it, so that nothing is allocated for a lie."""
    if member.flag_bits & 0x1:
        raise DataError(f"{name}: {member.filename} is encrypted; unpack it first")
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
        behind = member.file_size - file.tell()
    if dtype.hasobject:
        raise DataError(f"{name}: {member.filename} holds pickled Python objects, which can run code; not opened")
    claimed = int(np.prod(np.array(shape, object))) * dtype.itemsize
    if claimed != behind or claimed > LARGEST:
        raise DataError(f"{name}: {member.filename} claims {shape} of {dtype}, {claimed:,} bytes, and holds {behind:,}")
