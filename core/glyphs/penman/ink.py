"""How wide and dark the line is along each stroke, and what the pen leaves between two strokes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from core.glyphs.penman.master import CONNECTOR_POINTS, HOOKS, SWEEPS, Master
from core.glyphs.penman.noise import Floats, Noise
from core.glyphs.penman.writer import Style

PRESSURE = 0.07  # unevenness of the pressure along a line, as a share
FAINTEST = 0.55  # darkness of a line as thin as nothing, as a share of a full one
FULL_JOIN = 0.42  # chance that a running hand joins two near strokes
TAIL = 0.35  # chance that it leaves a tail behind a stroke
LEAD = 0.22  # ... or before the next one


class Trace(NamedTuple):
    """Points of the connectors between strokes, and how wide and dark each point is."""

    points: Floats  # (2, B, K)
    width: Floats  # (B, K) share of the pen's width; 0: pen up
    dark: Floats  # (B, K) share of the pen's darkness


def width(master: Master, style: Style, noise: Noise) -> Floats:
    """(B, N) share of the pen's width along the strokes."""
    t = master.along
    thin = 1 - style.thinning[:, None] * (1 - master.slowness)
    lean = 1 + 0.6 * style.pressure[:, None] * (0.5 - t)
    attack = np.clip(t * master.count / 2.2 + 0.55, 0, 1)
    raw = noise.normal(len(t) + 4)
    uneven = sum(raw[:, i : i + len(t)] for i in range(5)) * np.float32(PRESSURE * 0.8)
    result: Floats = thin * lean * attack * _release(master, style, noise) * (1 + uneven)
    return result


def dark(width: Floats) -> Floats:
    """A pressed line is wide and dark, a light one thin and pale."""
    shade: Floats = np.minimum(FAINTEST + (1 - FAINTEST) * width, 1.1)
    return shade


def _release(master: Master, style: Style, noise: Noise) -> Floats:
    """(B, N) what is left of the width towards the end: sweeps and hooks thin out, other strokes stop."""
    sweep, cursive = style.sweep[:, None], style.cursive[:, None]
    stop = 0.15 + 0.55 * cursive * noise.uniform(len(master.length))  # (B, S)
    loss = np.where(np.isin(master.kind, SWEEPS), 0.25 + 0.6 * sweep, stop)
    loss = np.where(np.isin(master.kind, HOOKS), 0.3 + 0.4 * sweep, loss)
    begins = np.where(np.isin(master.kind, SWEEPS), 0.55, np.where(np.isin(master.kind, HOOKS), 0.8, 0.75))
    begin = begins[master.stroke].astype(np.float32)
    ramp = (np.clip((master.along - begin) / (1 - begin), 0, 1) ** 1.5).astype(np.float32)
    released: Floats = 1 - loss[:, master.stroke] * ramp
    return released


def connectors(points: Floats, master: Master, style: Style, noise: Noise) -> Trace:
    """Curves from each stroke's end to the next one's start: drawn in part, in full or not at all."""
    here, there = points[:, :, master.stop[:-1]], points[:, :, master.start[1:]]  # (2, B, S - 1)
    out = _unit(here - points[:, :, master.stop[:-1] - 2])
    into = _unit(points[:, :, master.start[1:] + 2] - there)
    gap = np.hypot(*(there - here))
    t = np.linspace(0, 1, CONNECTOR_POINTS, dtype=np.float32)
    a, b, c, d = (1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3
    first, second = here + out * gap * 0.28, there - into * gap * 0.22
    curve = here[..., None] * a + first[..., None] * b + second[..., None] * c + there[..., None] * d
    wide = _connector_width(gap, t, master, style, noise)
    size = wide.shape[1] * wide.shape[2]
    flat = wide.reshape(len(wide), size)
    return Trace(curve.reshape(2, len(wide), size), flat, np.where(flat > 0, 0.35 + 0.6 * flat, 0).astype(np.float32))


def _connector_width(gap: Floats, t: Floats, master: Master, style: Style, noise: Noise) -> Floats:
    """(B, S - 1, K) share of the pen's width; gap (B, S - 1) em."""
    count = gap.shape[1]
    cursive = style.cursive[:, None]
    chance, lead_chance, weight, reach = noise.uniform(4, count).transpose(1, 0, 2)
    full_below = (0 if master.apart else FULL_JOIN) * cursive * np.clip(1.15 - gap, 0.03, 1)
    full = (chance < full_below)[..., None]
    tail = ((chance >= full_below) & (chance < full_below + TAIL * cursive))[..., None]
    lead = (lead_chance < LEAD * cursive)[..., None]
    reach = (0.10 + 0.22 * reach)[..., None]
    middle = np.abs(2 * t - 1) ** 2
    through = 0.30 + 0.22 * weight[..., None] + 0.28 * middle
    leaving = np.where(t < reach, 0.62 * (1 - t / reach) + 0.12, 0)
    coming = np.where(1 - t < 0.7 * reach, 0.55 * (1 - (1 - t) / (0.7 * reach)) + 0.1, 0)
    drawn = np.maximum(np.maximum(full * through, tail * leaving), lead * coming)
    by_form = 0.62 + 0.15 * weight[..., None] + 0.2 * middle
    wide: Floats = np.where(master.joined[:, None], by_form, drawn).astype(np.float32)
    return wide


def _unit(vector: Floats) -> Floats:
    unit: Floats = vector / np.maximum(np.hypot(vector[0], vector[1]), 1e-6)
    return unit
