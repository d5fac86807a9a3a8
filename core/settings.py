"""The tree that describes a run: frozen, versioned, with default, limits, unit and description at every field.

The `--set` flags, the dashboard's form, `config.json`, the index columns and every error message come from here.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

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
            description="Look of the embedded handwriting: scanned, as a scanner saw it, then prepared; prepared, "
            "clean ink that is prepared as scans are; or clean, ink as the pen draws it."
        ),
    ] = "scanned"
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
        Meta(description="Size of the networks: xs for a CPU; s and m at 32 px, l and xl at 64 px, for a GPU."),
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
    """The adversarial and information losses. `etl` makes labelled data; the others are the InfoGAN paper's method."""

    name: Annotated[
        Literal["etl", "classic", "infogan"],
        Meta(
            description="etl: labels supervise the categorical code. classic: InfoGAN as the public script has it, "
            "unsupervised. infogan: the same with the networks and rates of the paper."
        ),
    ] = "etl"
    adversarial: Annotated[
        Literal["relativistic", "saturating-free", "bce"],
        Meta(
            description="relativistic: paired softplus (RpGAN). saturating-free: non-saturating softplus. "
            "bce: the same on unconditional logits, as classic and infogan use it."
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
    ] = 0.3
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
            description="classic, infogan: softmax before cross-entropy, the public script's mistake, to reproduce its "
            "curves. The categorical loss then cannot fall below ln(e + K - 1) - 1."
        ),
    ] = False

    @property
    def labelled(self) -> bool:
        """Whether anything ties a categorical code to the character it is listed under."""
        return self.label_real > 0 or (self.name == "etl" and self.projection)

    @property
    def unsupervised(self) -> bool:
        """Whether labels are not looked at, and no code is anybody's name."""
        return self.name != "etl"


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
    lr: Annotated[float, Meta(gt=0, le=1, description="Adam's learning rate; G's is lr_generator times as high.")] = (
        5e-4
    )
    lr_generator: Annotated[
        float,
        Meta(gt=0, le=100, description="G's learning rate as a multiple of lr; InfoGAN's paper has 5, of 2e-4."),
    ] = 1.0
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
    compile: Annotated[
        Literal["auto", "on", "off"],
        Meta(
            description="CUDA, recipe etl: what lies between convolutions is compiled, half a minute at the start for "
            "twice the speed; auto: if the run trains on two million images or more."
        ),
    ] = "auto"
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
        if self.recipe.unsupervised and self.train.devices > 1:
            raise ValueError(
                f"recipe.name={self.recipe.name}: its batch norm looks at the whole batch; say train.devices=1"
            )
        if self.recipe.name == "infogan" and self.train.batch_size == 1:
            raise ValueError("recipe.name=infogan: its batch norm wants two images at least; say train.batch_size=2")
