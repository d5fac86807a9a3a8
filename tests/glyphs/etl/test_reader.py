"""Pointing at whatever the download gave: found, recognised, indexed, filtered, and read without waste."""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from core.glyphs.etl import index as index_module
from core.glyphs.etl import reader as reader_module
from core.glyphs.etl.charsets import jis_x_0208
from core.glyphs.etl.datasets import DATA_SETS
from core.glyphs.etl.discover import DEEPEST
from core.glyphs.etl.errors import EtlFormatError
from core.glyphs.etl.files import MappedFile
from core.glyphs.etl.reader import EtlCollection, open_etl
from core.glyphs.etl.writer import make_records
from glyphs.etl_bytes import (
    HIRAGANA,
    etl9_codes,
    groups_of,
    kana_codes,
    levels_of,
    random_levels,
    records_of,
    small_file,
    write_etl9g,
    write_records,
)


def zip_of(folder: Path, archive: Path, inside: str = "") -> Path:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for file in sorted(folder.iterdir()):
            out.write(file, f"{inside}{file.name}")
    return archive


def images_of(etl: EtlCollection, characters: str = "あん") -> np.ndarray:
    return np.concatenate([batch.images for batch in etl.read(etl.select(characters))])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "ETL9G"
    made.mkdir()
    small_file(made, "ETL9G_01", seed=1)
    small_file(made, "ETL9G_02", seed=2)
    (made / "ETL9INFO").write_text("not a data file")
    return made


def test_zip_folder_doubled_folder_and_single_files_give_the_same(folder: Path, tmp_path: Path) -> None:
    expected = images_of(open_etl([folder]))
    assert expected.shape == (8, 127, 128)
    doubled = tmp_path / "again" / "ETL9G"
    shutil.copytree(folder, doubled / "ETL9G")
    for paths in (
        [doubled],
        [doubled.parent],
        [folder / "ETL9G_01", folder / "ETL9G_02"],
        [zip_of(folder, tmp_path / "ETL9G.zip", "ETL9G/")],
        [zip_of(folder, tmp_path / "download(1).zip", "ETL9G/ETL9G/")],
    ):
        np.testing.assert_array_equal(images_of(open_etl(paths)), expected)


def test_nothing_is_written_beside_the_data(folder: Path, tmp_path: Path) -> None:
    archive = zip_of(folder, tmp_path / "ETL9G.zip")
    before = sorted(tmp_path.rglob("*"))
    images_of(open_etl([archive]))
    assert sorted(tmp_path.rglob("*")) == before


def test_a_file_that_is_there_twice_counts_once(folder: Path, tmp_path: Path) -> None:
    zip_of(folder, tmp_path / "ETL9G.zip")
    etl = open_etl([tmp_path])
    assert [type(file.source) for file in etl.files] == [MappedFile, MappedFile]
    assert sum("same file" in problem.message for problem in etl.problems) == 2


def test_several_sets_at_once_come_in_their_order(tmp_path: Path) -> None:
    small_file(tmp_path, "ETL9G_01")
    small_file(tmp_path, "ETL8G_01")
    write_records(tmp_path / "ETL1C-07", records_of("ETL1", [0xB1] * 3))
    etl = open_etl([tmp_path])
    assert [file.data_set.name for file in etl.files] == ["ETL1", "ETL8G", "ETL9G"]
    assert etl.counts()["ア"] == 3
    assert etl.counts()["あ"] == 4
    shapes = [batch.images.shape[1:] for batch in etl.read(etl.select("アあ"))]
    assert shapes == [(63, 64), (127, 128), (127, 128)]


def test_recognised_by_exact_size_alone(tmp_path: Path) -> None:
    with (tmp_path / "download.part").open("wb") as file:
        file.truncate(18066240)
    (etl_file,) = open_etl([tmp_path]).files
    assert (etl_file.data_set.name, etl_file.recognised_by) == ("ETL4", "size")


def test_recognised_by_its_folder_if_the_labels_make_sense(tmp_path: Path) -> None:
    renamed = tmp_path / "ETL8G"
    renamed.mkdir()
    small_file(renamed, "ETL8G_01").rename(renamed / "part-one")
    (renamed / "notes").write_bytes(bytes(8199 * 2))
    (etl_file,) = open_etl([tmp_path]).files
    assert (etl_file.source.name, etl_file.data_set.name, etl_file.recognised_by) == ("part-one", "ETL8G", "folder")


