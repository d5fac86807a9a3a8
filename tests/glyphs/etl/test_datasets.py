"""The tables of data sets and files: counts, sizes, names as distributed and as renamed."""

import pytest

from core.glyphs.etl.datasets import DATA_SETS, data_set_of, files_of_size, folder_data_set, known_file, known_files


@pytest.mark.parametrize(
    ("name", "files", "records"),
    [
        ("ETL1", 13, 141_319),
        ("ETL2", 5, 52_796),
        ("ETL4", 1, 6_120),
        ("ETL5", 1, 10_608),
        ("ETL6", 12, 159_045),
        ("ETL7", 4, 33_600),
        ("ETL8B", 3, 153_919),
        ("ETL8G", 33, 153_916),
        ("ETL9B", 5, 610_241),
        ("ETL9G", 50, 607_200),
    ],
)
def test_records_add_up_to_what_was_published(name: str, files: int, records: int) -> None:
    mine = [file for file in known_files().values() if file.data_set.name == name]
    assert len(mine) == files
    assert sum(file.records or 0 for file in mine) == records


def test_all_129_files_are_there_and_only_etl3_is_unpublished() -> None:
    assert len(known_files()) == 129
    assert [name for name, file in known_files().items() if file.records is None] == ["ETL3C_1", "ETL3C_2"]
    assert set(DATA_SETS) == {file.data_set.name for file in known_files().values()}


def test_a_size_belongs_to_one_data_set() -> None:
    for files in files_of_size().values():
        assert len({file.data_set.name for file in files}) == 1


@pytest.mark.parametrize(
    ("name", "characters", "models"), [("ETL8B2C3", 50_560, 956), ("ETL8G_33", 0, 956), ("ETL9B_5", 121_440, 3_036)]
)
def test_model_patterns_are_at_the_end(name: str, characters: int, models: int) -> None:
    file = known_files()[name]
    assert file.models_from == file.data_set.dummy + characters
    assert file.records == file.models_from + models


def test_images_without_dummies_and_models() -> None:
    totals = {"ETL8B": 152_960, "ETL8G": 152_960, "ETL9B": 607_200, "ETL9G": 607_200}
    for name, total in totals.items():
        files = [file for file in known_files().values() if file.data_set.name == name]
        ends = [file.records if file.models_from is None else file.models_from for file in files]
        assert sum((end or 0) - file.data_set.dummy for end, file in zip(ends, files, strict=True) if end) == total


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("ETL1C-01", "ETL1C_01"),
        ("ETL1C_1", "ETL1C_01"),
        ("etl1.001", "ETL1C_01"),
        ("etl1c_13", "ETL1C_13"),
        ("ETL8B2-1", "ETL8B2C1"),
        ("ETL8B_3", "ETL8B2C3"),
        ("ETL4C", "ETL4C"),
        ("ETL4", "ETL4C"),
        ("ETL7SC-2", "ETL7SC_2"),
        ("ETL9G_50.bin", "ETL9G_50"),
        ("etl2-5", "ETL2_5"),
        ("ETL1C_14", None),
        ("ETL1INFO", None),
        ("ETL9G_01.Z", None),
        ("ETL10", None),
        ("ETL12", None),
        ("ETL9G", None),  # which of the fifty?
        ("photo.png", None),
    ],
)
def test_names_as_renamed_by_users(alias: str, name: str | None) -> None:
    file = known_file(alias)
    assert (file.name if file else None) == name


def test_every_distributed_name_is_its_own() -> None:
    for name, file in known_files().items():
        assert known_file(name) is file
        assert data_set_of(name) == file.data_set.name


@pytest.mark.parametrize(
    ("folder", "name"),
    [("ETL9G", "ETL9G"), ("etl8b.zip", "ETL8B"), ("ETL8B2", "ETL8B"), ("ETL7LC", "ETL7"), ("ETL10", None), ("x", None)],
)
def test_folder_names(folder: str, name: str | None) -> None:
    assert folder_data_set(folder) == name
