"""Who holds the pen: a writer is a row of traits, the same for every character he or she writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from core.glyphs.penman.noise import Floats, Keys, Noise


class Trait(NamedTuple):
    law: Literal["plus", "times", "between"]  # a + b z, a exp(b z), uniform from a to b
    a: float
    b: float


TRAITS: dict[str, Trait] = {
    #                      law       a       b        unit and meaning
    "slant":      Trait("plus",    0.00,   0.070),  # shear of x by y: leaning to the right
    "rise":       Trait("plus",    0.035,  0.045),  # shear of y by x: horizontals rise to the right
    "aspect":     Trait("times",   1.00,   0.070),  # width by height
    "size":       Trait("times",   0.85,   0.075),  # of the box
    "right":      Trait("plus",    0.00,   0.045),  # em off the middle
    "down":       Trait("plus",    0.00,   0.045),  # em off the middle
    "width":      Trait("times",   0.0844, 0.220),  # em across the pen's line: 2.7 pixels at 64
    "dark":       Trait("plus",    0.86,   0.100),  # ink of a full line, 1 is black
    "thinning":   Trait("between", 0.10,   0.450),  # of the line where the pen is fast
    "cursive":    Trait("between", 0.00,   1.000),  # neat to running hand
    "round":      Trait("between", 0.40,   2.600),  # corners, in points along the line
    "curl":       Trait("plus",    0.00,   0.170),  # curves exaggerated or flattened
    "tremor":     Trait("times",   0.0035, 0.400),  # em
    "sloppy":     Trait("times",   1.29,   0.240),  # factor on all shape noise
    "pressure":   Trait("plus",    0.00,   0.250),  # start heavier than end
    "sweep":      Trait("between", 0.00,   1.000),  # how much sweeps thin out
    "wide":       Trait("plus",    0.00,   0.050),  # horizontals longer than verticals
    "neat":       Trait("between", 0.70,   1.000),  # share of a gap at a junction that is closed
    "grain":      Trait("between", 0.10,   0.400),  # paper tooth in the line
    "blur":       Trait("between", 0.25,   0.700),  # pixels at 64
    "paper":      Trait("between", 0.00,   1.000),  # rank of the sheet's grey among all sheets
}  # fmt: skip
LIMITS = {"dark": (0.6, 1.0), "size": (0.7, 1.0), "sloppy": (0.7, 2.0)}  # beyond, nobody can read it
WARP_TERMS = 5  # of the terms of the warp (see pen.py) that have a personal part
WARP = 0.026  # em
WARP_LIMIT = 1.8  # deviations: the terms add up

CURSIVE_POWER = 1.6  # most people write neatly


@dataclass(frozen=True)
class Style:
    """Traits of B writers, each (B,); `warp` bends the whole character."""

    slant: Floats
    rise: Floats
    aspect: Floats
    size: Floats
    right: Floats
    down: Floats
    width: Floats
    dark: Floats
    thinning: Floats
    cursive: Floats
    round: Floats
    curl: Floats
    tremor: Floats
    sloppy: Floats
    pressure: Floats
    sweep: Floats
    wide: Floats
    neat: Floats
    grain: Floats
    blur: Floats
    paper: Floats
    warp: Floats  # (B, 2, WARP_TERMS)


def style(keys: Keys) -> Style:
    """(B,) keys of writers -> their traits."""
    noise = Noise(keys)
    values = {name: _value(trait, noise) for name, trait in TRAITS.items()}
    values["cursive"] = values["cursive"] ** np.float32(CURSIVE_POWER)
    for name, (low, high) in LIMITS.items():
        values[name] = np.clip(values[name], low, high)
    return Style(**values, warp=WARP * np.clip(noise.normal(2, WARP_TERMS), -WARP_LIMIT, WARP_LIMIT))


def _value(trait: Trait, noise: Noise) -> Floats:
    if trait.law == "between":
        return np.float32(trait.a) + np.float32(trait.b - trait.a) * noise.uniform(1)[:, 0]
    z = np.float32(trait.b) * noise.normal(1)[:, 0]
    return np.float32(trait.a) + z if trait.law == "plus" else np.float32(trait.a) * np.exp(z)
