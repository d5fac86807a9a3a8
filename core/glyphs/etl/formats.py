"""The record layouts of the ETL Character Database, one row each: what is where in a record.

Every file is N records of one fixed length, big endian, without header or trailer. Offsets are counted from 0:
fields in bits (the K and C types are made of 6-bit characters), images in bytes. Sizes that follow from others
are derived, never written twice.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal["uint", "ascii", "t56"]


class Field(NamedTuple):
    """One metadata field of a record."""

    name: str
    bit: int  # offset from the start of the record
    bits: int
    kind: Kind = "uint"
    zero_means: Literal["zero", "null"] = "null"  # a 0 (or blank text) that nobody entered is null, never 0


def _bytes(name: str, byte: int, length: int, kind: Kind = "uint", zero: Literal["zero", "null"] = "null") -> Field:
    return Field(name, byte * 8, length * 8, kind, zero)


def _word(name: str, bit: int, zero: Literal["zero", "null"] = "null") -> Field:
    """A 36-bit integer, six 6-bit characters, as the C and K types store numbers."""
    return Field(name, bit, 36, "uint", zero)


M_FIELDS = (
    _bytes("number", 0, 2),  # within a group of categories, from 1
    _bytes("name", 2, 2, "ascii"),  # "0 ", "A ", " A" (kana vowels have a leading blank), "KA"
    _bytes("sheet", 4, 2),
    _bytes("code", 6, 1),
    _bytes("ebcdic", 7, 1),
    _bytes("eval_image", 8, 1, zero="zero"),  # 0 clean .. 3
    _bytes("eval_group", 9, 1, zero="zero"),  # 0 clean .. 2
    _bytes("sex", 10, 1),  # 1 male, 2 female
    _bytes("age", 11, 1),  # years
    _bytes("serial", 12, 4),
    _bytes("industry", 16, 2),  # JIS X 0403
    _bytes("occupation", 18, 2),  # JIS X 0404
    _bytes("collected", 20, 2),  # (19)YYMM
    _bytes("scanned", 22, 2),  # (19)YYMM
    _bytes("y", 24, 1, zero="zero"),  # place on the sheet: Y before X here
    _bytes("x", 25, 1, zero="zero"),
    _bytes("level_min", 26, 1, zero="zero"),  # of the scan, 0 .. 255
    _bytes("level_max", 27, 1, zero="zero"),
)

K_FIELDS = (
    _word("serial", 0),
    Field("mark", 36, 6, "t56"),  # A Mincho newspaper, B Gothic newspaper, C Mincho patent, D Gothic patent
    Field("contents", 72, 36, "t56"),  # KANJI, EIJI, HRKANA, KTKANA, KIGO, SUUJI
    Field("style", 108, 36, "t56"),  # MINCHO, GOTHIC
    Field("code", 168, 12),  # two 6-bit numbers, c1 and c2
)

C_FIELDS = (
    _word("serial", 0),
    _word("sheet", 36),
    Field("code", 72, 8),  # the left 8 bits of a 36-bit word
    Field("ebcdic", 108, 8),
    Field("script", 144, 6, "t56"),  # H hiragana, K katakana, A alphabet, N numeral, S symbol
    Field("name", 150, 18, "t56"),  # "  A", " KA", "  0"
    _word("eval_image", 180, "zero"),
    _word("eval_group", 216, "zero"),
    _word("y", 252, "zero"),  # Y before X here
    _word("x", 288, "zero"),
    _word("sex", 324),
    _word("age", 360),
    _word("industry", 396),
    _word("occupation", 432),
    _word("collected", 468),  # YYMMDD
    _word("scanned", 504),  # YYMMDD
    _word("x_points", 540),
    _word("y_points", 576),
    _word("levels", 612),
    _word("magnification", 648),
    _word("old_serial", 684),
)

B_FIELDS = (
    _bytes("sheet", 0, 2),
    _bytes("code", 2, 2),
    _bytes("name", 4, 4, "ascii"),  # the reading, cut to four: "AI.M"
)

G_FIELDS = (
    _bytes("sheet", 0, 2),  # within a set of sheets, from 1
    _bytes("code", 2, 2),
    _bytes("name", 4, 8, "ascii"),  # the reading, cut to eight: "AI.MEDER", "A.HIRA"
    _bytes("serial", 12, 4),
    _bytes("eval_image", 16, 1, zero="zero"),
    _bytes("eval_group", 17, 1, zero="zero"),
    _bytes("sex", 18, 1),
    _bytes("age", 19, 1),
    _bytes("industry", 20, 2),
    _bytes("occupation", 22, 2),
    _bytes("collected", 24, 2),  # (19)YYMM
    _bytes("scanned", 26, 2),  # (19)YYMM
    _bytes("x", 28, 1, zero="zero"),  # X before Y, the reverse of M and C
    _bytes("y", 29, 1, zero="zero"),
)


@dataclass(frozen=True, slots=True)
class RecordFormat:
    """The layout of one record."""

    size: int  # bytes of a record
    image: int  # byte offset of the packed image
    width: int
    height: int
    bits: int  # of one pixel; grey levels run 0 .. 2**bits - 1, high is ink
    charset: Literal["jis_x_0201", "co_59", "jis_x_0208"]  # what the field `code` counts in
    fields: tuple[Field, ...]

    @property
    def image_bytes(self) -> int:
        return self.width * self.height * self.bits // 8

    @property
    def levels(self) -> int:
        return 1 << self.bits

    @property
    def header_bytes(self) -> int:
        """Bytes from the start of the record that hold every field."""
        return max((field.bit + field.bits + 7) // 8 for field in self.fields)

    def field(self, name: str) -> Field:
        return next(field for field in self.fields if field.name == name)


FORMATS = {  #            size  image    w    h bits  charset
    "M":  RecordFormat(   2052,    32,  64,  63,   4, "jis_x_0201", M_FIELDS),
    "K":  RecordFormat(   2745,    45,  60,  60,   6, "co_59",      K_FIELDS),
    "C":  RecordFormat(   2952,   216,  72,  76,   4, "jis_x_0201", C_FIELDS),
    "8B": RecordFormat(    512,     8,  64,  63,   1, "jis_x_0208", B_FIELDS),
    "8G": RecordFormat(   8199,    60, 128, 127,   4, "jis_x_0208", G_FIELDS),
    "9B": RecordFormat(    576,     8,  64,  63,   1, "jis_x_0208", B_FIELDS),
    "9G": RecordFormat(   8199,    64, 128, 127,   4, "jis_x_0208", G_FIELDS),
}  # fmt: skip

FIELD_NAMES = tuple(dict.fromkeys(field.name for fmt in FORMATS.values() for field in fmt.fields))
TEXT_FIELDS = frozenset(field.name for fmt in FORMATS.values() for field in fmt.fields if field.kind != "uint")
