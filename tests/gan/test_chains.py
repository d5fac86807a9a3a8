"""What a GPU does in fewer passes: the same numbers as the plain way, and a run that goes on where it cannot."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from core.gan import chains
from core.gan.chains import Chains, chained
from core.gan.model import Discriminator, Generator, Latent
from core.gan.twice import twice
from core.settings import RunConfig

from .test_engine import engine

Small = Callable[..., RunConfig]


@pytest.mark.parametrize(("side", "stride"), [(3, 1), (4, 2)])
@pytest.mark.parametrize("biased", [True, False])
def test_a_convolution_has_the_derivatives_of_torchs_own(side: int, stride: int, biased: bool) -> None:
    """First and second ones, by differences, for image, kernel and bias."""
    torch.manual_seed(0)
    inputs = [torch.randn(shape, dtype=torch.float64) for shape in ((2, 3, 8, 8), (4, 3, side, side), (4,))]
    taken = [tensor.requires_grad_() for tensor in inputs[: 3 if biased else 2]]

    def mine(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        return twice(x, weight, bias, stride, 1)

    usual = torch.nn.functional.conv2d(taken[0], taken[1], taken[2] if biased else None, stride, 1)
    assert torch.equal(mine(*taken), usual)
    assert torch.autograd.gradcheck(mine, taken)
    assert torch.autograd.gradgradcheck(mine, taken)


def test_a_convolution_computes_in_autocasts_precision() -> None:
    x, weight = torch.randn(2, 3, 8, 8), torch.randn(4, 3, 3, 3, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        made = twice(x, weight, None, 1, 1)
        usual = torch.nn.functional.conv2d(x, weight, None, 1, 1)
    assert made.dtype == torch.bfloat16
    assert torch.equal(made, usual)
    made.sum().backward()  # type: ignore[no-untyped-call]
    assert weight.grad is not None
    assert weight.grad.dtype == torch.float32


@pytest.fixture
def doubles() -> object:
    """fp64, so that what differs is a mistake and not rounding."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("doubles")
def test_networks_with_chains_are_the_same_function() -> None:
    torch.manual_seed(0)
    nets = [
        Generator(classes=3, noise=5, codes=2, size="xs", pixels=32),
        Discriminator(classes=3, codes=2, size="xs", pixels=32),
    ]
    for net in nets:
        for weight in net.parameters():
            torch.nn.init.normal_(weight, std=0.1)  # biases too
    latent = Latent(torch.randn(4, 5), torch.tensor([0, 1, 2, 0]), torch.rand(4, 2))

    def drawn_and_judged(how: Chains | None) -> list[Tensor]:
        with chained(nets[0], how), chained(nets[1], how):
            image = nets[0](latent)
            opinion = nets[1](image, latent.label)
        weights = [weight for net in nets for weight in net.parameters()]
        total = sum(part.square().sum() for part in opinion)
        return [image, *opinion, *torch.autograd.grad(total, weights, allow_unused=True, materialize_grads=True)]

    for plain, chain in zip(drawn_and_judged(None), drawn_and_judged(Chains()), strict=True):
        assert torch.allclose(plain, chain, rtol=1e-9, atol=1e-12)
    assert all(block.chains is None for net in nets for block in net.modules() if isinstance(block, chains.Block))


def test_training_with_chains_goes_the_same_way(small: Small) -> None:
    """Ten updates, two of them with penalties, for which D does without."""
    plain, chain = (engine(small(recipe__r1=1.0, recipe__r2=1.0, recipe__penalty_every=5)) for _ in range(2))
    chain._chains = Chains()
    for made in (plain, chain):
        made.advance(0, 10)
    for one, other in zip(plain.generator.parameters(), chain.generator.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-3)


def test_where_nothing_can_be_compiled_training_goes_on_and_says_so(
    small: Small, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> Tensor:
        raise RuntimeError("no C compiler\na page of it")

    monkeypatch.setattr(chains, "compiled", lambda: Chains(styled=refused))
    plain, made = engine(small()), engine(small())
    made._compile()
    assert made._chains is None
    told = capsys.readouterr().out.splitlines()
    assert told[1:] == ["cannot compile (no C compiler); training goes on without"]
    for each in (plain, made):
        each.advance(0, 3)
    assert all(torch.equal(tensor, made.tensors()[name]) for name, tensor in plain.tensors().items())


def test_memory_that_runs_out_while_compiling_is_told_as_that(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(chains, "compiled", lambda: Chains(styled=full))
    with pytest.raises(torch.OutOfMemoryError):
        engine(small())._compile()


@pytest.mark.parametrize(
    ("device", "changes", "wanted"),
    [
        ("cuda", {"train__steps": 31250, "train__batch_size": 64}, True),
        ("cuda", {"train__steps": 31249, "train__batch_size": 64}, False),
        ("cuda", {"train__steps": 10, "train__compile": "on"}, True),
        ("cuda", {"train__steps": 10_000_000, "train__compile": "off"}, False),
        ("cuda", {"train__compile": "on", "recipe__name": "classic"}, False),
        ("cpu", {"train__compile": "on"}, False),
    ],
)
def test_long_runs_on_a_gpu_compile(small: Small, device: str, changes: dict[str, object], wanted: bool) -> None:
    made = engine(small(train__batch_size=4), codes=0 if changes.get("recipe__name") else 2)
    made.config, made.device = small(**changes), torch.device(device)
    assert made._compiles() is wanted
