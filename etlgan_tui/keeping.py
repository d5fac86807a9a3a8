"""A picture of the playground as a PNG in its run's directory, that says in words what it shows."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from core.errors import RunError
from core.rundir import RunDir, write_atomic

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from etlgan_tui.arranging import Drawn

_MOST = 9999  # pictures of one step


def keep(run: RunDir, step: int, images: NDArray[np.uint8], *, says: dict[str, str]) -> Path:
    """(R, C, S, S), 255 = ink -> dark ink on white, at the size that it was drawn. The file is named by step and count.

    No room, no permission, the run has gone: OSError or RunError.
    """
    if not run.path.is_dir():
        raise RunError(f"{run.path} has gone; there is nowhere to keep the picture")
    content = _png(images, says)
    run.kept.mkdir(exist_ok=True)
    path = _reserved(run, step)
    try:
        write_atomic(path, content)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def says(drawn: Drawn, run_id: str) -> dict[str, str]:
    """What stands in a kept picture."""
    wanted = drawn.asked.wanted
    return {
        "Software": "etlgan",
        "Source": f"{run_id}, step {drawn.step}",
        "Characters": "".join(drawn.asked.spelling.signs if drawn.asked.one_hand else wanted.characters),
        "Codes": " ".join(f"{value:g}" for value in wanted.codes),
        "Noise": " ".join(map(str, wanted.seeds)),
    }


def _reserved(run: RunDir, step: int) -> Path:
    """The first free name, taken: two dashboards never write one file."""
    for number in range(1, _MOST + 1):
        path = run.kept_picture(step, number)
        try:
            path.touch(exist_ok=False)
        except FileExistsError:
            continue
        return path
    raise RunError(f"{run.kept} holds {_MOST:,} pictures of step {step:,}; move some of them away")


def _png(images: NDArray[np.uint8], says: dict[str, str]) -> bytes:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    rows, across, side, _ = images.shape
    mosaic = images.transpose(0, 2, 1, 3).reshape(rows * side, across * side)
    info = PngInfo()
    for name, value in says.items():
        info.add_itxt(name, value)
    buffer = io.BytesIO()
    Image.fromarray(255 - mosaic).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()