def test_a_wrong_name_loses_against_the_exact_size(tmp_path: Path) -> None:
    with (tmp_path / "ETL1C_01").open("wb") as file:
        file.truncate(31314816)
    etl = open_etl([tmp_path])
    assert etl.files[0].data_set.name == "ETL5"
    assert "named like ETL1" in str(etl.problems[0])


def test_folders_are_searched_so_deep_and_no_deeper(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*"abcdefgh")
    deep.mkdir(parents=True)
    small_file(deep)
    assert len(deep.relative_to(tmp_path).parts) > DEEPEST
    with pytest.raises(EtlFormatError, match="no ETL file found"):
        open_etl([tmp_path])


def test_metadata_are_typed_columns_and_null_where_not_filled(tmp_path: Path) -> None:
    ages = [23, 0, 61, 30]
    write_records(tmp_path / "ETL1C_07", records_of("ETL1", [0xB1] * 4, age=ages, eval_image=[0, 1, 0, 2]))
    small_file(tmp_path, "ETL9G_01", "あ")
    etl = open_etl([tmp_path])
    first, second = etl.read(etl.select("アあ"))
    assert first.column("age").dtype == np.int64
    assert first.column("age").tolist() == [23, None, 61, 30]
    assert first.column("eval_image").tolist() == [0, 1, 0, 2]
    assert first.column("style").tolist() == [None] * 4, "ETL1 has no such field"
    assert second.column("age").tolist() == [None, None]
    assert second.column("eval_image").tolist()[0] in (None, 1, 2), "ETL9G fills none of this: a 0 is no evaluation"
    assert second.column("set").tolist() == ["ETL9G", "ETL9G"]
    assert second.column("record").tolist() == [0, 1]


def test_filters_choose_records(tmp_path: Path) -> None:
    write_records(tmp_path / "ETL1C_07", records_of("ETL1", [0xB1] * 4, age=[23, 0, 61, 30], eval_image=[0, 0, 0, 2]))
    etl = open_etl([tmp_path])

    def chosen(where: str) -> list[int]:
        return [int(place) for place in etl.select(where=where).places]

    assert chosen("age<30 and eval_image==0") == [0]
    assert chosen("not (age<30)") == [2, 3], "null is neither young nor old"
    assert chosen("age is None or age > 60") == [1, 2]
    assert chosen("20 < age <= 30") == [0, 3]
    assert chosen("age in (23, 61)") == [0, 2]
    assert chosen("age not in [23]") == [2, 3]
    assert chosen("label == 'ア' and set == 'ETL1'") == [0, 1, 2, 3]
    assert chosen("record != 1 and model == 0") == [0, 2, 3]
    assert chosen("mark == 'A'") == []
    assert etl.counts("age > 60") == {"ア": 1}


def test_raw_levels_stay_reachable(tmp_path: Path) -> None:
    fmt = DATA_SETS["ETL2"].format
    levels = random_levels(fmt, 3, np.random.default_rng(3))
    write_records(tmp_path / "ETL2_1", records_of("ETL2", [21 << 6 | 47] * 3, levels=levels))
    etl = open_etl([tmp_path])
    (batch,) = etl.read(etl.select())
    np.testing.assert_array_equal(levels_of(batch), levels)
    assert etl.counts() == {"co59:21,47": 3}


def test_the_co59_table_beside_the_data_names_its_characters(tmp_path: Path) -> None:
    codes = [21 << 6 | 47, 4 << 6 | 4, 4 << 6 | 5]
    write_records(tmp_path / "ETL2_1", records_of("ETL2", codes))
    table = "あ:21,47\n亜:4,4\n▲:4,5\n"
    (tmp_path / "euc_co59.dat").write_bytes(table.encode("euc_jp"))
    etl = open_etl([tmp_path])
    assert etl.counts() == {"亜": 1, "あ": 1}, "▲ is no character"
    assert not [problem for problem in etl.problems if "no character" in problem.message]
    other = tmp_path / "mine.txt"
    other.write_text("い:21,47\n", encoding="utf-8")
    assert set(open_etl([tmp_path], co59=other).counts()) == {"co59:4,4", "co59:4,5", "い"}


