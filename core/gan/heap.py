"""Memory that was freed stays with this process, for the next update asks for the same megabytes again.

glibc gives large blocks back at once and gets them anew as pages that the system must clear first: 5 to 7 % of an
update on a CPU at size XS.
"""

import ctypes
import os
import sys

LARGEST = 32 << 20  # bytes of a block that is kept; glibc allows no more, and what is larger is no update's
AT_ONCE = 64 << 20  # bytes more at a time
_NEVER = 2**31 - 1
VARIABLES = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_")  # glibc's own, for its users
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # mallopt(3)


def keep() -> bool:
    """From now on, in the whole process; False where nothing is changed: another C library, or set by the user."""
    if any(name in os.environ for name in VARIABLES) or not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    wanted = {_MMAP_THRESHOLD: LARGEST, _TRIM_THRESHOLD: _NEVER, _TOP_PAD: AT_ONCE}
    return mallopt is not None and all(mallopt(option, value) for option, value in wanted.items())
