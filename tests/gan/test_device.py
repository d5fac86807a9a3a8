"""What `auto` comes to."""

import pytest
import torch

from core.gan import device


def test_the_precision_of_a_cpu_is_the_same_whenever_it_is_asked() -> None:
    """It is timed, but by the processor's clock and with one thread; the run's own number of threads is left alone."""
    before = torch.get_num_threads()
    assert len({device.faster_precision("cpu") for _ in range(3)}) == 1
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(("share", "precision", "looks"), [(0.5, "bf16", 14), (0.9, "fp32", 14), (12.0, "fp32", 4)])
def test_where_bf16_is_emulated_no_time_is_lost_on_it(
    monkeypatch: pytest.MonkeyPatch, share: float, precision: str, looks: int
) -> None:
    looked = []

    def timed(x: torch.Tensor, _weight: torch.Tensor) -> float:
        looked.append(len(x))
        return share if x.dtype == torch.bfloat16 else 1.0

    monkeypatch.setattr(device, "_timed", timed)
    assert device.faster_precision("cpu") == precision
    assert len(looked) == looks
    assert looked[:4] == [4] * 4, "few images at first"
