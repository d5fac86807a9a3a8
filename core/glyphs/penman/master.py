"""What every writer starts from: one form of a character as points along its strokes, and what they can do.

All lengths are in em: the image is the square from -1 to 1, x right, y down, and the character's box is centred.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.glyphs.penman.forms import Form, forms
from core.glyphs.penman.noise import Floats
from core.glyphs.penman.strokes import KIND, Array, Index, Stroke

SPACING = 0.07  # em between points: 2.2 pixels at 64
SOFT, ROUNDER = 0.055, 0.12  # em: smoothing of corners, a little and more
TOUCH = 0.075  # em: a stroke end nearer than this to another stroke touches it
OWN_FAR = 0.35  # of a stroke's length: points nearer than this along the stroke are no loop
PULL_SPREAD = 1.3  # power with which a pull at an end fades along the stroke
LOOP_SPREAD = 4.0  # the same where a stroke touches itself: the touched part must stay
LOOP_TURN = 3.3  # radians: a stroke that turns more holds a loop, which must not collapse
BOW_TURN = 1.6  # radians: a stroke that turns less can be bowed as a whole
SPAN = 1.2  # of the diagonal of a stroke's box: the most that counts of its length where it is bent
WINDS_FROM = 1.45  # length of a stroke against that diagonal: a line has 1, a corner at most 1.42, loops 2 to 3
CONNECTOR_POINTS = 10  # of the curve from one stroke to the next
SMALL_KANA = frozenset("ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ")


@dataclass(frozen=True)
class Junction:
    """A stroke end that touches a stroke."""

    stroke: slice  # points of the stroke that is drawn to the other
    end: int  # its touching point
    to: int  # the point touched
    offset: Floats  # (2,) from the touched point to the end, em
    weight: Floats  # (n,) how much of the pull each point of the stroke follows


@dataclass(frozen=True)
class Master:
    """N points on S strokes of C components."""

    points: Floats  # (2, N)
    soft: Floats  # (2, N) what rounding the corners a little adds
    rounder: Floats  # (2, N) what rounding them more adds to that
    bulge: Floats  # (2, N) what exaggerating the curves adds
    loop: NDArray[np.bool_]  # (S,)
    stroke: Index  # (N,) stroke of the point
    component: Index  # (S,) component of the stroke
    along: Floats  # (N,) 0 .. 1 on its stroke
    slowness: Floats  # (N,) 0 fast .. 1 slow: ends, corners, short strokes
    count: Floats  # (N,) points of its stroke
    kind: Index  # (S,)
    length: Floats  # (S,) em along the line
    span: Floats  # (S,) em, the length, but less where the stroke winds
    winding: Floats  # (S,) 0 straight .. 1 with loops
    centre: Floats  # (2, S)
    component_centre: Floats  # (2, C)
    normal: Floats  # (2, S) unit vector across the stroke
    start: Index  # (S,) first point
    stop: Index  # (S,) last point
    junctions: tuple[Junction, ...]
    joined: NDArray[np.bool_]  # (S - 1,) the form joins this stroke to the next
    apart: bool  # a running hand must not join strokes


@lru_cache(maxsize=1024)
def masters(character: str) -> tuple[Master, ...]:
    """One master for each form of the character."""
    return tuple(_master(form, character) for form in forms(character))


def polyline(stroke: Stroke, steps: int = 16) -> Array:
    """Control points -> (n, 2) points on the curve, dense, unevenly spaced."""
    t = np.linspace(0, 1, steps + 1)[1:, None]
    curve = [stroke.points[:1]]
    for i in range(0, len(stroke.points) - 1, 3):
        a, b, c, d = stroke.points[i : i + 4]
        curve.append((1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d)
    return np.concatenate(curve)


def _steps(line: Array) -> Array:
    steps: Array = np.hypot(*np.diff(line, axis=0).T)
    return steps


def _even(line: Array, spacing: float) -> Array:
    """The line with evenly spaced points, at least five."""
    at = np.concatenate([[0], np.cumsum(_steps(line))])
    count = max(5, int(np.ceil(at[-1] / spacing)) + 1)
    wanted = np.linspace(0, at[-1], count)
    return np.stack([np.interp(wanted, at, line[:, 0]), np.interp(wanted, at, line[:, 1])], 1)


def _smooth(line: Array, sigma: float) -> Array:
    """Gaussian smoothing, sigma in points; the line is mirrored through its ends, so they stay."""
    reach = int(3 * sigma + 1)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    before = 2 * line[0] - line[np.clip(np.arange(reach, 0, -1), 0, len(line) - 1)]
    after = 2 * line[-1] - line[np.clip(len(line) - 1 - np.arange(1, reach + 1), 0, len(line) - 1)]
    padded = np.concatenate([before, line, after])
    return np.stack([np.convolve(axis, kernel / kernel.sum(), "valid") for axis in padded.T], 1)


def _turns(line: Array) -> Array:
    """(n,) radians the line turns at each point."""
    angle = np.arctan2(*np.diff(line, axis=0).T[::-1])
    turn = np.abs(np.angle(np.exp(1j * np.diff(angle))))
    return np.pad(turn, 1, mode="edge")


def _bulge(line: Array, turn: float) -> Array:
    """What a writer who exaggerates adds: the line less its smoothed self, and its bow over the chord."""
    loop = turn > LOOP_TURN
    bulge = 0.9 * (line - _smooth(line, max(1.0, len(line) / (12 if loop else 7))))
    if turn < BOW_TURN:
        t = np.linspace(0, 1, len(line))[:, None]
        bulge += 0.6 * (line - (line[0] + (line[-1] - line[0]) * t))
    return bulge


def _slowness(line: Array, length: float) -> Array:
    """The pen is slow at both ends, in corners and in short strokes."""
    t = np.linspace(0, 1, len(line))
    speed = np.sin(np.pi * t) ** 0.6 * min(1.0, 0.35 + 0.5 * length)
    return 1 - speed / (1 + 1.6 * _turns(line)) ** 0.7


def _touched(lines: list[Array], i: int, end: int) -> tuple[int, int] | None:
    """(stroke, point) that an end of stroke i touches; its own far part too, where a loop closes."""
    tip, own = lines[i][end], lines[i]
    best, found = TOUCH, None
    for j, line in enumerate(lines):
        distance = np.hypot(*(line - tip).T)
        if j == i:
            distance[np.abs(np.arange(len(own)) - end) < OWN_FAR * len(own)] = np.inf
        k = int(distance.argmin())
        if distance[k] < best:
            best, found = float(distance[k]), (j, k)
    return found


def _junctions(lines: list[Array], starts: Index) -> tuple[Junction, ...]:
    """Later strokes are drawn to what is on the paper; then ends to strokes that came later."""
    found: list[tuple[bool, Junction]] = []
    for i, line in enumerate(lines):
        for end in (0, len(line) - 1):
            touched = _touched(lines, i, end)
            if touched is None:
                continue
            j, k = touched
            t = np.linspace(0, 1, len(line))
            weight = ((1 - t) if end == 0 else t) ** (LOOP_SPREAD if i == j else PULL_SPREAD)
            junction = Junction(
                stroke=slice(int(starts[i]), int(starts[i]) + len(line)),
                end=int(starts[i]) + end,
                to=int(starts[j]) + k,
                offset=(line[end] - lines[j][k]).astype(np.float32),
                weight=weight.astype(np.float32),
            )
            found.append((j > i, junction))
    return tuple(junction for _, junction in sorted(found, key=lambda pair: pair[0]))


def _centred(form: Form, character: str) -> list[Array]:
    """The strokes in em, evenly spaced. Small kana keep half their place in the box, all else is centred."""
    curves = [polyline(stroke) for stroke in form.strokes]
    every = np.concatenate(curves)
    middle = (every.min(0) + every.max(0)) / 2
    if character in SMALL_KANA:
        middle = (middle + 0.5) / 2
    return [_even((curve - middle) * 2, SPACING) for curve in curves]


def _across(line: Array) -> Array:
    chord = line[-1] - line[0]
    return np.array([-chord[1], chord[0]]) / max(float(np.hypot(*chord)), 0.15)


def _master(form: Form, character: str) -> Master:
    lines = _centred(form, character)
    counts = [len(line) for line in lines]
    starts = np.cumsum([0, *counts[:-1]])
    turns = [float(_turns(line)[1:-1].sum()) for line in lines]
    lengths = [float(_steps(line).sum()) for line in lines]
    diagonal = np.array([np.hypot(*np.ptp(x, axis=0)) for x in lines])
    component = np.array([stroke.component for stroke in form.strokes])
    groups = [
        np.concatenate([x for x, g in zip(lines, component, strict=True) if g == c]) for c in np.unique(component)
    ]
    soft = [
        (_smooth(x, SOFT / SPACING) - x) * (0.6 if turn > LOOP_TURN else 1)
        for x, turn in zip(lines, turns, strict=True)
    ]
    rounder = [_smooth(x, ROUNDER / SPACING) - _smooth(x, SOFT / SPACING) for x in lines]
    bulge = [_bulge(x, turn) for x, turn in zip(lines, turns, strict=True)]

    def flat(parts: list[Array]) -> Floats:
        return np.ascontiguousarray(np.concatenate(parts).T, np.float32)

    return Master(
        points=flat(lines),
        soft=flat(soft),
        rounder=flat(rounder),
        bulge=flat(bulge),
        loop=np.array(turns) > LOOP_TURN,
        stroke=np.repeat(np.arange(len(lines)), counts),
        component=component,
        along=flat([np.linspace(0, 1, n) for n in counts]),
        slowness=flat([_slowness(x, length) for x, length in zip(lines, lengths, strict=True)]),
        count=np.repeat(counts, counts).astype(np.float32),
        kind=np.array([stroke.kind for stroke in form.strokes]),
        length=np.array(lengths, np.float32),
        span=np.minimum(lengths, SPAN * diagonal).astype(np.float32),
        winding=np.clip(np.array(lengths) / diagonal - WINDS_FROM, 0, 1).astype(np.float32),
        centre=np.stack([x.mean(0) for x in lines], 1).astype(np.float32),
        component_centre=np.stack([x.mean(0) for x in groups], 1).astype(np.float32),
        normal=np.stack([_across(x) for x in lines], 1).astype(np.float32),
        start=starts,
        stop=starts + np.array(counts) - 1,
        junctions=_junctions(lines, starts),
        apart=form.apart,
        joined=np.array([i in form.joined for i in range(len(lines) - 1)], bool),
    )


SWEEPS = (KIND["sweep"], KIND["flick"], KIND["dot"])
HOOKS = (KIND["hook"],)
