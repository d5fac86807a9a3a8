"""One frozen, versioned tree describes a run: defaults, limits, units and descriptions are written at the field, once.

The `--set` flags, the dashboard's form, `config.json`, the index columns and every error message come from here.
A configuration is resolved as: field defaults <- RECIPES row <- PRESETS row <- what the user set.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from core.errors import ConfigError

VERSION = 1


class Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every node: immutable, named fields only, a misspelt key is an error."""


class DataConfig(Frozen, frozen=True):
    """Which glyphs the run learns from."""

    source: Annotated[
        str,
        Meta(
            min_length=1,
            description="Where glyphs come from: penman (embedded), etl:PATH (several: etl:PATH,PATH), mnist:PATH, "
            "kmnist:PATH, or PATH. Joined by +, each is a domain: penman+etl:PATH, or NAME=SOURCE+NAME=SOURCE.",
        ),
    ] = "penman"
    chars: Annotated[
        str,
        Meta(
            min_length=1,
            description="Characters: a named set (hiragana-a-ka, kanji-10, ...), names joined by +, or the characters.",
        ),
    ] = "hiragana-a-ka"
    per_char: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000_000,
            description="Training images a character, at most; where there are fewer, that is told.",
            extra={"unit": "images"},
        ),
    ] = 700
    held_out: Annotated[
        int,
        Meta(
            ge=0,
            le=100_000,
            description="Images a character from other writers, kept for judging and never trained on.",
            extra={"unit": "images"},
        ),
    ] = 200
    size: Annotated[Literal[32, 64], Meta(description="Side of the square images.", extra={"unit": "pixels"})] = 32
    style: Annotated[
        Literal["clean", "prepared", "scanned"],
        Meta(
            description="Look of the embedded handwriting: clean ink; the same prepared as scans are, to stand beside "
            "them; or as a scanner saw it, then prepared."
        ),
    ] = "clean"
    where: Annotated[
        str,
        Meta(
            max_length=1000,
            description="Only ETL images for which this holds, such as: age < 30 and eval_image == 0. Empty: all.",
        ),
    ] = ""
    with_models: Annotated[
        bool, Meta(description="Take ETL's model patterns too, which its makers printed and no writer wrote.")
    ] = False
    prepare: Annotated[
        str,
        Meta(
            pattern=r"^(auto|all|none|(paper|fragments|crop|centre|gain|invert)"
            r"(\+(paper|fragments|crop|centre|gain|invert))*)$",
            description="Steps from scans to clean characters: auto (all for raw cells, else none), all, none, or some "
            "of paper, fragments, crop, centre, gain, invert, joined by +.",
        ),
    ] = "auto"
    margin: Annotated[
        float,
        Meta(
            ge=0,
            le=0.4,
            description="Free on every side of a cropped character's longer side.",
            extra={"unit": "of the size"},
        ),
    ] = 0.1
    strict: Annotated[
        bool,
        Meta(description="Stop at the first damaged file or missing image; else what is usable goes on being used."),
    ] = False
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1, description="Chooses the embedded writers and the split.")] = 0


class ModelConfig(Frozen, frozen=True):
    """The networks and the latent code they share."""

    size: Annotated[
        Literal["xs", "s", "m", "l", "xl"],
        Meta(description="Width of the networks (table SIZES in core/gan/model.py)."),
    ] = "xs"
    noise: Annotated[int, Meta(ge=1, le=1024, description="Length of the noise vector.", extra={"unit": "values"})] = 64
    codes: Annotated[
        int,
        Meta(ge=0, le=16, description="Continuous codes, each uniform in [-1, 1].", extra={"unit": "codes"}),
    ] = 4
    anchored: Annotated[
        int,
        Meta(
            ge=0,
            le=2,
            description="How many of the codes are tied to a measured property: first slant, then stroke thickness "
            "(recipe etl). The others find their meaning by mutual information.",
            extra={"unit": "codes"},
        ),
    ] = 2


