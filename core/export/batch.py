"""What is drawn, on its way to a format; without torch, for the processes that only write."""

from collections.abc import Generator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]
Integers = NDArray[np.int64]
Floats = NDArray[np.float32]
Reports = Generator[tuple[int, dict[str, Any]], None, None]  # shards as they are whole, with what was counted


class Batch(NamedTuple):
    """Consecutive samples."""

    first: int  # number of the first one in the export
    images: Images  # (n, H, W), 255 = ink unless black_on_white
    labels: Integers  # (n,) places in the request's characters
    turns: Integers  # (n,) which sample of its character; with `writers` the writer
    codes: Floats  # (n, C)
    confidence: Floats | None  # (n,) of the judge in the character asked for; None where nobody was asked
