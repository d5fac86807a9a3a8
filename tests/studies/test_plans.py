"""The tables of studies: every row resolves, asks what the issue of it is, and can be chosen."""

import pytest

from core import config as configs
from core import presets
from core.errors import ConfigError
from core.studies import plans

FILES = {"mnist": "/m", "kmnist": "/k"}


def test_every_study_is_runs_of_known_settings() -> None:
    for made in (plans.quality(FILES), plans.textbook(FILES), plans.ablation(seeds=2)):
        assert len(set(made)) == len(made)
    assert len(plans.quality(FILES)) == sum(experiment.seeds for experiment in plans.QUALITY.values())
    assert {cell.variant for cell in plans.textbook({})} == {*plans.VARIANTS, "infogan, augmented"}
    assert {cell.row for cell in plans.ablation()} == set(plans.ABLATION)


def test_rows_that_need_files_are_left_out_without_them() -> None:
    assert {cell.row for cell in plans.quality(FILES)} - {cell.row for cell in plans.quality({})} == {
        "KMNIST 10",
        "MNIST digits",
    }
    (row,) = plans.quality(FILES, ["KMNIST 10"])
    assert row.config.data.source == "kmnist:/k"
    assert (row.config.data.per_char, row.config.data.held_out) == (800, 200)


def test_the_users_scans_stand_in_for_embedded_handwriting() -> None:
    cells = plans.textbook({"etl": "/e"}, ["hiragana 10", "digits"])
    assert {cell.config.data.source for cell in cells if cell.row == "hiragana 10"} == {"etl:/e"}
    assert {cell.config.data.where for cell in cells} == {"set == 'ETL7'", ""}, "the set that the public script took"
    (kanji, *_) = plans.textbook({"etl": "/e"}, ["kanji 10 at 161"])
    assert (kanji.config.data.where, kanji.config.data.per_char) == ("set == 'ETL8B'", 131)
    (embedded, *_) = plans.textbook({}, ["kanji 10 at 161"])
    assert (embedded.config.data.where, embedded.config.data.per_char) == ("", 161)
    assert {cell.config.data.source for cell in cells if cell.row == "digits"} == {"penman"}


def test_the_quality_table_measures_what_presets_make() -> None:
    for row, experiment in plans.QUALITY.items():
        (first, *_) = plans.quality(FILES, [row])
        source = {"data.source": first.config.data.source}
        assert first.config == presets.resolve(experiment.preset, source), "what `etlgan run` makes"


def test_rows_come_in_the_order_asked_for() -> None:
    asked = ["kanji 10 at 161", "hiragana 10"]
    assert list(dict.fromkeys(cell.row for cell in plans.quality({}, asked))) == asked
    with pytest.raises(ConfigError, match="no row 'hiragana 11'"):
        plans.quality({}, ["hiragana 11"])


def test_a_rehearsal_is_shorter_and_the_same_else() -> None:
    (whole,), (short,) = (plans.quality({}, ["hiragana 46"], share=share) for share in (1.0, 0.01))
    assert short.config.train.steps == round(whole.config.train.steps * 0.01)
    assert short.config.data == whole.config.data


def test_a_size_is_that_of_every_row() -> None:
    usual, wide = plans.quality(FILES), plans.quality(FILES, size="m")
    assert {cell.config.model.size for cell in wide} == {"m"}
    assert [configs.override(cell.config, {"model.size": "xs"}) for cell in wide] == [cell.config for cell in usual]
    with pytest.raises(ConfigError, match="size=xxl"):
        plans.quality(FILES, size="xxl")


def test_classic_has_as_many_steps_as_the_recipe_or_as_few_as_asked_for() -> None:
    def steps(**more: int) -> set[tuple[str, int]]:
        cells = plans.textbook({}, ["hiragana 46", "hiragana 10"], **more)
        return {(cell.variant, cell.config.train.steps) for cell in cells}

    assert steps() == {(variant, number) for variant in plans.VARIANTS for number in (2000, 6500)}
    assert steps(classic_steps=4000) == {("etl", 2000), ("etl", 6500)} | {
        (variant, number) for variant in plans.VARIANTS if variant != "etl" for number in (2000, 4000)
    }


def test_the_papers_figure_is_tried_for_on_digits_with_the_papers_networks() -> None:
    ours = [cell for cell in plans.textbook(FILES) if cell.config.recipe.name == "infogan"]
    (shorter,) = (
        cell for cell in plans.textbook(FILES, share=0.5, classic_steps=2000) if cell.config.recipe.name == "infogan"
    )
    (cell,) = ours
    assert (cell.row, cell.config.recipe.name, cell.config.data.source) == ("digits", "infogan", "mnist:/m")
    assert (cell.config.train.steps, shorter.config.train.steps) == (2200, 1000)
    assert cell.config.train.lr_generator == 5
    assert (cell.config.recipe.r1, cell.config.recipe.augment) == (0, 0.5)


def test_classic_is_as_the_public_script_whatever_the_recipe_needs_for_a_row() -> None:
    cells = plans.textbook(FILES)
    assert {cell.config.recipe.r1 for cell in cells if cell.row == "kanji 10 at 161"} == {0, 3}
    for cell in cells:
        if cell.config.recipe.name == "classic":
            said = {name: configs.get(cell.config, name) for name in presets.RECIPES["classic"]}
            assert said == presets.RECIPES["classic"], cell.title


def test_kanji_have_161_images() -> None:
    assert {cell.config.data.per_char for cell in plans.quality({}, ["kanji 10 at 161"])} == {161}
    assert {cell.config.data.per_char for cell in plans.textbook({}, ["kanji 10 at 700"])} == {700}


def test_every_ingredient_of_the_recipe_has_a_row() -> None:
    rows = {setting for changes in plans.ABLATION.values() for setting in changes}
    fields = {field.name for field in configs.fields() if field.name.startswith("recipe.")}
    weights = {"recipe.name", "recipe.code"}  # which recipe; how much of the codes, which have rows of their own
    elsewhere = {"recipe.double_softmax", "recipe.transfer"}  # of classic, of several domains
    assert fields - weights - elsewhere <= rows
    assert {"model.anchored", "model.codes", "model.size"} <= rows


def test_ocr_gains_are_chosen_and_shortened_like_other_rows() -> None:
    assert list(plans.gains()) == list(plans.GAINS)
    assert plans.gains(["hiragana 10"]) == {}
    assert plans.quality({}, ["OCR gain"]) == []
    (short,) = plans.gains(["OCR gain"], share=0.1, size="s").values()
    assert (short.plan.steps, short.plan.pen_steps, short.plan.reader_steps, short.plan.size) == (40, 650, 60, "s")
    with pytest.raises(ConfigError, match="no row 'OCR'"):
        plans.gains(["OCR"])
