"""Character labels for matplotlib: on axes and in legends, drawn from the pen strokes where a font may lack them."""

from collections.abc import Sequence
from typing import Literal

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.offsetbox import (
    AnchoredOffsetbox,
    AnnotationBbox,
    DrawingArea,
    HPacker,
    OffsetBox,
    TextArea,
    VPacker,
)

from core.figures import kana


def label_box(label: str, points: float = 10.0, colour: str = "black") -> HPacker:
    """A label of that font size as an offset box, to be placed by matplotlib."""
    boxes: list[Artist] = [
        _stroke_box(p, points, colour) if p.strokes else _text_box(p.text, points, colour) for p in kana.pieces(label)
    ]
    return HPacker(children=boxes, align="baseline", pad=0, sep=0)


def _stroke_box(piece: kana.Piece, points: float, colour: str) -> OffsetBox:
    side = points / kana.FONT_SHARE
    hang = (1 - kana.BASELINE) * side  # below the line on which Latin letters stand
    area = DrawingArea(side, side - hang, 0, hang)
    for stroke in piece.strokes:
        line = Line2D(
            stroke[:, 0] * side,
            (1 - stroke[:, 1]) * side - hang,
            color=colour,
            linewidth=kana.pen_width(piece.strokes) * side,
            solid_capstyle="round",
            solid_joinstyle="round",
        )
        area.add_artist(line)
    return area


def _text_box(text: str, points: float, colour: str) -> OffsetBox:
    return TextArea(text, textprops={"size": points, "color": colour, "parse_math": False})


def label_axis(
    axes: Axes, labels: Sequence[str], *, axis: Literal["x", "y"], points: float = 10.0, colour: str = "black"
) -> None:
    """Put labels at the positions 0, 1, 2, ... of an axis in place of its tick labels."""
    ticks = axes.xaxis if axis == "x" else axes.yaxis
    ticks.set_ticks(range(len(labels)), labels=[""] * len(labels))
    for position, label in enumerate(labels):
        place = (position, 0) if axis == "x" else (0, position)
        frame = axes.get_xaxis_transform() if axis == "x" else axes.get_yaxis_transform()
        box = AnnotationBbox(
            label_box(label, points, colour),
            place,
            xybox=(0, -6) if axis == "x" else (-6, 0),
            xycoords=frame,
            boxcoords="offset points",
            box_alignment=(0.5, 1.0) if axis == "x" else (1.0, 0.5),
            frameon=False,
            pad=0,
            annotation_clip=False,
        )
        axes.add_artist(box)


def legend(
    axes: Axes, lines: Sequence[Line2D], labels: Sequence[str], *, loc: str = "upper right", points: float = 10.0
) -> None:
    """A legend: a swatch of each line and its label."""
    entries: list[Artist] = [
        HPacker(children=[_swatch(line, points), label_box(label, points)], align="baseline", pad=0, sep=6)
        for line, label in zip(lines, labels, strict=True)
    ]
    column = VPacker(children=entries, align="left", pad=0, sep=4)
    box = AnchoredOffsetbox(loc, child=column, pad=0.3, borderpad=0.4)
    box.patch.set(edgecolor="none", alpha=0.8)
    axes.add_artist(box)


def _swatch(line: Line2D, points: float) -> OffsetBox:
    area = DrawingArea(2 * points, points)
    middle = 0.4 * points
    ends = [points] if line.get_linestyle() == "None" else [0, 2 * points]  # markers alone: one of them
    copy = Line2D(ends, [middle] * len(ends))
    copy.update_from(line)
    copy.set_transform(area.get_transform())
    area.add_artist(copy)
    return area
