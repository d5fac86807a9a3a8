"""Which networks a configuration asks for, fresh or with the numbers of a checkpoint."""

from collections.abc import Callable

from torch import nn

from core.errors import ConfigError, RunError
from core.gan.checkpoint import Checkpoint, part, read
from core.gan.classic import ClassicDiscriminator, ClassicGenerator
from core.gan.model import Discriminator, Generator
from core.gan.original import OriginalDiscriminator, OriginalGenerator
from core.gan.saved import names
from core.settings import RecipeConfig, RunConfig

Build = Callable[[RunConfig, int, int], nn.Module]  # configuration, classes, domains

# Networks of the recipes that look at no label: G, then D with Q.
UNSUPERVISED = {
    "classic": (ClassicGenerator, ClassicDiscriminator),
    "infogan": (OriginalGenerator, OriginalDiscriminator),
}


def build_generator(config: RunConfig, classes: int, domains: int = 1) -> nn.Module:
    """G with fresh weights: Latent -> (B, 1, S, S) in [-1, 1]. Without labels: one domain only, else ConfigError."""
    model, recipe = config.model, config.recipe
    if recipe.unsupervised:
        _one_domain(recipe, domains)
        generator, _ = UNSUPERVISED[recipe.name]
        return generator(classes=classes, noise=model.noise, codes=model.codes, pixels=config.data.size)
    return Generator(
        classes=classes,
        noise=model.noise,
        codes=model.codes,
        size=model.size,
        pixels=config.data.size,
        domains=domains,
    )


def build_discriminator(config: RunConfig, classes: int, domains: int = 1) -> nn.Module:
    """D and Q with fresh weights: images, labels -> Opinion."""
    model, recipe = config.model, config.recipe
    if recipe.unsupervised:
        _one_domain(recipe, domains)
        _, discriminator = UNSUPERVISED[recipe.name]
        return discriminator(classes=classes, codes=model.codes, pixels=config.data.size)
    return Discriminator(
        classes=classes,
        codes=model.codes,
        size=model.size,
        pixels=config.data.size,
        cosine=recipe.cosine,
        fake_targets=recipe.fake_targets,
        domains=domains,
    )


def restored(checkpoint: Checkpoint, config: RunConfig, build: Build, prefix: str) -> nn.Module:
    """A network with the checkpoint's numbers under `prefix`. Damaged, or not of this shape: RunError."""
    classes, domains = len(names(checkpoint.facts, "characters")), len(names(checkpoint.facts, "domains", ("",)))
    net = build(config, classes, domains)
    try:
        net.load_state_dict(part(prefix, read(checkpoint)))
    except RuntimeError:
        raise RunError(
            f"checkpoint {checkpoint.path} does not fit the networks of its run's config.json; it is refused"
        ) from None
    return net


def _one_domain(recipe: RecipeConfig, domains: int) -> None:
    if domains > 1:
        raise ConfigError(
            f"recipe.name={recipe.name}: knows no domains; give it one source of data, or take recipe.name=etl"
        )