class RecipeConfig(Frozen, frozen=True):
    """The adversarial and information losses. `etl` makes labelled data; `classic` is the InfoGAN paper's method."""

    name: Annotated[
        Literal["etl", "classic"],
        Meta(description="etl: labels supervise the categorical code. classic: InfoGAN as published, unsupervised."),
    ] = "etl"
    adversarial: Annotated[
        Literal["relativistic", "saturating-free", "bce"],
        Meta(
            description="relativistic: paired softplus (RpGAN). saturating-free: non-saturating softplus. "
            "bce: the same on unconditional logits, as the classic recipe uses it."
        ),
    ] = "relativistic"
    projection: Annotated[
        bool, Meta(description="D judges an image as one of its character (projection); false: as any character.")
    ] = True
    r1: Annotated[
        float, Meta(ge=0, le=100, description="Weight gamma of the gradient penalty on real images (R1); 0 is none.")
    ] = 0.3
    r2: Annotated[
        float,
        Meta(ge=0, le=100, description="Weight gamma of the gradient penalty on generated images (R2); 0 is none."),
    ] = 0.0
    penalty_every: Annotated[
        int,
        Meta(
            ge=1,
            le=64,
            description="Gradient penalties are taken every so many steps, scaled up by it.",
            extra={"unit": "steps"},
        ),
    ] = 8
    label_real: Annotated[
        float, Meta(ge=0, le=10, description="Weight of Q's cross-entropy on real images with their true labels.")
    ] = 0.5
    label_fake: Annotated[
        float,
        Meta(ge=0, le=10, description="Weight of the categorical information loss (G is rewarded for Q's answer)."),
    ] = 0.2
    code: Annotated[float, Meta(ge=0, le=10, description="Weight of the continuous information loss.")] = 0.3
    cosine: Annotated[
        float,
        Meta(
            ge=0,
            le=64,
            description="Scale of Q's cosine logits on unit-norm features (ReACGAN); 0: plain linear logits.",
        ),
    ] = 0.0
    fake_targets: Annotated[
        bool, Meta(description="Q also learns to tell real from generated within a class (2K-way targets of ADC-GAN).")
    ] = False
    augment: Annotated[
        float,
        Meta(ge=0, le=1, description="Probability of each character-safe augmentation of what D sees; 0 is none."),
    ] = 0.0
    ramp: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="Share of the training over which class conditioning is ramped in (few images a class).",
            extra={"unit": "of all steps"},
        ),
    ] = 0.0
    ema: Annotated[
        float,
        Meta(
            ge=0,
            le=0.5,
            description="Time constant of the generator's moving average; 0: no averaging.",
            extra={"unit": "of all steps"},
        ),
    ] = 0.05
    balanced: Annotated[
        bool,
        Meta(description="Characters are drawn alike, however many images each has; false: images are drawn alike."),
    ] = True
    transfer: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="With several domains: share of generated images asked for in a domain that has no image of "
            "the character.",
        ),
    ] = 0.5
    double_softmax: Annotated[
        bool,
        Meta(
            description="classic only: softmax before cross-entropy, the public script's mistake, to reproduce its "
            "curves. The categorical loss then cannot fall below ln(e + K - 1) - 1."
        ),
    ] = False


class TrainConfig(Frozen, frozen=True):
    """How long, how fast, on what, and what is written down on the way."""

    steps: Annotated[int, Meta(ge=1, le=100_000_000, description="Updates of D and G.", extra={"unit": "steps"})] = 1600
    batch_size: Annotated[
        int,
        Meta(
            ge=0,
            le=65_536,
            description="Images an update; 0: as many as suit the device (64 on a CPU, up to 1,024 on a GPU).",
            extra={"unit": "images"},
        ),
    ] = 64
    lr: Annotated[float, Meta(gt=0, le=1, description="Adam's learning rate, the same for D and G.")] = 5e-4
    lr_final: Annotated[
        float, Meta(ge=0, le=1, description="Learning rate at the end, as a share of lr (cosine from half way on).")
    ] = 0.1
    beta1: Annotated[float, Meta(ge=0, lt=1, description="Adam's first moment decay.")] = 0.0
    beta2: Annotated[float, Meta(ge=0, lt=1, description="Adam's second moment decay.")] = 0.95
    device: Annotated[
        str,
        Meta(
            pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$",
            description="auto (cuda, else mps, else cpu), cpu, mps, cuda, or one GPU: cuda:1.",
        ),
    ] = "auto"
    precision: Annotated[
        Literal["auto", "bf16", "fp32"], Meta(description="auto: bf16 where a short timing shows that it is faster.")
    ] = "auto"
    graphs: Annotated[
        bool, Meta(description="CUDA: many updates are launched at once, as captured graphs; false: one by one.")
    ] = True
    threads: Annotated[
        int, Meta(ge=0, le=1024, description="CPU threads; 0: one for each physical core.", extra={"unit": "threads"})
    ] = 0
    devices: Annotated[
        int,
        Meta(
            ge=1,
            le=64,
            description="Processes that share every batch, on a GPU each or on this machine's CPU cores; batch_size "
            "must divide by it.",
            extra={"unit": "devices"},
        ),
    ] = 1
    max_restarts: Annotated[
        int,
        Meta(
            ge=0,
            le=100,
            description="With several devices: how often all processes start again from the last checkpoint when one "
            "of them fails.",
            extra={"unit": "times"},
        ),
    ] = 0
    profile: Annotated[
        int,
        Meta(
            ge=0,
            le=1000,
            description="Updates that the profiler watches near the start, for profile/trace.json and summary.txt.",
            extra={"unit": "steps"},
        ),
    ] = 0
    report_every: Annotated[
        int, Meta(ge=1, description="Losses are written every so many steps.", extra={"unit": "steps"})
    ] = 20
    sample_every: Annotated[
        int, Meta(ge=1, description="A sample grid is drawn every so many steps.", extra={"unit": "steps"})
    ] = 100
    save_every: Annotated[
        int, Meta(ge=1, description="A checkpoint is written every so many steps.", extra={"unit": "steps"})
    ] = 500
    score_every: Annotated[
        int,
        Meta(
            ge=0,
            description="The judge scores labels, coverage and spread every so many steps, and the best checkpoint is "
            "the best of those; it has to be trained first, once for each data set. 0: Q's own reading ranks them.",
            extra={"unit": "steps"},
        ),
    ] = 0
    target: Annotated[
        float,
        Meta(
            ge=-1,
            le=1,
            description="Time to quality is the training time until the judge reads this share of the generated "
            "characters as asked (train.score_every). 0 or less: than of held-out real ones, -0.01 is a point less.",
        ),
    ] = 0.95
    init_from: Annotated[
        str,
        Meta(
            max_length=4096,
            description="Warm start: a run (its folder or id) or one of its checkpoints whose weights this one begins "
            "with. Empty: fresh weights.",
        ),
    ] = ""
    keep: Annotated[
        int,
        Meta(ge=1, le=10_000, description="Newest checkpoints kept, beside the best.", extra={"unit": "checkpoints"}),
    ] = 2

    def __post_init__(self) -> None:
        if self.batch_size % self.devices:
            raise ValueError(
                f"train.batch_size={self.batch_size} does not divide by train.devices={self.devices}; "
                f"say train.batch_size={max(1, self.batch_size // self.devices) * self.devices}"
            )


