"""What a label code means: JIS X 0201, JIS X 0208 and CO-59 to one Unicode character, or to a documented label.

Decisions, where the standards or the database leave a choice:

- JIS X 0201 0x5C is YEN SIGN `¥` and 0x7E OVERLINE `‾`, as the standard and Unicode's table have it (Python's
  `shift_jis` gives a backslash, and AIST prints the ETL1 class as one).
- Half-width katakana become full width; 0xDE and 0xDF are the marks `゛` and `゜`, not combining ones.
- JIS X 0201 has no ヰ and ヱ: the database writes them with the codes of ィ and ェ (`wi_we` sets), and so ゐ and ゑ.
- ETL4 and ETL7 store katakana codes for hiragana images: ETL4 says so by the letter H, ETL7 by being ETL7.
- 0x20 is a legal code of ETL1 (one of its signs) and stays a blank; 0x2E stays `.` (AIST prints `・`).
- A CO-59 code without the user's table of the code is labelled `co59:c1,c2`.

`None` is "no character": a code outside the set, or one of CO-59's 124 cells that nobody can name (▲).
"""

import unicodedata
from collections.abc import Mapping
from pathlib import Path

from core.glyphs.etl.errors import EtlFormatError

Co59 = Mapping[tuple[int, int], str]

CO59_NAMES = ("euc_co59.dat", "co59-utf8.txt")
CO59_LARGEST = 1 << 20  # bytes; the table has about 20 KB
CO59_CELLS = 2304  # 48 x 48: both numbers run over 4 .. 27 and 36 .. 59
UNKNOWN_CELL = "▲"

KATAKANA_TO_HIRAGANA = 0x60  # subtracted from the code point


def jis_x_0201(code: int, *, hiragana: bool = False, wi_we: bool = False) -> str | None:
    """The character of one byte, full width if kana; as hiragana where the image shows that."""
    if code in (0x5C, 0x7E):
        return "¥" if code == 0x5C else "‾"
    if 0x20 <= code <= 0x7D:
        return chr(code)
    if code in (0xDE, 0xDF):
        return "゛" if code == 0xDE else "゜"
    if not 0xA1 <= code <= 0xDD:
        return None
    character = unicodedata.normalize("NFKC", bytes([code]).decode("shift_jis"))
    if wi_we:
        character = {"ィ": "ヰ", "ェ": "ヱ"}.get(character, character)
    if hiragana and "ァ" <= character <= "ヶ":
        character = chr(ord(character) - KATAKANA_TO_HIRAGANA)
    return character


def jis_x_0208(code: int) -> str | None:
    """The character of a 7-bit pair such as 0x2422 (あ)."""
    row, cell = code >> 8, code & 0xFF
    if not (0x21 <= row <= 0x7E and 0x21 <= cell <= 0x7E):
        return None
    try:
        return bytes([row | 0x80, cell | 0x80]).decode("euc_jp")
    except UnicodeDecodeError:
        return None


def jis_x_0208_code(character: str) -> int | None:
    """The 7-bit pair of a character; the inverse of `jis_x_0208`."""
    try:
        pair = character.encode("euc_jp")
    except UnicodeEncodeError:
        return None
    return (pair[0] & 0x7F) << 8 | pair[1] & 0x7F if len(pair) == 2 and pair[0] >= 0xA1 else None


def co_59(code: int, table: Co59 | None) -> str | None:
    """The character of a 12-bit code (c1, c2), by the user's table; `co59:c1,c2` without one."""
    pair = (code >> 6, code & 63)
    if not all(4 <= number <= 27 or 36 <= number <= 59 for number in pair):
        return None
    character = None if table is None else table.get(pair)
    if character is None:
        return f"co59:{pair[0]},{pair[1]}"
    return None if character == UNKNOWN_CELL else character


def read_co59(path: Path) -> dict[tuple[int, int], str]:
    """The table of the code as AIST ships it: lines `CHAR:c1,c2` in EUC-JP, or the same in UTF-8."""
    try:
        with path.open("rb") as file:
            raw = file.read(CO59_LARGEST + 1)
    except OSError as error:
        raise EtlFormatError(f"{path}: the CO-59 table cannot be read ({error.strerror})") from None
    return parse_co59(raw, path.name)


def parse_co59(raw: bytes, name: str) -> dict[tuple[int, int], str]:
    """Bytes of a CO-59 table -> {(c1, c2): character}."""
    if len(raw) > CO59_LARGEST:
        raise EtlFormatError(f"{name}: too long for a CO-59 table of {CO59_CELLS} short lines")
    table: dict[tuple[int, int], str] = {}
    for number, line in enumerate(_decode(raw, name).splitlines(), start=1):
        if line.strip():
            character, separator, pair = line[:1], line[1:2], line[2:].split(",")
            if separator != ":" or len(pair) != 2 or not all(part.strip().isdecimal() for part in pair):
                raise EtlFormatError(f"{name}, line {number}: expected a character, a colon and two numbers")
            table[int(pair[0]), int(pair[1])] = character
    if not table:
        raise EtlFormatError(f"{name}: holds no line of a CO-59 table")
    return table


def _decode(raw: bytes, name: str) -> str:
    for encoding in ("utf-8-sig", "euc_jp"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise EtlFormatError(f"{name}: neither EUC-JP nor UTF-8; take the CO-59 table as it comes from AIST")
