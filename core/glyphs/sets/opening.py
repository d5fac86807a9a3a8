"""Open whatever `--data` names: `etl:PATH`, `mnist:PATH`, `kmnist:PATH`, or a path that is recognised."""

import hashlib
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError
from core.glyphs.etl.discover import discover
from core.glyphs.etl.errors import EtlFormatError
from core.glyphs.etl.source import EtlSource, open_etl_source
from core.glyphs.sets.arrays import K49, KMNIST, ArraySource, Part, characters_for, checked
from core.glyphs.sets.folder import FolderSource, open_folder
from core.glyphs.sets.idx import is_images_name, labels_beside, read_idx
from core.glyphs.sets.naming import read_map
from core.glyphs.sets.npz import Arrays, read_npz
from core.glyphs.sets.spec import KINDS, parse
from core.glyphs.sources import refuse_choice

TOLD = {"kmnist": KMNIST, "k49": K49}

AnySource = EtlSource | ArraySource | FolderSource


def open_data(
    spec: str, *, cache: Path | None = None, strict: bool = False, where: str = "", with_models: bool = False
) -> AnySource:
    """The source that a spec names; `cache` keeps ETL's label indices, `strict` stops at the first broken file.

    `where` and `with_models` choose among ETL's records; other sources have no such fields: DataError.
    """
    source = _opened(*parse(spec), cache, strict)
    if isinstance(source, EtlSource):
        source.where, source.with_models = where or None, with_models
    else:
        refuse_choice(source.name, where=where, with_models=with_models)
    return source


def _opened(kind: str, paths: list[Path], cache: Path | None, strict: bool) -> AnySource:
    for path in paths:
        if not path.exists():
            raise DataError(
                f"{path}: there is no such file or folder; a source is penman, "
                f"{', '.join(KINDS)}:PATH or PATH, or several joined by +"
            )
    if kind == "etl" or (len(paths) > 1 and not kind):
        return open_etl_source(paths, cache=cache, strict=strict)
    path, *more = paths
    if more:
        raise DataError(f"{kind}: takes one path, not {len(paths)}; several belong to etl: only")
    if kind == "folder":
        return open_folder(path, strict=strict)
    arrays = _arrays(path, kind)
    if arrays is not None:
        return arrays
    if kind:
        raise DataError(f"{path}: holds no {kind} set (IDX files such as train-images-idx3-ubyte.gz, or NPZ files)")
    return _recognised(path, cache, strict)


def _recognised(path: Path, cache: Path | None, strict: bool) -> AnySource:
    """ETL if there is an ETL file, else a folder of images."""
    try:
        discover([path])
    except EtlFormatError as not_etl:
        if path.is_file():
            raise
        try:
            return open_folder(path, strict=strict)
        except DataError as no_folder:
            raise DataError(f"{no_folder}; nor is it ETL: {not_etl}") from None
    return open_etl_source([path], cache=cache, strict=strict)


def _arrays(path: Path, kind: str) -> ArraySource | None:
    """IDX or NPZ files, if `path` is one or a folder with some."""
    try:
        there = sorted(path.iterdir()) if path.is_dir() else [path]
    except OSError as error:
        raise DataError(f"{path}: cannot be looked into ({error.strerror})") from None
    idx = [file for file in there if file.is_file() and is_images_name(file.name)]
    npz = [file for file in there if file.is_file() and file.suffix.lower() == ".npz"]
    parts, named = [_idx_part(file) for file in _unpacked_once(idx)], ""
    if parts:
        named = read_map(path if path.is_dir() else path.parent)
    else:
        parts, named = _npz_parts(npz)
    if not parts:
        return None
    hint = kind or next((name for name in ("kmnist", "k49") if name in _hints(path, idx + npz)), "")
    characters = characters_for(parts, named or TOLD.get(hint), str(path))
    digest = hashlib.sha256(named.encode())
    for part in parts:
        digest.update(np.ascontiguousarray(part.images).data)
        digest.update(np.ascontiguousarray(part.labels).data)
    count = sum(len(part.labels) for part in parts)
    name = f"{hint or path.name} ({count:,} images, labels read as {_short(characters)})"
    return ArraySource(name, parts, characters, digest.hexdigest())


def _short(characters: str) -> str:
    return characters if len(characters) <= 64 else f"{characters[:64]}... ({len(characters):,})"


def _hints(path: Path, files: list[Path]) -> str:
    return " ".join([path.name, path.parent.name if path.is_file() else "", *(file.name for file in files)]).lower()


def _unpacked_once(files: list[Path]) -> list[Path]:
    """A file that is there packed and unpacked is read once."""
    return list({file.name.removesuffix(".gz"): file for file in files}.values())


def _idx_part(images: Path) -> Part:
    labels = labels_beside(images)
    if labels is None:
        raise DataError(f"{images}: its labels are missing; put the file with `labels` in its name beside it")
    return checked(read_idx(images), read_idx(labels), test=_is_test(images.name), name=images.name)


def _npz_parts(files: list[Path]) -> tuple[list[Part], str]:
    """Pairs of files (`...-imgs.npz`, `...-labels.npz`), or pairs of arrays in one file (`x_train`, `y_train`).

    Then what labels 0, 1, 2 ... stand for, where an array `characters` says so, as `etlgan export --format npz` has it.
    """
    parts: list[Part] = []
    told: set[str] = set()
    for file in files:
        if re.search(r"imgs|images", file.name, re.IGNORECASE):
            labels = Path(re.sub("imgs|images", "labels", str(file.name), flags=re.IGNORECASE))
            if not (beside := file.with_name(labels.name)).exists():
                raise DataError(f"{file}: its labels are missing; put {labels.name} beside it")
            images, numbers = _only(read_npz(file), file), _only(read_npz(beside), beside)
            parts.append(checked(images, numbers, test=_is_test(file.name), name=file.name))
        elif not re.search("labels", file.name, re.IGNORECASE):
            arrays = read_npz(file)
            parts += _pairs(arrays, file)
            told.add(_named(arrays, file))
    if len(told) > 1:
        raise DataError(f"{files[0].parent}: its files do not agree on what labels stand for (`characters`)")
    return parts, next(iter(told), "")


def _named(arrays: Arrays, file: Path) -> str:
    names = arrays.get("characters")
    if names is None:
        return ""
    if names.ndim != 1 or names.dtype != np.dtype("U1") or not len(names) or len(set(names.tolist())) < len(names):
        raise DataError(f"{file}: `characters` must be an array of different single characters")
    return "".join(names.tolist())


def _only(arrays: Arrays, file: Path) -> NDArray[np.generic]:
    if len(arrays) != 1:
        raise DataError(f"{file}: holds {', '.join(arrays)}; expected one array")
    return next(iter(arrays.values()))


def _pairs(arrays: Arrays, file: Path) -> list[Part]:
    parts = []
    for images, labels, test in (("x_train", "y_train", False), ("x_test", "y_test", True), ("images", "labels", None)):
        if images in arrays and labels in arrays:
            parts.append(checked(arrays[images], arrays[labels], test=test, name=f"{file.name}:{images}"))
    if not parts:
        raise DataError(f"{file}: holds {', '.join(arrays)}; expected images and labels, or x_train, y_train and so on")
    return parts


def _is_test(name: str) -> bool | None:
    """Which half a file's name speaks of: `t10k-images...`, `kmnist-train-imgs.npz`."""
    if re.search(r"t10k|test", name, re.IGNORECASE):
        return True
    return False if re.search("train", name, re.IGNORECASE) else None
