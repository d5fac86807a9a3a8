"""Networks of every size and number of classes have the shapes and ranges they promise."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from core.gan.classic import ClassicGenerator, OneMap, UpConv
from core.gan.model import FEATURES, SIZES, Discriminator, Generator, Latent, stage_widths
from core.gan.networks import build_discriminator, build_generator
from core.gan.original import OriginalDiscriminator, OriginalGenerator
from core.settings import RunConfig

Small = Callable[..., RunConfig]
BATCH = 2


def latent(config: RunConfig, classes: int, count: int = BATCH) -> Latent:
    model = config.model
    return Latent(
        torch.randn(count, model.noise), torch.arange(count) % classes, torch.rand(count, model.codes) * 2 - 1
    )


@pytest.mark.parametrize("shape", [(1, 1, 4, 4), (3, 8, 5, 7)])
def test_upconv_is_nearest_doubling_and_a_3x3(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    layer, x = UpConv(shape[1], 6), torch.randn(*shape)
    plain = layer.conv(F.interpolate(x, scale_factor=2, mode="nearest"))
    assert layer(x).shape == (shape[0], 6, 2 * shape[2], 2 * shape[3])
    assert torch.allclose(layer(x), plain, atol=1e-5)
    for mine, expected in zip(
        torch.autograd.grad(layer(x).square().sum(), list(layer.parameters())),
        torch.autograd.grad(plain.square().sum(), list(layer.parameters())),
        strict=True,
    ):
        assert torch.allclose(mine, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 1, 4, 4), (3, 8, 5, 7)])
def test_onemap_is_a_3x3_with_one_output(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    layer, x = OneMap(shape[1]), torch.randn(*shape, requires_grad=True)
    plain = F.conv2d(x, layer.weight, layer.bias, padding=1)
    assert torch.allclose(layer(x), plain, atol=1e-5)
    for mine, expected in zip(
        torch.autograd.grad(layer(x).square().sum(), [x, *layer.parameters()]),
        torch.autograd.grad(plain.square().sum(), [x, *layer.parameters()]),
        strict=True,
    ):
        assert torch.allclose(mine, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("classes", [10, 20, 46, 2965])
@pytest.mark.parametrize("pixels", [32, 64])
@pytest.mark.parametrize("recipe", ["etl", "classic", "infogan"])
def test_any_number_of_classes_builds_and_runs(small: Small, recipe: str, pixels: int, classes: int) -> None:
    config = small(recipe__name=recipe, data__size=pixels)
    generator, discriminator = build_generator(config, classes), build_discriminator(config, classes)
    drawn = latent(config, classes)
    with torch.no_grad():
        images = generator(drawn)
        said = discriminator(images, drawn.label)
    assert images.shape == (BATCH, 1, pixels, pixels)
    assert images.abs().max() <= 1
    assert said.logit.shape == (BATCH,)
    assert said.label.shape == (BATCH, classes)
    assert said.codes.shape == (BATCH, config.model.codes)


@pytest.mark.parametrize("pixels", [32, 64])
@pytest.mark.parametrize("size", SIZES)
def test_every_size_has_its_shapes(size: str, pixels: int) -> None:
    with torch.device("meta"):
        generator = Generator(classes=46, noise=64, codes=4, size=size, pixels=pixels)
        discriminator = Discriminator(classes=46, codes=4, size=size, pixels=pixels, fake_targets=True)
        label = torch.zeros(BATCH, dtype=torch.long)
        images = generator(Latent(torch.empty(BATCH, 64), label, torch.empty(BATCH, 4)))
        said = discriminator(images, label)
    assert images.shape == (BATCH, 1, pixels, pixels)
    assert [tuple(part.shape) for part in said] == [(BATCH,), (BATCH, 92), (BATCH, 4)]


def weights(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


@pytest.mark.parametrize("pixels", [32, 64])
def test_sizes_grow_and_d_is_of_the_size_of_g(pixels: int) -> None:
    counts: list[int] = []
    for size in SIZES:
        with torch.device("meta"):
            g = weights(Generator(classes=10, noise=64, codes=4, size=size, pixels=pixels))
            d = weights(Discriminator(classes=10, codes=4, size=size, pixels=pixels))
        assert 0.25 < d / g < 4
        assert not counts or g > 0.95 * counts[-1]
        counts.append(g)
    assert counts[-1] > 4 * counts[0]


def test_widths_fit_the_image() -> None:
    assert stage_widths("xs", 32) == (128, 64, 32, 16)
    assert stage_widths("xs", 64) == (128, 64, 32, 16, 16)
    assert stage_widths("xl", 32) == (384, 384, 192, 96)


@pytest.mark.filterwarnings("ignore:Initializing zero-element")
@pytest.mark.parametrize("recipe", ["etl", "classic", "infogan"])
def test_no_codes(small: Small, recipe: str) -> None:
    config = small(recipe__name=recipe, model__codes=0)
    drawn = latent(config, 3)
    images = build_generator(config, 3)(drawn)
    assert build_discriminator(config, 3)(images, drawn.label).codes.shape == (BATCH, 0)


def test_an_image_does_not_depend_on_its_batch(small: Small) -> None:
    config = small()
    torch.manual_seed(0)
    generator, drawn = build_generator(config, 3), latent(config, 3, 5)
    alone = generator(drawn.part(slice(1)))
    assert torch.allclose(generator(drawn)[:1], alone, atol=1e-5)


@pytest.mark.parametrize("recipe", ["etl", "classic", "infogan"])
def test_all_parts_of_the_latent_reach_the_image(small: Small, recipe: str) -> None:
    config = small(recipe__name=recipe)
    torch.manual_seed(0)
    generator, drawn = build_generator(config, 3).eval(), latent(config, 3)
    same = generator(drawn)
    for changed in (
        drawn._replace(noise=-drawn.noise),
        drawn._replace(label=(drawn.label + 1) % 3),
        drawn._replace(codes=-drawn.codes),
    ):
        assert (generator(changed) - same).abs().max() > 1e-4


def test_the_logit_looks_at_the_label_only_as_far_as_conditioning_goes(small: Small) -> None:
    config = small()
    discriminator, images = build_discriminator(config, 3), torch.rand(4, 1, 32, 32) * 2 - 1
    first, second = torch.zeros(4, dtype=torch.long), torch.ones(4, dtype=torch.long)
    assert torch.equal(discriminator(images, first, 0.0).logit, discriminator(images, second, 0.0).logit)
    assert not torch.allclose(discriminator(images, first).logit, discriminator(images, second).logit)
    assert torch.equal(discriminator(images, first).label, discriminator(images, second).label)


def test_cosine_logits_stay_within_their_scale(small: Small) -> None:
    discriminator = build_discriminator(small(recipe__cosine=8.0), 46)
    logits = discriminator(torch.rand(4, 1, 32, 32) * 20, torch.zeros(4, dtype=torch.long)).label
    assert logits.shape == (4, 46)
    assert logits.abs().max() <= 8.0001
    assert discriminator.get_parameter("q_label.weight").shape == (46, FEATURES)


def test_batch_norm_of_the_classic_recipe_uses_momentum_as_momentum() -> None:
    norms = [
        m for m in ClassicGenerator(classes=3, noise=4, codes=2, pixels=32).modules() if isinstance(m, nn.BatchNorm2d)
    ]
    assert [norm.eps for norm in norms] == [1e-5] * 3
    assert [norm.momentum for norm in norms] == [0.1, 0.2, 0.2]


def test_the_infogan_papers_networks_have_its_numbers_of_weights() -> None:
    """Appendix C.1: inputs times outputs of every layer, and two numbers a channel where batch norm follows."""
    g = OriginalGenerator(classes=10, noise=62, codes=2, pixels=28)
    d = OriginalDiscriminator(classes=10, codes=2, pixels=28)
    maps = 7 * 7 * 128
    assert weights(g) == 74 * 1024 + 2 * 1024 + 1024 * maps + 2 * 128 + 128 * 64 * 16 + 2 * 64 + 64 * 16 + 1
    shared = 64 * 16 + 64 + 64 * 128 * 16 + 2 * 128 + maps * 1024 + 2 * 1024
    assert weights(d) == shared + 1024 + 1 + (1024 * 128 + 2 * 128) + (128 * 10 + 10) + (128 * 2 + 2)
