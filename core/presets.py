"""Experiments by name: a preset is a row of changes to the defaults, a recipe likewise."""

import difflib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from core import config
from core.errors import ConfigError
from core.settings import RunConfig

# The hyper-parameters of the public InfoGAN script: batch 64, Adam 2e-4 (0.5, 0.999), z 62, lambda_con 0.1.
CLASSIC: Mapping[str, Any] = MappingProxyType(
    {
        "model.noise": 62,
        "model.codes": 2,
        "model.anchored": 0,
        "recipe.adversarial": "bce",
        "recipe.r1": 0.0,
        "recipe.r2": 0.0,
        "recipe.label_real": 0.0,
        "recipe.label_fake": 1.0,
        "recipe.code": 0.1,
        "recipe.augment": 0.0,
        "recipe.ema": 0.0,
        "train.batch_size": 64,
        "train.lr": 2e-4,
        "train.lr_final": 1.0,
        "train.beta1": 0.5,
        "train.beta2": 0.999,
    }
)
# The paper's own (Chen et al. 2016, appendix C.1): G learns five times as fast as D, and a continuous code counts as
# -log of a Gaussian of variance 1, which is half of the squared error.
INFOGAN: Mapping[str, Any] = MappingProxyType({"recipe.code": 0.5, "train.batch_size": 128, "train.lr_generator": 5.0})
RECIPES: Mapping[str, Mapping[str, Any]] = MappingProxyType(  # `etl` is what the defaults in core/settings.py say
    {"etl": {}, "classic": CLASSIC, "infogan": {**CLASSIC, **INFOGAN}}
)


class Preset(NamedTuple):
    """One named experiment."""

    about: str
    seconds: int  # to expect on 2 CPU cores with AVX-512, from the first step to the last
    changes: Mapping[str, Any]


def _row(
    about: str, *, chars: str, size: int, net: str, per_char: int, steps: int, batch: int, seconds: int, **more: Any
) -> Preset:
    changes = {
        "data.chars": chars,
        "data.size": size,
        "data.per_char": per_char,
        "model.size": net,
        "train.steps": steps,
        "train.batch_size": batch,
    }
    return Preset(
        about, seconds, MappingProxyType(changes | {key.replace("__", "."): value for key, value in more.items()})
    )


# fmt: off
PRESETS: Mapping[str, Preset] = MappingProxyType({
    "digits":         _row("10 digits",                 chars="digits",         size=32, net="xs", per_char=5000, steps=3500, batch=64, seconds=410, recipe__r1=3.0, recipe__r2=3.0),
    "hiragana-a-ka":  _row("10 hiragana, あ and か rows",   chars="hiragana-a-ka",  size=32, net="xs", per_char=700, steps=2000, batch=64, seconds=235),
    "hiragana-sa-ha": _row("20 hiragana, さ to は rows",    chars="hiragana-sa-ha", size=32, net="xs", per_char=700, steps=3500, batch=64, seconds=410, recipe__r1=1.0, recipe__r2=1.0),
    "hiragana":       _row("all 46 hiragana",           chars="hiragana",       size=32, net="xs", per_char=700, steps=6500, batch=64, seconds=755, train__target=-0.01, recipe__r1=1.0, recipe__r2=1.0),
    "katakana":       _row("all 46 katakana",           chars="katakana",       size=32, net="xs", per_char=700, steps=6500, batch=64, seconds=755, train__target=-0.01, recipe__r1=1.0, recipe__r2=1.0),
    "kanji-10":       _row("10 kanji, 161 images each", chars="kanji-10",       size=32, net="xs", per_char=161, steps=3600, batch=64, seconds=480, recipe__r1=3.0, recipe__r2=3.0, recipe__augment=0.3),
    "kanji-10-700":   _row("10 kanji, 700 images each", chars="kanji-10",       size=32, net="xs", per_char=700, steps=3600, batch=64, seconds=420, recipe__r1=1.0, recipe__r2=1.0),
    "kmnist":         _row("10 cursive hiragana; with --data kmnist:PATH", chars="おきすつなはまやれを", size=32, net="xs", per_char=800, steps=10000, batch=64, seconds=1000, recipe__r1=5.0, recipe__r2=5.0, recipe__label_fake=0.3, recipe__augment=0.5),
    "kyoiku":         _row("1,026 school kanji; wants a GPU", chars="kyoiku", size=64, net="l", per_char=161, steps=30000, batch=512, seconds=500_000, data__style="clean", data__held_out=20, recipe__augment=0.5, recipe__ramp=0.15, train__sample_every=1000, train__save_every=2000),
    "jis1":           _row("2,965 kanji, 161 images each; wants a GPU", chars="jis1", size=64, net="l", per_char=161, steps=60000, batch=512, seconds=1_000_000, data__style="clean", data__held_out=20, recipe__augment=0.5, recipe__ramp=0.15, train__sample_every=1000, train__save_every=2000),
})
# fmt: on


def preset(name: str) -> Preset:
    """The row of that name; unknown: ConfigError naming the nearest."""
    if name not in PRESETS:
        close = difflib.get_close_matches(name, PRESETS, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}?" if close else "`etlgan presets` lists them"
        raise ConfigError(f"unknown preset {name!r}; {hint}")
    return PRESETS[name]


def resolve(name: str = "", changes: Mapping[str, Any] = MappingProxyType({})) -> RunConfig:
    """Defaults <- recipe row <- preset row <- `changes` (dotted names; text is converted)."""
    row = preset(name).changes if name else {}
    recipe = config.override(RunConfig(), {k: v for k, v in changes.items() if k == "recipe.name"}).recipe.name
    return config.override(RunConfig(), {"preset": name, **RECIPES[recipe], **unless(recipe, row), **changes})


def unless(recipe: str, row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of changes that speak of recipe `etl`, as presets do: those that another recipe has no word of its own on."""
    return row if recipe == "etl" else {key: value for key, value in row.items() if key not in RECIPES[recipe]}
