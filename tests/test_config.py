"""The configuration tree: round trip, overrides, and a clear line for every mistake."""

from typing import Any

import msgspec
import pytest

from core import config as configs
from core import resuming
from core.config import fields, flatten, get, override, parse_assignments, to_tree
from core.errors import ConfigError
from core.presets import PRESETS, RECIPES, resolve
from core.settings import VERSION, RunConfig


@pytest.mark.parametrize("preset", ["", *PRESETS])
@pytest.mark.parametrize("recipe", list(RECIPES))
def test_json_round_trip(preset: str, recipe: str) -> None:
    config = resolve(preset, {"recipe.name": recipe})
    assert configs.decode(configs.encode(config)) == config
    assert config.recipe.name == recipe


def test_every_field_has_a_description_and_a_default_within_its_limits() -> None:
    for field in fields():
        assert field.description.endswith(")") or field.description.endswith("."), field.name
        assert override(RunConfig(), {field.name: field.default}) == RunConfig(), field.name


def test_a_resumed_run_may_be_profiled_but_not_compute_otherwise() -> None:
    assert resuming.changed(RunConfig(), {"train.profile": 5}).train.profile == 5
    with pytest.raises(ConfigError, match="decides what is computed"):
        resuming.changed(RunConfig(), {"train.lr": 1e-3})


def test_fields_are_the_leaves_of_the_tree() -> None:
    assert [field.name for field in fields()] == list(flatten(to_tree(RunConfig())))


@pytest.mark.parametrize("field", fields(), ids=lambda field: field.name)
def test_text_is_read_as_the_fields_type(field: configs.Field) -> None:
    text = str(field.choices[-1] if field.choices else not field.default if field.type is bool else field.default)
    value = get(override(RunConfig(), {field.name: text}), field.name)
    assert str(value) == text
    assert type(value) is type(field.default)


def test_a_later_change_wins_over_preset_and_recipe() -> None:
    config = resolve("digits", {"recipe.name": "classic", "train.batch_size": "512", "train.lr": "1e-4"})
    assert (config.train.batch_size, config.train.lr, config.data.chars) == (512, 1e-4, "digits")
    assert config.model.noise == RECIPES["classic"]["model.noise"]


@pytest.mark.parametrize(
    ("recipe", "change", "message"),
    [
        ("classic", ("train.devices", "2"), "recipe.name=classic: its batch norm looks at the whole batch"),
        ("infogan", ("train.devices", "2"), "recipe.name=infogan: its batch norm looks at the whole batch"),
        ("infogan", ("train.batch_size", "1"), "recipe.name=infogan: its batch norm wants two images at least"),
    ],
)
def test_what_batch_norm_cannot_do_is_refused(recipe: str, change: tuple[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        resolve("digits", {"recipe.name": recipe, change[0]: change[1]})


def test_the_papers_recipe_is_the_scripts_but_for_its_rates() -> None:
    script, paper = resolve("digits", {"recipe.name": "classic"}), resolve("digits", {"recipe.name": "infogan"})
    assert (paper.train.batch_size, paper.train.lr, paper.train.lr_generator) == (128, 2e-4, 5)
    assert paper.recipe.code == 0.5
    assert paper.model == script.model


def test_an_override_leaves_the_original_alone() -> None:
    before = RunConfig()
    override(before, {"train.steps": 5})
    assert before == RunConfig()
    with pytest.raises(AttributeError):
        before.seed = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("train.batch_size", "-1", "train.batch_size=-1: must be 0 .. 65,536 images"),
        ("train.batch_size", "many", "train.batch_size=many: must be 0 .. 65,536 images"),
        ("train.batch_size", "2.5", "train.batch_size=2.5: must be 0 .. 65,536 images"),
        ("train.batch_size", 2.5, "train.batch_size=2.5: must be 0 .. 65,536 images"),
        ("train.batch_size", "", "train.batch_size=: must be 0 .. 65,536 images"),
        ("train.batch_size", None, "train.batch_size=None: must be 0 .. 65,536 images"),
        ("train.lr", "0", "train.lr=0: must be more than 0 .. 1"),
        ("train.lr", "nan", "train.lr=nan: must be more than 0 .. 1"),
        ("train.lr", "inf", "train.lr=inf: must be more than 0 .. 1"),
        ("train.steps", "1e999", "train.steps=1e999: must be 1 .. 100,000,000 steps"),
        ("train.beta1", "1", "train.beta1=1: must be 0 .. less than 1"),
        ("train.report_every", "0", "train.report_every=0: must be at least 1 steps"),
        ("train.device", "gpu", "train.device=gpu: must be auto (cuda, else mps, else cpu), cpu, mps"),
        ("model.size", "xxl", "model.size=xxl: must be one of: xs, s, m, l, xl"),
        ("data.size", "48", "data.size=48: must be one of: 32, 64"),
        ("data.source", "", "data.source: is empty. Where glyphs come from"),
        ("recipe.double_softmax", "maybe", "recipe.double_softmax=maybe: must be true or false"),
        ("seed", "-1", "seed=-1: must be 0 .. 2,147,483,647"),
    ],
)
def test_a_bad_value_is_named_with_its_limits(name: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        override(RunConfig(), {name: value})
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("train.batchsize", "train.batch_size"),
        ("lr", "train.lr"),
        ("model.siz", "model.size"),
        ("stepss", "train.steps"),
    ],
)
def test_a_misspelt_name_gets_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(ConfigError, match=f"unknown setting '{name}'; did you mean '{nearest}'"):
        override(RunConfig(), {name: "1"})


def test_a_name_like_no_other_gets_the_list() -> None:
    with pytest.raises(ConfigError, match="etlgan presets --fields"):
        override(RunConfig(), {"zzzzzz": "1"})


def test_unknown_preset_gets_the_nearest() -> None:
    with pytest.raises(ConfigError, match="unknown preset 'hiragana-aka'; did you mean 'hiragana-a-ka'"):
        resolve("hiragana-aka")


def test_assignments() -> None:
    assert parse_assignments(["train.lr=1e-4", " data.source =a=b", "train.lr=2"]) == {
        "train.lr": "2",
        "data.source": "a=b",
    }
    with pytest.raises(ConfigError, match=r"--set train\.lr: must be NAME=VALUE"):
        parse_assignments(["train.lr"])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "truncated"),
        (b"[]", "holds no configuration"),
        (b'{"train": {"stpes": 1}}', "stpes"),
        (b'{"train": {"steps": 0}}', r"train\.steps"),
        (b'{"train": {"steps": "5"}}', r"train\.steps"),
        (b'{"version": 999}', "written by a newer etlgan"),
        (b'{"version": "1"}', "written by a newer etlgan"),
        (b"\xff\xff", "malformed"),
        (b'{"preset": "\xff"}', "(?i:utf-8)"),  # its case is of the msgspec release
        (b'{"a":' * 100_000, "recursion"),
    ],
)
def test_a_damaged_config_json_is_named(text: bytes, reason: str) -> None:
    with pytest.raises(ConfigError, match=rf"^runs/x/config\.json: .*{reason}"):
        configs.decode(text, where="runs/x/config.json")


def test_missing_fields_get_their_defaults() -> None:
    assert configs.decode(b"{}") == RunConfig()
    assert msgspec.json.decode(configs.encode(RunConfig()))["version"] == VERSION
