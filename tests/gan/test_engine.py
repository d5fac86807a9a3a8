"""The step: each side moves by its own loss only, and the random numbers hang on seed and step."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from core.config import RunConfig
from core.errors import RunError
from core.gan.device import Resolved
from core.gan.engine import Engine
from core.gan.infogan import Losses
from core.gan.pool import Pool
from core.gan.sample import Sampler
from core.rundir import RunDir

Small = Callable[..., RunConfig]
CLASSES = 3


def engine(config: RunConfig, *, codes: int = 2, precision: str = "fp32") -> Engine:
    """On noise images: no glyphs are needed to see where gradients go."""
    random = torch.Generator().manual_seed(0)
    images = torch.randint(256, (30, 32, 32), generator=random, dtype=torch.uint8).numpy()
    anchors = (torch.rand(30, codes, generator=random) * 2 - 1).numpy()
    pool = Pool(images, (torch.arange(30) % CLASSES).numpy(), anchors, torch.device("cpu"))
    return Engine(config, pool, CLASSES, Resolved("cpu", precision, 1))


def copied(net: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in net.parameters()]


def moved(net: nn.Module, before: list[Tensor]) -> list[bool]:
    return [not torch.equal(a, b) for a, b in zip(net.parameters(), before, strict=True)]


RECIPES = [
    {},
    {"recipe__name": "classic"},
    {"recipe__fake_targets": True, "recipe__cosine": 8.0, "recipe__r2": 0.3},
    {"recipe__augment": 0.7, "recipe__ramp": 0.5, "recipe__adversarial": "saturating-free"},
]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_step_moves_both_sides(small: Small, recipe: dict[str, object]) -> None:
    made = engine(small(**recipe), codes=0 if recipe.get("recipe__name") else 2)
    sides = (made.generator, made.discriminator, made.average)
    before = [copied(side) for side in sides]
    for step in range(3):
        made.step(step)
    for side, old in zip(sides, before, strict=True):
        still = [name for (name, _), yes in zip(side.named_parameters(), moved(side, old), strict=True) if not yes]
        assert set(still) <= {"logit.bias", "q_label.bias"}, still  # pairs cancel the one, cosine logits have no other
    means = made.read()
    assert set(means) == {"d", "g", "info_cat", "info_con", "q_real", "q_fake"}
    assert made.finite()


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("side", ["generator", "discriminator"])
def test_each_side_moves_by_its_own_loss_only(
    small: Small, monkeypatch: pytest.MonkeyPatch, side: str, recipe: dict[str, object]
) -> None:
    """With the other loss made ten times as large, this side's update is the same to the last digit."""
    codes = 0 if recipe.get("recipe__name") else 2
    plain, heavy = engine(small(**recipe), codes=codes), engine(small(**recipe), codes=codes)
    other = "discriminator" if side == "generator" else "generator"
    losses_of = heavy._losses

    def weighed(step: int) -> Losses:
        losses = losses_of(step)
        return losses._replace(**{other: 10 * getattr(losses, other)})

    monkeypatch.setattr(heavy, "_losses", weighed)
    plain.step(0)
    heavy.step(0)
    mine, theirs = ([getattr(plain, name), getattr(heavy, name)] for name in (side, other))
    assert all(
        torch.equal(a.grad, b.grad) for a, b in zip(*(m.parameters() for m in mine), strict=True) if a.grad is not None
    )
    assert not all(
        torch.equal(a.grad, b.grad)
        for a, b in zip(*(m.parameters() for m in theirs), strict=True)
        if a.grad is not None
    )


def test_gradients_are_those_of_the_written_losses(small: Small) -> None:
    """What `step` leaves in .grad is what autograd says of each loss, taken alone on a fresh graph."""
    made = engine(small())
    twin = copy.deepcopy(made)
    made.step(0)
    torch.manual_seed(1)  # _key(0, 0)
    for name in ("generator", "discriminator"):
        torch.manual_seed(1)
        net = getattr(twin, name)
        expected = torch.autograd.grad(getattr(twin._losses(0), name), list(net.parameters()), allow_unused=True)
        for parameter, gradient in zip(getattr(made, name).parameters(), expected, strict=True):
            assert (parameter.grad is None) == (gradient is None)
            if gradient is not None:
                assert torch.allclose(parameter.grad, gradient, rtol=1e-4, atol=1e-7)


def test_a_step_depends_on_seed_and_number_only(small: Small) -> None:
    first, second, other = engine(small()), engine(small()), engine(small())
    torch.manual_seed(99)
    torch.rand(1000)
    first.step(7)
    torch.manual_seed(1)
    second.step(7)
    other.step(8)
    tensors = [e.tensors() for e in (first, second, other)]
    assert all(torch.equal(tensors[0][name], tensors[1][name]) for name in tensors[0])
    assert not torch.equal(tensors[0]["generator.out.weight"], tensors[2]["generator.out.weight"])


