"""OCR gains as lines of a table: shares with their spread, differences with their intervals."""

import statistics
from collections.abc import Sequence

from core.figures.study_page import Cell
from core.studies.gain.outcome import Gain, Outcome
from core.studies.gain.plan import ARMS, COMPARED, amount

HEAD = ("real images", *ARMS, *(f"{arm} over {over}".replace("+ ", "") for arm, over in COMPARED))


def lines(outcome: Outcome, wanted: tuple[str, str] | None = None) -> list[list[Cell]]:
    """A line for each number of real images, as HEAD; `wanted`: which arm has to be above which.

    Shares are means over seeds, ± their standard deviation.
    """
    return [
        [
            Cell(str(amount(few))),
            *(Cell(_spread(shares[arm])) for arm in ARMS),
            *(
                Cell(_points(gain), gain.low > 0 if (gain.arm, gain.over) == wanted else None)
                for gain in outcome.gains
                if gain.few == few
            ),
        ]
        for few, shares in outcome.accuracy.items()
    ]


def record(outcome: Outcome) -> dict[str, object]:
    """For scripts."""
    return {
        "accuracy": {str(amount(few)): shares for few, shares in outcome.accuracy.items()},
        "gains": [gain._asdict() | {"few": amount(gain.few)} for gain in outcome.gains],
    }


def _spread(shares: Sequence[float]) -> str:
    """`98.10 % ±0.21`."""
    deviation = f" ±{100 * statistics.stdev(shares):.2f}" if len(shares) > 1 else ""
    return f"{100 * statistics.mean(shares):.2f} %{deviation}"


def _points(gain: Gain) -> str:
    """`+0.42 (+0.20 .. +0.61)`, points of accuracy with the 95 % interval."""
    return f"{100 * gain.gain:+.2f} ({100 * gain.low:+.2f} .. {100 * gain.high:+.2f})"
