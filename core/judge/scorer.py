"""The card for the training loop: a few numbers every so many steps; checkpoints are ranked by the first."""

from collections.abc import Callable

from core.gan.loop import Scorer, Scores
from core.judge import card as cards
from core.judge import controls, naming
from core.judge.quantities import overall
from core.judge.reference import Images, Labels, Progress, Reference
from core.judge.rows import Numbers
from core.settings import RunConfig

ROWS = (2, 5, 6)  # labels, coverage, spread: what tells a good generator from a broken and from a collapsed one
MOST_IMAGES = 2000  # drawn each time
FEWEST = 40  # of them a character: coverage wants neighbours


def scorer_for(config: RunConfig, *, progress: Progress | None = None) -> Scorer:
    """Trains the judge now where it is not in the cache. The first score, `score`, is `overall`; of several domains the
    last is judged, as the loop draws it.
    """
    reference = Reference.load(config.data, progress=progress)
    per_char = min(200, max(FEWEST, MOST_IMAGES // reference.classes))
    real = controls.real_column(reference, (2,), progress)

    wanted = config.train.target if config.train.target > 0 else real["gan_test"] + config.train.target

    def score(draw: Callable[[Labels, int], Images]) -> Scores:
        named = _named(draw, reference) if config.recipe.unsupervised else draw

        def drawn(labels: Labels, *, seed: int = 0) -> Images:
            return named(labels, seed)

        numbers = cards.drawn_column(drawn, reference, style=None, rows=ROWS, per_char=per_char, seed=1, progress=None)
        return Scores({"score": overall(numbers, real), **_told(numbers)}, passed=numbers["gan_test"] >= wanted)

    return score


def _named(draw: Callable[[Labels, int], Images], reference: Reference) -> Callable[[Labels, int], Images]:
    def plain(labels: Labels, *, seed: int = 0) -> Images:
        return draw(labels, seed)

    codes, _ = naming.by_drawn(plain, reference)
    return lambda labels, seed: draw(codes[labels], seed)


def _told(numbers: Numbers) -> dict[str, float | None]:
    return {name: value if value == value else None for name, value in numbers.items()}
