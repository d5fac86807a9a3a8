"""Our Adam against torch's own, and its state across a save."""

from collections.abc import Callable

import pytest
import torch

from core.gan import adam
from core.gan.adam import Adam

BETAS = (0.5, 0.99)


def tensors(seed: int) -> list[torch.Tensor]:
    """A matrix, a channels-last kernel, a vector that is never used, and one without elements."""
    random = torch.Generator().manual_seed(seed)
    kernel = torch.randn(5, 3, 4, 4, generator=random).contiguous(memory_format=torch.channels_last)
    return [torch.randn(3, 4, generator=random), kernel, torch.randn(2, generator=random), torch.zeros(0, 4)]


def gradients(seed: int) -> list[torch.Tensor | None]:
    matrix, kernel, _, nothing = tensors(100 + seed)
    return [matrix, kernel.contiguous(), None, nothing]  # the kernel's gradient comes laid out in another way


@pytest.mark.parametrize("update", [adam._fused, adam._plain])
def test_it_is_torchs_adam(update: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adam, "_fused", update)
    mine, theirs = tensors(0), tensors(0)
    ours = Adam(mine, betas=BETAS)
    reference = torch.optim.Adam(theirs, lr=0.1, betas=BETAS)
    for step in range(5):
        ours.step(gradients(step), torch.tensor(0.1))
        for tensor, gradient in zip(theirs, gradients(step), strict=True):
            tensor.grad = None if gradient is None else gradient.clone()
        reference.step()
    for a, b in zip(mine, theirs, strict=True):
        assert torch.allclose(a, b, rtol=1e-5, atol=1e-6)
    assert torch.equal(mine[2], tensors(0)[2])


def test_it_goes_on_as_it_was() -> None:
    whole, part = tensors(0), tensors(0)
    first, second = Adam(whole, betas=BETAS), Adam(part, betas=BETAS)
    for step in range(4):
        first.step(gradients(step), torch.tensor(0.1))
    for step in range(2):
        second.step(gradients(step), torch.tensor(0.1))
    later = Adam(part, betas=BETAS)
    later.load({name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in second.tensors().items()})
    for step in range(2, 4):
        later.step(gradients(step), torch.tensor(0.1))
    assert all(torch.equal(a, b) for a, b in zip(whole, part, strict=True))


@pytest.mark.parametrize("state", [{"0.exp_avg": torch.zeros(9)}, {"7.exp_avg": torch.zeros(3, 4)}])
def test_another_models_state_is_refused(state: dict[str, torch.Tensor]) -> None:
    with pytest.raises(RuntimeError):
        Adam(tensors(0), betas=BETAS).load(state)
