"""The method: known values of every loss, and gradients that go where they should and nowhere else."""

import math
from typing import Literal, NamedTuple

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.gan import infogan
from core.gan.infogan import Real
from core.gan.model import Latent, Opinion
from core.settings import RecipeConfig

CLASSES = (2, 10, 46)


def opinion(count: int, classes: int, codes: int) -> Opinion:
    """What an untrained D might say, as leaves of a graph."""
    random = torch.Generator().manual_seed(1)
    shapes = ((count,), (count, classes), (count, codes))
    return Opinion(*(torch.randn(*shape, generator=random).requires_grad_() for shape in shapes))


def latent(count: int, classes: int, codes: int) -> Latent:
    random = torch.Generator().manual_seed(2)
    label = torch.randint(classes, (count,), generator=random)
    return Latent(torch.randn(count, 5, generator=random), label, torch.rand(count, codes, generator=random) * 2 - 1)


@pytest.mark.parametrize("classes", CLASSES)
def test_uniform_logits_cost_the_logarithm_of_the_classes(classes: int) -> None:
    for logits in (torch.zeros(7, classes), torch.full((7, classes), 3.0)):
        loss = infogan.label_loss(logits, torch.arange(7) % classes)
        assert loss.item() == pytest.approx(math.log(classes), abs=1e-5)


def test_no_codes_cost_nothing() -> None:
    loss = infogan.code_loss(torch.zeros(4, 0, requires_grad=True), torch.zeros(4, 0))
    assert loss.item() == 0


