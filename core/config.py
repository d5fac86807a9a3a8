"""A run's settings by their dotted names: listed, overridden, written as config.json and read back.

A configuration is resolved as: field defaults <- RECIPES row <- PRESETS row <- what the user set.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from core.errors import ConfigError
from core.settings import VERSION, Frozen, RunConfig


class Field(NamedTuple):
    """One leaf of the tree, as forms, flags and messages need it."""

    name: str  # dotted: train.batch_size
    type: Any  # int, float, bool, str or a Literal
    default: Any
    description: str
    unit: str  # "" where there is none
    limits: str  # "2 .. 65536", "one of: xs, s, m", "" where anything goes
    hint: Any  # the type with its limits, as values are converted to it

    @property
    def choices(self) -> tuple[Any, ...]:
        """The allowed values of a Literal field, else ()."""
        return get_args(self.type) if get_origin(self.type) is Literal else ()


@cache
def fields() -> tuple[Field, ...]:
    """Every leaf of RunConfig in the order of the tree."""
    return tuple(_walk(RunConfig, ""))


def _walk(node: type[Frozen], prefix: str) -> Iterator[Field]:
    defaults = node()
    for name, hint in get_type_hints(node, include_extras=True).items():
        if isinstance(hint, type) and issubclass(hint, Frozen):
            yield from _walk(hint, f"{prefix}{name}.")
        elif get_origin(hint) is Annotated:
            bare, *metas = get_args(hint)
            meta = next(m for m in metas if isinstance(m, Meta))
            yield Field(
                name=prefix + name,
                type=bare,
                default=getattr(defaults, name),
                description=meta.description or "",
                unit=str((meta.extra or {}).get("unit", "")),
                limits=_limits(bare, meta),
                hint=hint,
            )


def _limits(bare: Any, meta: Meta) -> str:
    if get_origin(bare) is Literal:
        return "one of: " + ", ".join(str(choice) for choice in get_args(bare))
    low = f"{meta.ge:,}" if meta.ge is not None else f"more than {meta.gt:,}" if meta.gt is not None else ""
    high = f"{meta.le:,}" if meta.le is not None else f"less than {meta.lt:,}" if meta.lt is not None else ""
    if low or high:
        return f"{low} .. {high}" if high else f"at least {low}"
    return "true or false" if bare is bool else ""


def get(config: RunConfig, name: str) -> Any:
    """The value of a dotted field."""
    value: Any = config
    for part in name.split("."):
        value = getattr(value, part)
    return value


def to_tree(config: RunConfig) -> dict[str, Any]:
    """Nested plain dictionaries, as config.json holds them."""
    tree: dict[str, Any] = msgspec.to_builtins(config)
    return tree


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{'train': {'lr': 1}} -> {'train.lr': 1}."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: value}
    return flat


def settings(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting that a tree, as config.json holds it, stands for: one newer than the file had its default."""
    return flatten(to_tree(RunConfig())) | flatten(tree)


def override(config: RunConfig, changes: Mapping[str, Any]) -> RunConfig:
    """A new tree with dotted fields replaced; text is converted to the field's type. Bad values: ConfigError."""
    tree = to_tree(config)
    known = {field.name: field for field in fields()}
    for name, value in changes.items():
        if name not in known:
            raise ConfigError(f"unknown setting {name!r}{_nearest(name, known)}")
        *path, leaf = name.split(".")
        node = tree
        for part in path:
            node = node[part]
        node[leaf] = converted(known[name], value)
    try:
        return msgspec.convert(tree, RunConfig)
    except msgspec.ValidationError as error:  # each value is within its limits, but they do not go together
        raise ConfigError(str(error).partition(" - at `")[0]) from None


def converted(field: Field, value: Any) -> Any:
    """A value for one field, text converted to its type; outside the field's limits: ConfigError. Whether it goes
    together with the other fields, only `override` knows."""
    text = isinstance(value, str) and field.type is not str
    try:
        if text and field.choices:
            return next(choice for choice in field.choices if str(choice) == value.strip().lower())
        if text and field.type is bool:
            return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[
                value.strip().lower()
            ]
        return msgspec.convert(value.strip() if text else value, field.hint, strict=not text)
    except (msgspec.ValidationError, StopIteration, KeyError):
        if value == "" and field.type is str:
            raise ConfigError(f"{field.name}: is empty. {field.description}") from None
        limits = field.limits or {int: "a whole number", float: "a number", str: field.description}.get(field.type, "")
        unit = f" {field.unit}" if field.unit and not field.choices else ""
        raise ConfigError(f"{field.name}={value}: must be {limits}{unit}") from None


def _nearest(name: str, known: Iterable[str]) -> str:
    """' (did you mean train.lr?)', looking at whole names and at their last part."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if not close:
        by_leaf = {full.rsplit(".", 1)[-1]: full for full in names}
        close = [by_leaf[leaf] for leaf in difflib.get_close_matches(name.rsplit(".", 1)[-1], list(by_leaf), n=1)]
    return f"; did you mean {close[0]!r}?" if close else "; `etlgan presets --fields` lists them all"


def parse_assignments(texts: Iterable[str]) -> dict[str, str]:
    """['train.lr=1e-4'] -> {'train.lr': '1e-4'}; a later one wins. Text without '=': ConfigError."""
    changes = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"--set {text}: must be NAME=VALUE, such as train.batch_size=256")
        changes[name.strip()] = value
    return changes


def encode(config: RunConfig) -> bytes:
    """The text of config.json."""
    return msgspec.json.format(msgspec.json.encode(config), indent=2) + b"\n"


def decode(text: bytes, *, where: str = "config.json") -> RunConfig:
    """Read config.json of this version or an older one. Anything else: ConfigError that names the place."""
    try:
        tree = msgspec.json.decode(text)
        if not isinstance(tree, dict):
            raise ConfigError(f"{where}: holds no configuration (a JSON object was expected)")
        return msgspec.convert(upgrade(tree, where=where), RunConfig)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{where}: {error}") from None


def upgrade(tree: dict[str, Any], *, where: str = "config.json") -> dict[str, Any]:
    """Bring a tree of any older version to VERSION. A newer one: ConfigError."""
    version = tree.get("version", VERSION)
    if not isinstance(version, int) or version > VERSION:
        raise ConfigError(
            f"{where}: written by a newer etlgan (version {version}, this one knows {VERSION}); update etlgan"
        )
    return tree
