"""Which networks a configuration asks for."""

from torch import nn

from core.config import RunConfig
from core.gan.classic import ClassicDiscriminator, ClassicGenerator
from core.gan.model import Discriminator, Generator


def build_generator(config: RunConfig, classes: int) -> nn.Module:
    """G with fresh weights: Latent -> (B, 1, S, S) in [-1, 1]."""
    model = config.model
    if config.recipe.name == "classic":
        return ClassicGenerator(classes=classes, noise=model.noise, codes=model.codes, pixels=config.data.size)
    return Generator(classes=classes, noise=model.noise, codes=model.codes, size=model.size, pixels=config.data.size)


def build_discriminator(config: RunConfig, classes: int) -> nn.Module:
    """D and Q with fresh weights: images, labels -> Opinion."""
    model, recipe = config.model, config.recipe
    if recipe.name == "classic":
        return ClassicDiscriminator(classes=classes, codes=model.codes, pixels=config.data.size)
    return Discriminator(
        classes=classes,
        codes=model.codes,
        size=model.size,
        pixels=config.data.size,
        cosine=recipe.cosine,
        fake_targets=recipe.fake_targets,
    )