@pytest.mark.parametrize("codes", [1, 3])
def test_knowing_nothing_of_uniform_codes_costs_a_third_each(codes: int) -> None:
    drawn = torch.rand(100_000, codes, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert infogan.code_loss(torch.zeros_like(drawn), drawn).item() == pytest.approx(codes / 3, rel=0.01)
    assert infogan.code_loss(drawn, drawn).item() == 0


def test_images_of_weight_zero_do_not_count() -> None:
    mean, codes = torch.tensor([[0.5], [9.0]]), torch.zeros(2, 1)
    assert infogan.code_loss(mean, codes, torch.tensor([1.0, 0.0])).item() == pytest.approx(0.25)
    assert infogan.code_loss(mean, codes, torch.zeros(2)).item() == 0


@pytest.mark.parametrize("classes", CLASSES)
def test_a_double_softmax_has_a_floor_that_perfect_logits_reach(classes: int) -> None:
    floor = math.log(math.e + classes - 1) - 1
    label = torch.arange(classes)
    perfect = 1e4 * F.one_hot(label, classes).float()
    assert infogan.label_loss(perfect, label, double_softmax=True).item() == pytest.approx(floor, abs=1e-5)
    assert infogan.label_loss(perfect, label).item() == pytest.approx(0, abs=1e-5)
    random = torch.randn(200, classes, generator=torch.Generator().manual_seed(0)) * 50
    each = torch.stack(
        [infogan.label_loss(row[None], row.argmax()[None], double_softmax=True) for row in random]
    )  # the best that any logits can do
    assert each.min().item() >= floor - 1e-5


class Toy(nn.Module):
    """A generator of 16 numbers and a Q that reads them."""

    def __init__(self, classes: int, codes: int) -> None:
        super().__init__()
        self.classes = classes
        self.g = nn.Sequential(nn.Linear(5 + classes + codes, 64), nn.ReLU(), nn.Linear(64, 16), nn.Tanh())
        self.q = nn.Sequential(nn.Linear(16, 64), nn.ReLU())
        self.label, self.codes = nn.Linear(64, classes), nn.Linear(64, codes)

    def forward(self, drawn: Latent) -> Opinion:
        image = self.g(torch.cat([drawn.noise, F.one_hot(drawn.label, self.classes), drawn.codes], 1))
        h = self.q(image)
        return Opinion(image[:, 0], self.label(h), self.codes(h))


@pytest.mark.parametrize("recipe", ["etl", "classic"])
def test_the_information_loss_falls_far_below_a_double_softmax(recipe: str) -> None:
    torch.manual_seed(0)
    classes, codes = 10, 2
    toy = Toy(classes, codes)
    optimiser = torch.optim.Adam(toy.parameters(), lr=5e-3)
    told = RecipeConfig(name="classic", adversarial="bce", label_fake=1.0, code=1.0, label_real=0.0)
    for _ in range(250):
        label = torch.randint(classes, (64,))
        drawn = Latent(torch.randn(64, 5), label, torch.rand(64, codes) * 2 - 1)
        said = toy(drawn)
        if recipe == "classic":
            real = Real(torch.zeros(64, 1), label, torch.zeros(64, 0), None)
            losses = infogan.unsupervised_losses(real, drawn, said, said, told)
        else:
            real = Real(torch.zeros(64, 1), label, torch.zeros(64, 0), torch.ones(64))
            losses = infogan.etl_losses(real, drawn, said, said, told)
        optimiser.zero_grad()
        (losses.generator - losses.g).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    assert losses.info_cat.item() < 0.2  # a double softmax stays above 1.46
    assert losses.info_con.item() < 0.15  # knowing nothing costs 0.67
    assert losses.q_fake.item() > 0.95


def test_equal_logits_cost_both_sides_the_same() -> None:
    equal = torch.randn(9, generator=torch.Generator().manual_seed(0))
    for side in (infogan.adversarial_d, infogan.adversarial_g):
        assert side("relativistic", equal, equal).item() == pytest.approx(math.log(2))
    assert infogan.adversarial_d("bce", torch.zeros(3), torch.zeros(3)).item() == pytest.approx(2 * math.log(2))
    assert infogan.adversarial_g("bce", torch.zeros(3), torch.zeros(3)).item() == pytest.approx(math.log(2))


@pytest.mark.parametrize("kind", ["relativistic", "saturating-free", "bce"])
def test_the_sides_want_opposite_things(kind: str) -> None:
    real, fake = torch.zeros(4, requires_grad=True), torch.zeros(4, requires_grad=True)
    d_real, d_fake = torch.autograd.grad(infogan.adversarial_d(kind, real, fake), (real, fake))
    (g_fake,) = torch.autograd.grad(infogan.adversarial_g(kind, real, fake), fake)
    assert (d_real < 0).all()
    assert (d_fake > 0).all()
    assert (g_fake < 0).all()


def test_swapping_real_and_generated_swaps_the_relativistic_losses() -> None:
    a, b = torch.randn(2, 9, generator=torch.Generator().manual_seed(0))
    assert torch.equal(infogan.adversarial_d("relativistic", a, b), infogan.adversarial_g("relativistic", b, a))


def test_the_penalty_of_a_linear_discriminator_is_its_weights_squared() -> None:
    weight = torch.arange(1.0, 10.0).view(1, 1, 3, 3).requires_grad_()
    images = torch.randn(5, 1, 3, 3).requires_grad_()
    penalty = infogan.gradient_penalty((images * weight).sum((1, 2, 3)) + 7, images)
    assert penalty.item() == pytest.approx(285)  # 1 + 4 + ... + 81
    penalty.backward()  # type: ignore[no-untyped-call]
    assert weight.grad is not None
    assert torch.allclose(weight.grad, 2 * weight)


def test_the_penalty_of_a_quadratic_discriminator() -> None:
    images = torch.tensor([1.0, 2.0]).view(2, 1, 1, 1).requires_grad_()
    penalty = infogan.gradient_penalty(images.square().sum((1, 2, 3)), images)
    assert penalty.item() == pytest.approx((2**2 + 4**2) / 2)


class Case(NamedTuple):
    real: Real
    drawn: Latent
    on_real: Opinion
    on_fake: Opinion


def case(*, classes: int = 4, heads: int = 4, codes: int = 3, anchored: int = 2) -> Case:
    drawn = latent(6, classes, codes)
    real = Real(torch.zeros(6, 1, 2, 2), drawn.label, torch.zeros(6, anchored), torch.ones(6))
    return Case(real, drawn, opinion(6, heads, codes), opinion(6, heads, codes))


def test_the_loss_of_recipe_etl_is_the_sum_of_its_parts() -> None:
    told = RecipeConfig(label_real=0.5, label_fake=0.2, code=0.1)
    real, drawn, on_real, on_fake = case()
    losses = infogan.etl_losses(real, drawn, on_real, on_fake, told)
    anchors = infogan.code_loss(on_real.codes[:, :2], real.codes)
    expected = (
        losses.d
        + 0.5 * F.cross_entropy(on_real.label, real.label)
        + 0.1 * infogan.code_loss(on_fake.codes, drawn.codes)
        + 0.1 * anchors
    )
    assert torch.allclose(losses.discriminator, expected)
    assert torch.allclose(losses.generator, losses.g + 0.2 * losses.info_cat + 0.1 * losses.info_con)


def test_generated_images_do_not_teach_q_their_label_in_recipe_etl() -> None:
    real, drawn, on_real, on_fake = case()
    losses = infogan.etl_losses(real, drawn, on_real, on_fake, RecipeConfig())
    (gradient,) = torch.autograd.grad(losses.discriminator, on_fake.label, allow_unused=True)
    assert gradient is None


def test_real_images_whose_slant_was_changed_do_not_teach_q_their_slant() -> None:
    real, drawn, on_real, on_fake = case()
    losses = infogan.etl_losses(
        real._replace(intact=torch.tensor([1.0, 0, 1, 0, 1, 0])), drawn, on_real, on_fake, RecipeConfig()
    )
    (gradient,) = torch.autograd.grad(losses.discriminator, on_real.codes)
    assert gradient[::2, :2].abs().min() > 0
    assert gradient[1::2].abs().max() == 0
    assert gradient[:, 2].abs().max() == 0  # a code that is not anchored: real images say nothing of it


@pytest.mark.parametrize(("recipe", "part"), [("classic", 0.5), ("infogan", 1.0)])
def test_unsupervised_means_that_labels_of_real_images_are_not_looked_at(
    recipe: Literal["classic", "infogan"], part: float
) -> None:
    told = RecipeConfig(name=recipe, adversarial="bce", label_fake=1.0, label_real=0.0, code=0.1)
    real, drawn, on_real, on_fake = case()
    losses = infogan.unsupervised_losses(real, drawn, on_real, on_fake, told)
    (gradient,) = torch.autograd.grad(losses.discriminator, on_real.label, allow_unused=True)
    assert gradient is None
    information = losses.info_cat + 0.1 * losses.info_con
    assert torch.allclose(losses.discriminator, losses.d + information)
    assert torch.allclose(losses.generator, losses.g + information)
    assert torch.allclose(losses.d, part * infogan.adversarial_d("bce", on_real.logit, on_fake.logit))


def test_with_labels_added_the_classic_q_learns_them_too() -> None:
    told = RecipeConfig(name="classic", adversarial="bce", label_fake=1.0, label_real=0.5, code=0.1)
    real, drawn, on_real, on_fake = case()
    losses = infogan.unsupervised_losses(real, drawn, on_real, on_fake, told)
    (gradient,) = torch.autograd.grad(losses.discriminator, on_real.label, retain_graph=True)
    expected = 0.5 * (on_real.label.softmax(1) - F.one_hot(real.label, on_real.label.shape[1])) / len(real.label)
    assert torch.allclose(gradient, expected, atol=1e-6)
    (of_g,) = torch.autograd.grad(losses.generator, on_real.label, allow_unused=True)
    assert of_g is None


def two_k(label: Tensor, classes: int, *, generated: bool, sure: float = 20.0) -> Tensor:
    """Logits that are sure of the class, and of real or generated."""
    return sure * F.one_hot(label + classes * generated, 2 * classes).float()


def test_with_2k_targets_real_and_generated_class_are_one_answer() -> None:
    label = torch.tensor([0, 1, 2, 3])
    for generated in (False, True):
        assert infogan.accuracy(two_k(label, 4, generated=generated), label, 4).item() == 1
    assert infogan.accuracy(two_k((label + 1) % 4, 4, generated=True), label, 4).item() == 0


def test_with_2k_targets_the_generator_wants_to_be_read_as_real() -> None:
    label, told = torch.tensor([0, 1, 2, 3]), RecipeConfig(fake_targets=True)
    as_real = infogan.generated_label_loss(two_k(label, 4, generated=False), label, 4, told)
    as_fake = infogan.generated_label_loss(two_k(label, 4, generated=True), label, 4, told)
    assert as_real.item() == pytest.approx(-20)
    assert as_fake.item() == pytest.approx(20)
    assert infogan.generated_label_loss(torch.zeros(4, 8), label, 4, told).item() == 0


def test_with_2k_targets_q_learns_that_generated_images_are_generated() -> None:
    told = RecipeConfig(fake_targets=True, label_real=0.5)
    real, drawn, on_real, on_fake = case(heads=8)
    losses = infogan.etl_losses(real, drawn, on_real, on_fake, told)
    (gradient,) = torch.autograd.grad(losses.discriminator, on_fake.label)
    expected = 0.5 * (on_fake.label.softmax(1) - F.one_hot(drawn.label + 4, 8)) / len(drawn.label)
    assert torch.allclose(gradient, expected, atol=1e-6)
