"""Every row of the table of layouts: it fits its record, and what is written by it is read back."""

import numpy as np
import pytest

from core.glyphs.etl.fields import read_field
from core.glyphs.etl.formats import FORMATS, RecordFormat
from core.glyphs.etl.pixels import from_uint8, pack_pixels, packed_images, to_uint8, unpack_images, unpack_pixels
from core.glyphs.etl.writer import make_records
from glyphs.etl_bytes import random_columns, random_levels

every_layout = pytest.mark.parametrize("fmt", FORMATS.values(), ids=FORMATS)


@every_layout
def test_the_row_fits_its_record(fmt: RecordFormat) -> None:
    assert fmt.width * fmt.height * fmt.bits % 8 == 0
    assert fmt.header_bytes <= fmt.image
    assert fmt.image + fmt.image_bytes <= fmt.size
    taken = [bit for field in fmt.fields for bit in range(field.bit, field.bit + field.bits)]
    assert len(taken) == len(set(taken)), "two fields share a bit"
    assert len({field.name for field in fmt.fields}) == len(fmt.fields)


@pytest.mark.parametrize(
    ("layout", "size", "image", "image_bytes"),
    [
        ("M", 2052, 32, 2016),
        ("K", 2745, 45, 2700),
        ("C", 2952, 216, 2736),
        ("8B", 512, 8, 504),
        ("8G", 8199, 60, 8128),
        ("9B", 576, 8, 504),
        ("9G", 8199, 64, 8128),
    ],
)
def test_the_row_is_the_published_one(layout: str, size: int, image: int, image_bytes: int) -> None:
    fmt = FORMATS[layout]
    assert (fmt.size, fmt.image, fmt.image_bytes) == (size, image, image_bytes)


@every_layout
def test_pixels_and_fields_are_read_back(fmt: RecordFormat) -> None:
    rng = np.random.default_rng(1)
    levels, columns = random_levels(fmt, 40, rng), random_columns(fmt, 40, rng)
    records = make_records(fmt, levels, columns)
    assert records.shape == (40, fmt.size)
    np.testing.assert_array_equal(unpack_pixels(packed_images(records, fmt), fmt), levels)
    for field in fmt.fields:
        assert read_field(records, field).tolist() == columns[field.name], field.name


@every_layout
def test_images_are_scaled_exactly(fmt: RecordFormat) -> None:
    levels = random_levels(fmt, 70, np.random.default_rng(2))  # more than one block
    images = unpack_images(make_records(fmt, levels, {}), fmt)
    np.testing.assert_array_equal(images, np.rint(levels * (255 / (2**fmt.bits - 1))))
    np.testing.assert_array_equal(from_uint8(images, fmt.bits), levels)


@pytest.mark.parametrize("bits", [1, 4, 6])
def test_scaling_reaches_both_ends_and_may_be_in_place(bits: int) -> None:
    levels = np.arange(2**bits, dtype=np.uint8)
    scaled = to_uint8(levels, bits)
    assert (scaled[0], scaled[-1]) == (0, 255)
    to_uint8(levels, bits, out=levels)
    np.testing.assert_array_equal(levels, scaled)


def test_four_bits_put_the_left_pixel_in_the_high_nibble() -> None:
    fmt = FORMATS["M"]
    packed = np.zeros((1, fmt.image_bytes), np.uint8)
    packed[0, 0], packed[0, 32] = 0x5A, 0xF0  # 32 bytes a row
    levels = unpack_pixels(packed, fmt)
    assert levels[0, 0, :3].tolist() == [5, 10, 0]
    assert levels[0, 1, 0] == 15


def test_six_bits_put_four_pixels_in_three_bytes() -> None:
    packed = np.zeros((1, FORMATS["K"].image_bytes), np.uint8)
    packed[0, :3] = 0b000001_00, 0b0010_0000, 0b11_000100
    assert unpack_pixels(packed, FORMATS["K"])[0, 0, :5].tolist() == [1, 2, 3, 4, 0]


def test_one_bit_is_ink_and_the_highest_is_leftmost() -> None:
    packed = np.zeros((1, FORMATS["8B"].image_bytes), np.uint8)
    packed[0, 0] = 0b1000_0001
    levels = unpack_pixels(packed, FORMATS["8B"])
    assert levels[0, 0, :9].tolist() == [1, 0, 0, 0, 0, 0, 0, 1, 0]


def test_packing_refuses_what_does_not_fit() -> None:
    fmt = FORMATS["M"]
    with pytest.raises(ValueError, match="grey level 16"):
        pack_pixels(np.full((1, 63, 64), 16, np.uint8), fmt)
    with pytest.raises(ValueError, match="63 x 64"):
        pack_pixels(np.zeros((1, 64, 64), np.uint8), fmt)


def test_the_first_record_of_etl4() -> None:
    """AIST prints this record: bytes set by hand, so that the table can't agree with itself only."""
    record = np.zeros((1, 2952), np.uint8)
    words = {0: 500100, 36: 5001, 252: 1, 288: 0, 360: 23, 396: 9144, 432: 11, 468: 741202}
    bits = ["0"] * (2952 * 8)
    for start, value in words.items():
        bits[start : start + 36] = f"{value:036b}"
    bits[72:80], bits[108:116] = f"{0xB1:08b}", f"{0x81:08b}"
    bits[144:168] = "".join(f"{value:06b}" for value in (24, 16, 16, 17))  # H, blank, blank, A
    record[0] = np.packbits(np.array(bits, np.uint8))
    assert record[0, 9] == 0xB1
    assert (record[0, 13] & 15) << 4 | record[0, 14] >> 4 == 0x81

    fields = {field.name: read_field(record, field)[0] for field in FORMATS["C"].fields}
    told = {"serial": 500100, "sheet": 5001, "code": 0xB1, "ebcdic": 0x81, "script": "H", "name": "  A"}
    told |= {"y": 1, "x": 0, "age": 23, "industry": 9144, "occupation": 11, "collected": 741202}
    assert {name: fields[name] for name in told} == told
    assert fields["sex"] is np.ma.masked, "a field that is 0 because nobody filled it is null"


def test_a_zero_that_is_a_value_stays() -> None:
    fmt = FORMATS["M"]
    record = make_records(fmt, np.zeros((1, 63, 64), np.uint8), {"age": [None], "eval_image": [0]})
    assert read_field(record, fmt.field("eval_image")).tolist() == [0]
    assert read_field(record, fmt.field("age")).tolist() == [None]
    assert read_field(record, fmt.field("name")).tolist() == [None]


def test_leading_blanks_of_a_name_tell_kana_from_letters() -> None:
    fmt = FORMATS["M"]
    records = make_records(fmt, np.zeros((2, 63, 64), np.uint8), {"name": [" A", "A "]})
    assert read_field(records, fmt.field("name")).tolist() == [" A", "A"]


def test_positions_stand_in_different_order_in_m_and_g() -> None:
    assert FORMATS["M"].field("y").bit < FORMATS["M"].field("x").bit
    assert FORMATS["8G"].field("x").bit < FORMATS["8G"].field("y").bit


def test_co59_is_split_over_two_bytes() -> None:
    record = np.zeros((1, 2745), np.uint8)
    record[0, 21], record[0, 22] = 21 << 2 | 47 >> 4, (47 & 15) << 4
    assert read_field(record, FORMATS["K"].field("code")).tolist() == [21 << 6 | 47]
