"""Freed memory is used again without the system's help."""

import ctypes
import subprocess
import sys

import pytest

COUNT = """
import resource, torch
from core.gan import heap

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        (torch.ones(6 << 20) + 1).sum()  # two blocks of 24 MB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

without = faults()
assert heap.keep()
faults()
print(without, faults())
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or not hasattr(ctypes.CDLL(None), "mallopt"), reason="another C library"
)
def test_blocks_of_an_update_cost_no_new_pages() -> None:
    done = subprocess.run([sys.executable, "-c", COUNT], capture_output=True, text=True, timeout=60, check=True)
    without, kept = map(int, done.stdout.split())
    assert without > 20_000
    assert kept < without / 50
