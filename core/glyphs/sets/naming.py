"""What a folder of images is called for: a character, its code point, or a number with a mapping beside it."""

import ast
import csv
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path

from core.errors import DataError

MAP = "characters.csv"  # beside IDX files, as `etlgan export --format idx` writes it
MAPPING_NAMES = ("mapping.json", "classes.json", "encoding.txt", "labels.txt", "classes.txt")
LARGEST_MAPPING = 1 << 20  # bytes
CHARACTER_FILE = ".char.txt"  # in the folder itself, as one extractor of ETL writes it

_CODE_POINT = re.compile(r"(?:0[xX]|[uU]\+?)([0-9A-Fa-f]{4,6})$")


def folder_character(folder: Path, mapping: Mapping[int, str]) -> str | None:
    """The character that a folder's images show; None if its name tells none."""
    name = folder.name
    told = folder / CHARACTER_FILE
    if told.is_file():
        text = read_text(told).strip()
        return text if len(text) == 1 else None
    if (match := _CODE_POINT.match(name)) and int(match[1], 16) < 0x110000:
        return chr(int(match[1], 16))
    if name.isascii() and name.isdecimal() and int(name) in mapping:
        return mapping[int(name)]
    return name if len(name) == 1 else None


def read_mapping(folder: Path) -> dict[int, str]:
    """Number -> character from the first file of `MAPPING_NAMES` in the folder; empty if there is none."""
    path = next((folder / name for name in MAPPING_NAMES if (folder / name).is_file()), None)
    if path is None:
        return {}
    text = read_text(path)
    try:
        raw = json.loads(text) if path.suffix == ".json" else _literal(text)
        mapping = _numbered(raw)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        mapping = {}
    if not mapping:
        raise DataError(f'{path}: expected a list of characters, or pairs such as {{"0": "あ"}} or {{"あ": 0}}')
    return mapping


def read_map(folder: Path) -> str:
    """The characters that labels 0, 1, 2 ... stand for, from the columns `label` and `character` of `MAP`; "" if there
    is none.
    """
    path = folder / MAP
    if not path.is_file():
        return ""
    rows = csv.DictReader(io.StringIO(read_text(path)))
    told = {row["label"]: row["character"] for row in rows if row.get("label") and row.get("character")}
    characters = [told.get(str(label), "") for label in range(len(told))]
    if not told or any(len(character) != 1 for character in characters) or len(set(characters)) < len(characters):
        raise DataError(f"{path}: expected a line `label,character,...`, then labels 0, 1, 2 ... with a character each")
    return "".join(characters)


def read_text(path: Path) -> str:
    """A small text file as UTF-8."""
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_MAPPING + 1)
        if len(raw) > LARGEST_MAPPING:
            raise DataError(f"{path}: too long for a mapping of characters")
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{path}: is not UTF-8 text") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None


def _literal(text: str) -> object:
    """A Python dictionary or list as one reader writes it, or one character a line; nothing is executed."""
    return ast.literal_eval(text) if text.lstrip().startswith(("{", "[")) else text.split()


def _numbered(raw: object) -> dict[int, str]:
    if isinstance(raw, list):
        raw = dict(enumerate(raw))
    if not isinstance(raw, dict):
        return {}
    pairs = [(key, value) if _is_number(key) else (value, key) for key, value in raw.items()]
    return {int(number): text for number, text in pairs if isinstance(text, str) and len(text) == 1}


def _is_number(key: object) -> bool:
    return isinstance(key, int) or (isinstance(key, str) and key.isdecimal() and key.isascii())