@pytest.mark.parametrize("name", ["ETL8B2C1", "ETL9B_1"])
def test_dummies_are_skipped(tmp_path: Path, name: str) -> None:
    small_file(tmp_path, name, "あい")
    etl = open_etl([tmp_path])
    assert etl.counts() == {"あ": 2, "い": 2}
    assert etl.select("い").places.tolist() == [3, 4]


def test_a_missing_dummy_is_told_and_no_character_is_lost(tmp_path: Path) -> None:
    write_records(tmp_path / "ETL9B_1", records_of("ETL9B", kana_codes("あいう")), dummy=False)
    etl = open_etl([tmp_path])
    assert etl.counts() == {"あ": 1, "い": 1, "う": 1}
    assert any("dummy record is missing" in str(problem) for problem in etl.problems)


def test_model_patterns_are_left_out_unless_asked_for(tmp_path: Path) -> None:
    small_file(tmp_path, "ETL8G_01", "あ")
    small_file(tmp_path, "ETL8G_33", "あ")
    etl = open_etl([tmp_path])
    assert etl.counts() == {"あ": 2}
    assert etl.counts(with_models=True) == {"あ": 4}
    chosen = etl.select("あ", with_models=True)
    assert [batch.column("model").tolist() for batch in etl.read(chosen)] == [[0, 0], [1, 1]]
    assert etl.select(where="model == 1", with_models=True).files.tolist() == [1, 1]


def test_the_161st_image_of_etl8b_is_the_model(tmp_path: Path) -> None:
    codes = sorted(code for code in etl9_codes() if code >= 0x4253)[:316]
    others = sorted(code for code in etl9_codes() if code < 0x4253)[:640]
    record = records_of("ETL8B", [0])
    records = np.repeat(record, 50_560 + 956, axis=0)
    labels = np.concatenate([np.repeat(codes, 160), others, codes])
    records[:, 2:4] = labels.astype(">u2").view(np.uint8).reshape(-1, 2)
    write_records(tmp_path / "ETL8B2C3", records, dummy=True)
    etl = open_etl([tmp_path])
    assert etl.counts() == {jis_x_0208(code): 160 for code in codes}
    assert not etl.problems
    assert index_module.label_index(etl.files[0], None).predicted
    character = str(jis_x_0208(codes[7]))
    assert etl.select(character, with_models=True).counts() == {character: 161}
    (batch,) = etl.read(etl.select(character))
    assert groups_of(batch).tolist() == [(8 << 32) + writer for writer in range(160)]


def test_limit_takes_the_first_of_each_character(tmp_path: Path) -> None:
    small_file(tmp_path, "ETL9G_01", "あい", copies=5)
    chosen = open_etl([tmp_path]).select("いあ", limit=2)
    assert chosen.characters == ("い", "あ")
    assert chosen.counts() == {"い": 2, "あ": 2}
    assert chosen.places.tolist() == [0, 1, 5, 6]


def test_a_character_that_is_not_there_counts_zero(tmp_path: Path) -> None:
    small_file(tmp_path, "ETL9G_01", "あ")
    assert open_etl([tmp_path]).select("あ腕").counts() == {"あ": 2, "腕": 0}


def test_zip_and_folder_agree_in_labels_fields_and_groups(folder: Path, tmp_path: Path) -> None:
    plain, zipped = open_etl([folder]), open_etl([zip_of(folder, tmp_path / "a.zip")])
    for one, other in zip(plain.read(plain.select()), zipped.read(zipped.select()), strict=True):
        np.testing.assert_array_equal(one.labels, other.labels)
        np.testing.assert_array_equal(groups_of(one), groups_of(other))
        assert one.column("serial").tolist() == other.column("serial").tolist()


