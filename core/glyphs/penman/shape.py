"""From a master to what each writer's hand makes of it: (2, N) points -> (2, B, N)."""

from __future__ import annotations

import numpy as np

from core.glyphs.penman.master import Master
from core.glyphs.penman.noise import Floats, Noise
from core.glyphs.penman.writer import Style

# Deviations of one sample from the writer's habit, in em, radians or as a share, before the writer's sloppiness.
CURL = 0.08
LOOSEST_LOOP = -0.06  # curl below this would close a loop
COMPONENT_SHIFT = 0.025
COMPONENT_SCALE = 0.045
STROKE_SHIFT = 0.041
STROKE_TURN = 0.060
STROKE_SCALE = 0.082
OVERSHOOT = 0.022
BEND = 0.049  # of the stroke's span: one bow
WAVE = 0.015  # of the stroke's span: an S
WANDER = 0.035  # em: how far the turns of a winding stroke stray, for each of WANDER_MODES
WANDER_MODES = (2, 3, 4)  # half waves along the stroke
PULL = 0.15  # of the share of a gap that is closed
CALM_LOOP = 0.6  # of the turn of a stroke with a loop: turned further, お is read as や
ALONE = 0.6  # of the stroke noise where one stroke is the whole character
LARGEST_GAP = 0.05  # em: of a junction, after the pull


def shape(master: Master, style: Style, noise: Noise) -> Floats:
    """(2, B, N) points of B samples, before the character is placed on the paper."""
    points = _curves(master, style, noise)
    points = _moved(points, master, style, noise)
    points += _bent(master, style, noise)
    points += _strayed(master, style, noise)
    points += style.tremor[:, None] * _tremor(len(master.stroke), noise)
    _close_junctions(points, master, style, noise)
    return points


def _curves(master: Master, style: Style, noise: Noise) -> Floats:
    """Round the corners, exaggerate or flatten the curves."""
    curl = style.curl[:, None] + CURL * noise.normal(len(master.length))  # (B, S)
    curl = np.where(master.loop, np.maximum(curl, LOOSEST_LOOP), curl)[:, master.stroke]
    little, more = np.minimum(style.round, 1)[:, None], np.clip((style.round - 1) / 1.6, 0, 1)[:, None]
    rounded = master.points[:, None] + little * master.soft[:, None] + more * master.rounder[:, None]
    curved: Floats = rounded + curl * master.bulge[:, None]
    return curved


def _moved(points: Floats, master: Master, style: Style, noise: Noise) -> Floats:
    """Each component scaled and shifted, and in it each stroke turned, scaled and shifted."""
    strokes, groups = len(master.length), master.component_centre.shape[1]
    sloppy = style.sloppy[:, None] * (ALONE if strokes == 1 else 1)
    firm = np.minimum(1, 0.45 + 0.55 * master.length)  # short strokes change in angle, long ones in length and place
    scale = np.exp(COMPONENT_SCALE * sloppy * noise.normal(2, groups).transpose(1, 0, 2))[..., master.component]
    shift = (COMPONENT_SHIFT * sloppy * noise.normal(2, groups).transpose(1, 0, 2))[..., master.component]
    calm = np.where(master.loop, np.float32(CALM_LOOP), np.float32(1))
    turn = STROKE_TURN * sloppy * calm * (1.6 - 0.6 * firm) * noise.normal(strokes)
    longer = np.exp(STROKE_SCALE * sloppy * (1.5 - 0.5 * firm) * noise.normal(strokes))
    shift = shift + STROKE_SHIFT * sloppy * (0.55 + 0.45 * firm) * noise.normal(2, strokes).transpose(1, 0, 2)

    middle = master.component_centre[:, None, master.component]
    centre = (master.centre[:, None] - middle) * scale + middle + shift  # (2, B, S)
    cos, sin = np.cos(turn) * longer, np.sin(turn) * longer
    x, y = points - master.centre[:, None, master.stroke]
    at = master.stroke
    return np.stack(
        [
            (cos * scale[0])[:, at] * x - (sin * scale[1])[:, at] * y + centre[0][:, at],
            (sin * scale[0])[:, at] * x + (cos * scale[1])[:, at] * y + centre[1][:, at],
        ]
    )


def _bent(master: Master, style: Style, noise: Noise) -> Floats:
    """(2, B, N) to add: both ends wander, the middle bows."""
    strokes, at, t = len(master.length), master.stroke, master.along
    ends = OVERSHOOT * style.sloppy[:, None] * noise.normal(4, strokes).transpose(1, 0, 2)  # (4, B, S)
    bow, wave = (style.sloppy[:, None] * master.span * noise.normal(2, strokes).transpose(1, 0, 2))[..., at]
    side = BEND * np.sin(np.pi * t) * bow + WAVE * np.sin(2 * np.pi * t) * wave
    bent: Floats = ends[:2][..., at] * (1 - t) ** 2 + ends[2:][..., at] * t**2 + side * master.normal[:, None, at]
    return bent


def _strayed(master: Master, style: Style, noise: Noise) -> Floats:
    """(2, B, N) to add: in a winding stroke each turn has its own size and place."""
    amount = WANDER * style.sloppy[:, None] * master.winding
    moved = np.zeros((2, len(amount), len(master.stroke)), np.float32)
    for mode in WANDER_MODES:
        along = amount * noise.normal(2, len(master.length)).transpose(1, 0, 2)  # (2, B, S)
        moved += along[..., master.stroke] * np.cos(np.pi * mode * master.along)
    return moved


def _tremor(count: int, noise: Noise) -> Floats:
    """(2, B, count) of deviation 1, smooth over a few points."""
    raw = noise.normal(2, count + 4).transpose(1, 0, 2)
    taps = (0.25, 0.6, 0.8, 0.6, 0.25)
    smooth = sum(np.float32(tap) * raw[..., i : i + count] for i, tap in enumerate(taps))
    return np.asarray(smooth, np.float32)


def _close_junctions(points: Floats, master: Master, style: Style, noise: Noise) -> None:
    """Draw stroke ends to what they touch: the writer sees the paper. Without this 円 and 下 fall apart."""
    if not master.junctions:
        return
    share = np.clip(style.neat[:, None] + PULL * noise.normal(len(master.junctions)), 0, 1)
    for i, junction in enumerate(master.junctions):
        gap = points[:, :, junction.to] + junction.offset[:, None] - points[:, :, junction.end]  # (2, B)
        width = np.maximum(np.hypot(gap[0], gap[1]), 1e-6)
        pull = np.maximum(share[:, i], 1 - LARGEST_GAP / width) * gap
        points[:, :, junction.stroke] += pull[..., None] * junction.weight