class ClusterConfig(Frozen, frozen=True):
    """What a run asks of Slurm (`--on slurm`). Nothing here changes what is computed."""

    partition: Annotated[
        str, Meta(pattern=r"^[\w.,:@+-]*$", max_length=200, description="Slurm's partition. Empty: its default.")
    ] = ""
    account: Annotated[
        str, Meta(pattern=r"^[\w.,:@+-]*$", max_length=200, description="Who pays. Empty: the user's default.")
    ] = ""
    gpus: Annotated[int, Meta(ge=0, le=64, description="GPUs of one node.", extra={"unit": "GPUs"})] = 1
    cpus: Annotated[int, Meta(ge=1, le=1024, description="CPUs of one node.", extra={"unit": "CPUs"})] = 4
    memory: Annotated[
        int, Meta(ge=0, le=65_536, description="Main memory; 0: what Slurm gives.", extra={"unit": "GiB"})
    ] = 8
    time: Annotated[
        int,
        Meta(
            ge=0,
            le=527_040,
            description="Time limit of one job; a run that needs longer saves and goes on in the next. 0: the "
            "partition's.",
            extra={"unit": "minutes"},
        ),
    ] = 0
    grace: Annotated[
        int,
        Meta(
            ge=5,
            le=3600,
            description="So long before the time limit a run finishes its step, saves and is put back into the queue.",
            extra={"unit": "seconds"},
        ),
    ] = 120
    options: Annotated[
        str,
        Meta(
            max_length=1000,
            pattern=r"^(--(qos|constraint|gres|reservation|nodelist|exclude|licenses|nice|exclusive|tmp|"
            r"mail-type|mail-user)(=[\w.,:@+*/&|!\[\]()-]+)?( +|$))*$",
            description="More options for sbatch, separated by blanks: --qos, --constraint, --gres, --reservation, "
            "--nodelist, --exclude, --licenses, --nice, --exclusive, --tmp, --mail-type, --mail-user; each "
            "as --NAME=VALUE.",
        ),
    ] = ""


class RunConfig(Frozen, frozen=True):
    """Everything that decides what a run computes."""

    version: Annotated[int, Meta(ge=1, description="Version of this tree; old files are upgraded on reading.")] = (
        VERSION
    )
    preset: Annotated[str, Meta(description="The preset this run started from; empty if from none.")] = ""
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1, description="Seed of weights, latents and data order.")] = 0
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    recipe: RecipeConfig = RecipeConfig()
    train: TrainConfig = TrainConfig()
    cluster: ClusterConfig = ClusterConfig()

    def __post_init__(self) -> None:
        if self.recipe.name == "classic" and self.train.devices > 1:
            raise ValueError("recipe.name=classic: its batch norm looks at the whole batch; say train.devices=1")


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
