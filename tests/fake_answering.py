"""Speaks as core.gan.answering does, without torch: rings whose lobes tell the character, the codes and the noise.

FAKE_PROBLEM: what every `load` is answered with. FAKE_PASSED_OVER: a newer checkpoint that could not be read.
"""

import json
import os
import sys
from typing import Any

import numpy as np

KANA = "あいうえおかきくけこ"
SIDE = 32


def load() -> dict[str, Any]:
    if problem := os.environ.get("FAKE_PROBLEM"):
        return {"error": problem}
    over = os.environ.get("FAKE_PASSED_OVER")
    names = ["slant", "thickness", "code 2"]
    return {
        "step": 400,
        "characters": list(KANA),
        "code_names": names,
        "size": SIDE,
        "passed_over": [over] * bool(over),
    }


def draw(request: dict[str, Any]) -> np.ndarray:
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE * 2 - 1
    slant, thickness, twist = request["codes"]
    angle, radius = np.arctan2(y, x), np.hypot(x + slant * y / 2, y)
    return np.stack(
        [
            [
                255 * (abs(radius - 0.5 - 0.2 * np.sin((KANA.index(character) + 2) * angle + seed % 7 + twist)) < width)
                for seed in request["seeds"]
            ]
            for character in request["characters"]
            for width in [0.12 + 0.06 * thickness]
        ]
    ).astype(np.uint8)


for line in sys.stdin.buffer:
    request = json.loads(line)
    images = b""
    if request["do"] == "load":
        head = load()
    else:
        drawn = draw(request)
        images = drawn.tobytes()
        head = {"shape": drawn.shape, "bytes": len(images)}
    sys.stdout.buffer.write(json.dumps({"id": request["id"], **head}).encode() + b"\n" + images)
    sys.stdout.buffer.flush()
