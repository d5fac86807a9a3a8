"""What `auto` comes to."""

import torch

from core.gan import device


def test_the_precision_of_a_cpu_is_the_same_whenever_it_is_asked() -> None:
    """It is timed, but by the processor's clock and with one thread; the run's own number of threads is left alone."""
    before = torch.get_num_threads()
    assert len({device._precision("cpu") for _ in range(3)}) == 1
    assert torch.get_num_threads() == before