def test_bf16_works_in_bf16_and_reports_in_fp32(small: Small) -> None:
    made, seen = engine(small(), precision="bf16"), list[torch.dtype]()
    made.generator.register_forward_hook(lambda _net, _given, images: seen.append(images.dtype))
    made.step(0)
    assert seen == [torch.bfloat16]
    assert made._losses(1).discriminator.dtype == torch.float32
    assert made.finite()
    exact = engine(small())
    exact.step(0)
    rough, fine = made.read(), exact.read()
    assert rough["d"] == pytest.approx(fine["d"], rel=0.05)
    assert rough != fine


@pytest.mark.filterwarnings("ignore:Initializing zero-element")
@pytest.mark.parametrize("recipe", ["etl", "classic"])
def test_without_codes_their_loss_is_zero(small: Small, recipe: str) -> None:
    made = engine(small(model__codes=0, recipe__name=recipe), codes=0)
    made.step(0)
    assert made.read()["info_con"] == 0
    again = engine(small(model__codes=0, recipe__name=recipe), codes=0)
    again.load(made.tensors())
    again.step(1)
    assert again.finite()


def test_an_engine_goes_on_as_it_was(small: Small) -> None:
    config = small(recipe__augment=0.5, train__steps=6)
    whole = engine(config)
    for step in range(5):
        whole.step(step)
    part = engine(config)
    for step in range(3):
        part.step(step)
    later = engine(config)
    later.load({name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in part.tensors().items()})
    for step in range(3, 5):
        later.step(step)
    for name, tensor in whole.tensors().items():
        assert torch.equal(later.tensors()[name], tensor), name
    assert whole.read() == later.read()


@pytest.mark.parametrize("change", [{"model__size": "s"}, {"model__codes": 3}, {"recipe__name": "classic"}])
def test_another_models_tensors_are_refused_in_one_line(small: Small, change: dict[str, object]) -> None:
    foreign = engine(small(**change)).tensors()
    with pytest.raises(RunError, match="does not fit") as told:
        engine(small()).load(foreign)
    assert "\n" not in str(told.value)


def test_missing_tensors_are_refused(small: Small) -> None:
    made = engine(small())
    for name in ("engine.sums", "average.out.bias"):
        with pytest.raises(RunError, match="does not fit"):
            made.load({key: value for key, value in made.tensors().items() if key != name})


@pytest.mark.parametrize("where", ["generator", "discriminator"])
def test_broken_weights_are_noticed_though_the_losses_were_numbers(small: Small, where: str) -> None:
    made = engine(small())
    made.step(0)
    with torch.no_grad():
        next(iter(getattr(made, where).parameters())).view(-1)[0] = float("nan")
    assert not made.finite()


def test_the_rate_is_constant_then_falls_to_its_end(small: Small) -> None:
    made, rates = engine(small(train__steps=100, train__lr=1e-3, train__lr_final=0.1)), list[float]()
    for step in range(101):
        made._set_rate(step)
        rates.append(made.optimisers["generator"].param_groups[0]["lr"])
    assert rates[:51] == [1e-3] * 51
    assert rates[50:] == sorted(rates[50:], reverse=True)
    assert rates[100] == pytest.approx(1e-4)
    assert made.optimisers["discriminator"].param_groups[0]["lr"] == rates[-1]


def test_conditioning_ramps_in(small: Small) -> None:
    made = engine(small(train__steps=100, recipe__ramp=0.5))
    assert [made._conditioning(step) for step in (0, 25, 50, 99)] == [0, 0.5, 1, 1]
    assert engine(small())._conditioning(0) == 1


def test_the_average_follows_slowly_or_is_the_generator(small: Small) -> None:
    exact, slow = engine(small(recipe__ema=0.0)), engine(small(recipe__ema=0.5, train__steps=100))
    for made in (exact, slow):
        for step in range(12):
            made.step(step)
    assert all(torch.equal(a, b) for a, b in zip(exact.average.parameters(), exact.generator.parameters(), strict=True))
    assert not any(moved(exact.average, copied(exact.generator)))
    assert all(moved(slow.average, copied(slow.generator)))


def test_a_sampler_knows_no_anchored_codes_of_the_classic_recipe(small: Small) -> None:
    config = small(recipe__name="classic", model__anchored=2)
    assert Sampler(nn.Identity(), config, ("あ",), 0).code_names == ["code 0", "code 1"]


def test_no_checkpoint_is_told(small: Small, new_run: Callable[..., RunDir]) -> None:
    with pytest.raises(RunError, match="no checkpoint yet"):
        Sampler.load(new_run(small()))