@pytest.fixture(scope="module")
def etl9g(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("ETL9G")
    write_etl9g(made, files=1, sets=2)
    return made


class TestIndex:
    """Labels are read once a file; where the order of a set is known they are predicted, and checked."""

    def test_etl9g_repeats_every_3036_records(self, etl9g: Path) -> None:
        etl = open_etl([etl9g])
        assert index_module.label_index(etl.files[0], None).predicted
        assert etl.select("あいうえ").places.tolist() == [15, 31, 47, 167, 3051, 3067, 3083, 3203]
        assert set(etl.counts().values()) == {2}
        groups = np.concatenate([groups_of(batch) for batch in etl.read(etl.select())])
        assert len(np.unique(groups)) == 40, "20 sheets in each of two sets"

    def test_the_sidecar_saves_reading_the_labels_again(
        self, etl9g: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        expected = open_etl([etl9g], cache=tmp_path).counts()
        assert len(list(tmp_path.iterdir())) == 1
        assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 100_000
        monkeypatch.setattr(index_module, "read_keys", lambda *_: pytest.fail("the labels were read again"))
        assert open_etl([etl9g], cache=tmp_path).counts() == expected

    def test_a_changed_file_and_a_damaged_sidecar_are_indexed_anew(self, tmp_path: Path) -> None:
        cache = tmp_path / "cache"
        path = small_file(tmp_path, "ETL9G_01", "あい")
        assert set(open_etl([path], cache=cache).counts()) == {"あ", "い"}
        small_file(tmp_path, "ETL9G_01", "うえ")
        assert set(open_etl([path], cache=cache).counts()) == {"う", "え"}
        for sidecar in cache.iterdir():
            sidecar.write_bytes(sidecar.read_bytes()[:40])
        assert set(open_etl([path], cache=cache).counts()) == {"う", "え"}

    def test_a_record_against_the_order_is_noticed_as_it_is_read(
        self, etl9g: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        copy = Path(shutil.copy(etl9g / "ETL9G_01", tmp_path))
        with copy.open("r+b") as file:
            file.seek(3051 * 8199 + 2)
            file.write(b"\x24\x24")  # い where the order says あ
        etl = open_etl([copy], cache=tmp_path / "cache")
        (batch,) = etl.read(etl.select("あ"))
        assert batch.places.tolist() == [15], "what is right is used, what is wrong is not passed off as あ"
        assert any(problem.record == 3051 for problem in etl.problems)
        assert open_etl([copy], cache=tmp_path / "cache").counts()["い"] == 3, "and the next one knows"
        monkeypatch.setattr(reader_module, "reindex", lambda *_: pytest.fail("the labels were read again"))
        assert [found.places.tolist() for found in etl.read(etl.select("あ"))] == [[15]]
        uncached = open_etl([copy])
        assert [found.places.tolist() for found in uncached.read(uncached.select("あ"))] == [[15]]
        strict = open_etl([copy], strict=False)
        strict.strict = True
        with pytest.raises(EtlFormatError, match="record 3051"):
            list(strict.read(strict.select("あ")))

    def test_a_file_out_of_order_is_read_label_by_label(self, tmp_path: Path) -> None:
        rng = np.random.default_rng(5)
        codes = rng.permutation(np.repeat(kana_codes(HIRAGANA[:20]), 20))
        write_records(tmp_path / "ETL8B2C1", records_of("ETL8B", codes), dummy=True)
        etl = open_etl([tmp_path])
        assert not index_module.label_index(etl.files[0], None).predicted
        assert set(etl.counts().values()) == {20}

    def test_blocks_are_found_by_halving(self, tmp_path: Path) -> None:
        lengths = [1445, 1411, 160, 65, 1411, 300]
        codes = np.repeat([0xB1, 0xB2, 0xB3, 0xB4, 0xB2, 0xA8], lengths)  # イ twice, as in ETL1
        write_records(tmp_path / "ETL1C_07", records_of("ETL1", codes))
        etl = open_etl([tmp_path])
        found = index_module.label_index(etl.files[0], None)
        assert found.predicted
        np.testing.assert_array_equal(found.keys, codes)
        assert etl.counts() == {"イ": 2822, "ヰ": 300, "ア": 1445, "ウ": 160, "エ": 65}

    def test_a_cache_that_cannot_be_written_is_no_obstacle(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        assert open_etl([folder], cache=tmp_path / "file" / "cache").counts()["あ"] == 4


def test_only_the_chosen_records_are_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    etl = open_etl([folder])
    chosen = etl.select("あ")
    asked: list[int] = []
    original = MappedFile.read

    def counting(self: MappedFile, places: np.ndarray, record: int, width: int) -> np.ndarray:
        asked.append(len(places) * width)
        return original(self, places, record, width)

    monkeypatch.setattr(MappedFile, "read", counting)
    assert sum(len(batch.images) for batch in etl.read(chosen)) == 4
    assert sum(asked) == 4 * 8199


class TestGroups:
    """Nobody is ever on two sides of a split."""

    def groups(self, folder: Path) -> np.ndarray:
        etl = open_etl([folder])
        return np.concatenate([groups_of(batch) for batch in etl.read(etl.select())])

    def test_both_sizes_and_both_repeats_of_an_etl7_writer_are_one_group(self, tmp_path: Path) -> None:
        for name, age in (("ETL7LC_1", 30), ("ETL7SC_1", 30), ("ETL7LC_2", 31)):
            record = records_of("ETL7", [0xB1, 0xB1], sex=[1] * 2, age=[age] * 2, industry=[5] * 2, occupation=[7] * 2)
            write_records(tmp_path / name, record)
        groups = self.groups(tmp_path).tolist()  # LC_1, LC_2, SC_1
        assert groups[:2] == groups[4:]
        assert len(set(groups)) == 2

    def test_a_sheet_of_etl1_is_a_writer(self, tmp_path: Path) -> None:
        write_records(tmp_path / "ETL1C_01", records_of("ETL1", [0x30] * 4, sheet=[1001, 1002, 1001, 1003]))
        groups = self.groups(tmp_path).tolist()
        assert groups[0] == groups[2]
        assert len(set(groups)) == 3

    def test_etl9_binary_and_grey_agree(self, tmp_path: Path) -> None:
        codes, sheets = kana_codes("あいう"), [1, 2, 20]
        (tmp_path / "b").mkdir()
        (tmp_path / "g").mkdir()
        write_records(tmp_path / "b" / "ETL9B_1", records_of("ETL9B", codes, sheet=sheets), dummy=True)
        write_records(tmp_path / "g" / "ETL9G_01", records_of("ETL9G", codes, sheet=sheets))
        assert self.groups(tmp_path / "b").tolist() == self.groups(tmp_path / "g").tolist()

    def test_data_sets_never_share_a_group(self, tmp_path: Path) -> None:
        write_records(tmp_path / "ETL1C_01", records_of("ETL1", [0x30], sheet=[1]))
        write_records(tmp_path / "ETL6C_01", records_of("ETL6", [0x30], sheet=[1]))
        assert len(set(self.groups(tmp_path).tolist())) == 2

    def test_models_are_a_group_of_their_own(self, tmp_path: Path) -> None:
        small_file(tmp_path, "ETL8G_01", "あ")
        small_file(tmp_path, "ETL8G_33", "あ")
        etl = open_etl([tmp_path])
        batches = list(etl.read(etl.select(with_models=True)))
        assert not set(groups_of(batches[0]).tolist()) & set(groups_of(batches[1]).tolist())


def test_every_layout_goes_through_the_whole_reader(tmp_path: Path) -> None:
    names = {"ETL1C_01": 0x41, "ETL2_1": 21 << 6 | 47, "ETL3C_1": 0x41, "ETL4C": 0xB1, "ETL5C": 0xB1}
    names |= {"ETL6C_01": 0x41, "ETL7LC_1": 0xB1, "ETL8B2C1": 0x2422}
    names |= {"ETL8G_01": 0x2422, "ETL9B_1": 0x2422, "ETL9G_01": 0x2422}
    script = {"ETL3C_1": "A", "ETL4C": "H", "ETL5C": "K"}
    for number, (name, code) in enumerate(names.items()):
        data_set = next(DATA_SETS[key] for key in DATA_SETS if name.startswith(key))
        fmt = data_set.format
        levels = random_levels(fmt, 2, np.random.default_rng(number))
        columns = {"code": [code] * 2} | ({"script": [script[name]] * 2} if name in script else {})
        write_records(tmp_path / name, make_records(fmt, levels, columns), dummy=data_set.dummy)
        etl = open_etl([tmp_path / name])
        (batch,) = etl.read(etl.select())
        np.testing.assert_array_equal(levels_of(batch), levels)
    counts = open_etl([tmp_path]).counts()
    assert counts == {"A": 6, "co59:21,47": 2, "あ": 12, "ア": 2}
