"""The lines of the score card as one table: what each number is called, how it is written, what it should be."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

Numbers = Mapping[str, float]
Kind = Literal["share", "points", "times", "plain", "rate", "seconds"]

GENERATED, REAL, MEMORISER, CLASSIC = "generated", "held-out real", "memoriser", "classic"  # the columns

MARGIN = 0.002  # generated characters read better than real ones by more than this: easier than writing is


class Quantity(NamedTuple):
    """One line."""

    row: int  # of the card, 1 .. 9
    name: str
    words: str
    kind: Kind
    low: float | None = None  # the target: at least, at most
    high: float | None = None
    below_real: float | None = None  # at most so far below what held-out real images get
    small: bool = False  # the smaller the better, though nothing is asked of it

    @property
    def lower_is_better(self) -> bool:
        """Whether of two numbers the smaller is the better one."""
        return self.small or (self.high is not None and self.low is None)

    def goal(self) -> str:
        """The target in words; "" where there is none."""
        if self.below_real is not None:
            return f"≥ real − {written('points', self.below_real)}" if self.below_real else "≥ real"
        if self.low is not None and self.high is not None:
            return f"{self.low:g} to {self.high:g}"
        if self.low is not None:
            return f"≥ {written(self.kind, self.low, short=True)}"
        return "" if self.high is None else f"≤ {written(self.kind, self.high, short=True)}"

    def met(self, value: float | None, real: float | None) -> bool | None:
        """Whether the target is reached; None where there is no target or no number."""
        if value is None or value != value or not self.goal():
            return None
        if self.below_real is not None:
            return None if real is None else value >= real - self.below_real - 1e-9
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


# fmt: off
QUANTITIES: Sequence[Quantity] = (
    Quantity(1, "gan_train",               "real read by a reader of generated", "share"),
    Quantity(1, "gan_train_gap",           "  gap to a reader of real",          "points", high=0.01),
    Quantity(2, "gan_test",                "generated read as asked",            "share", below_real=0.005),
    Quantity(2, "gan_test_worst",          "  worst character",                  "share"),
    Quantity(2, "q_read",                  "held-out real read by Q",            "share"),
    Quantity(4, "fcd",                     "Frechet distance",                   "plain", small=True),
    Quantity(4, "fcd_ratio",               "  over real training images'",       "times", high=3.0),
    Quantity(4, "kid",                     "kernel distance (KID)",              "plain", small=True),
    Quantity(4, "kid_ratio",               "  over real training images'",       "times", high=3.0),
    Quantity(5, "density",                 "density, k = 5",                     "plain"),
    Quantity(5, "coverage",                "coverage, k = 5",                    "share"),
    Quantity(5, "coverage_ratio",          "  over real training images'",       "plain", low=0.9),
    Quantity(6, "spread",                  "spread within a character",          "plain", low=0.9, high=1.1),
    Quantity(6, "spread_p5",               "  character at the 5th percentile",  "plain", low=0.75),
    Quantity(7, "memorised",               "nearer to training than 1 % of real", "share", high=0.02),
    Quantity(8, "slant_control",           "slant follows its code (Spearman)",  "plain", low=0.9),
    Quantity(8, "thickness_control",       "thickness follows its code",         "plain", low=0.9),
    Quantity(8, "off_diagonal",            "  follows the other's",              "plain", high=0.2),
    Quantity(8, "slant_control_second",    "slant, by projections",              "plain"),
    Quantity(8, "thickness_control_second", "thickness, by skeletons",           "plain"),
    Quantity(8, "off_diagonal_second",     "  follows the other's",              "plain", high=0.2),
    Quantity(8, "extremes_drop",           "read less at the codes' ends",       "points", high=0.01),
    Quantity(9, "images_per_s",            "training speed",                     "rate"),
    Quantity(9, "seconds",                 "training time",                      "seconds", small=True),
    Quantity(9, "seconds_to_labels",       "  until labels are as right as real's", "seconds", small=True),
    Quantity(9, "samples_per_s",           "drawing speed",                      "rate"),
)
# fmt: on
QUICK = (2, 4, 5, 6)  # rows of `etlgan score --quick`: seconds, and all that `overall` is made of
BY_NAME = {quantity.name: quantity for quantity in QUANTITIES}
KANJI_GAP = 0.03  # of row 1, where characters are kanji


def quantities(*, kanji: bool) -> list[Quantity]:
    """The table for a set of characters."""
    return [q._replace(high=KANJI_GAP) if kanji and q.name == "gan_train_gap" else q for q in QUANTITIES]


def is_kanji(characters: Sequence[str]) -> bool:
    """Whether most of them are."""
    return sum("\u4e00" <= c <= "\u9fff" for c in characters) > len(characters) / 2


def written(kind: Kind, value: float | None, *, short: bool = False) -> str:
    """A number with its unit; a dash for none. `short` drops digits that say nothing."""
    if value is None or value != value:
        return "-"
    if kind == "share":
        return f"{100 * value:g} %" if short else f"{100 * value:.2f} %"
    if kind == "points":
        return f"{round(100 * value, 2) + 0.0:g} points" if short else f"{100 * value:.2f} points"
    if kind == "rate":
        return f"{value:,.0f} images/s"
    if kind == "seconds":
        return f"{value:,.0f} s"
    return f"{value:g}{'x' if kind == 'times' else ''}" if short else f"{value:.3g}{'x' if kind == 'times' else ''}"


def warnings(generated: Numbers, real: Numbers, weak: Mapping[str, int]) -> list[str]:
    """What a reader of the card must not overlook, a line each."""
    found = []
    read, usual = generated.get("gan_test"), real.get("gan_test")
    spread, covered = generated.get("spread", 1.0), generated.get("coverage_ratio", 1.0)
    easy = read is not None and usual is not None and read > usual + MARGIN
    if easy and (spread < (BY_NAME["spread"].low or 0) or covered < (BY_NAME["coverage_ratio"].low or 0)):
        found.append(
            f"low diversity: generated characters are read better than real ones ({written('share', read)} against "
            f"{written('share', usual)}) and vary less (spread {spread:.2f}, coverage {covered:.2f} of real)"
        )
    if BY_NAME["memorised"].met(generated.get("memorised"), None) is False:
        found.append(
            f"copies: {written('share', generated['memorised'])} lie nearer to a training image than real does"
        )
    if weak:
        some = ", ".join(f"{character} ({count})" for character, count in list(weak.items())[:10])
        more = f" and {len(weak) - 10} more" if len(weak) > 10 else ""
        found.append(f"few held-out images of {some}{more}: their numbers are weak")
    return found


def overall(generated: Numbers, real: Numbers) -> float:
    """One number to rank checkpoints by, 0 .. 1: right labels x spread x coverage, each over real's and at most 1.

    A product, so that neither can make up for another: a collapsed generator that is read perfectly covers nothing.
    """
    usual = real.get("gan_test") or 1.0
    right = min(1.0, generated["gan_test"] / usual)
    return right * min(1.0, max(0.0, generated.get("spread", 1.0))) * min(1.0, generated.get("coverage_ratio", 1.0))
