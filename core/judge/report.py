"""The page of a score card: what the table cannot show, gathered and handed to core.figures."""

import time
from pathlib import Path

import numpy as np

from core.figures.card_page import Line, Page, Section, html
from core.figures.card_pictures import pairs_picture, rows_picture, sweeps_picture
from core.glyphs.sources import EMBEDDED
from core.judge import card as cards
from core.judge.others import GAIN_GOAL, Gain
from core.judge.quantities import GENERATED, REAL, written
from core.judge.reference import Exhibit
from core.judge.whole import Score
from core.rundir import write_atomic

WORST = 6  # characters shown
COLUMNS = 12  # images in a row
NEIGHBOURS = 14  # pairs shown
SWEPT = 4  # characters of a sweep
STEPS = 9  # of a code from -1 to 1
BESIDE = 23  # characters shown real beside generated

ABOUT = (
    "The judge is a small network of another kind than the discriminator, trained on {learned}. Held-out real: "
    "{unseen} that neither the generator nor the judge ever saw, one half against the other where a row compares "
    "sets. Memoriser: copies of training images, perfect in all rows but 7. Distances of rows 4 to 6 are taken in the "
    "judge's features, from equally many images in every column; row 7 in blurred pixels of unit length. Row 8's "
    "second rulers (projections, skeletons) share nothing with those that training used; the real column says how far "
    "the two agree on real writing."
)


def write_report(card: Score, path: Path) -> None:
    """One self-contained HTML file."""
    write_atomic(path, html(page_of(card)).encode())


def page_of(card: Score) -> Page:
    """Everything that the page says and shows."""
    config = card.subject.sampler.config
    look = f", judged in the look of {card.subject.domain}" if card.subject.domain else ""
    held_out = np.bincount(card.reference.held_out.labels, minlength=card.reference.classes)
    glyphs = card.reference.glyphs
    about = (
        f"run {card.run}, step {card.step:,}, recipe {config.recipe.name}, seed {config.seed}, {config.data.chars} "
        f"from {glyphs.source}{look} (fingerprint {glyphs.fingerprint}); {card.images} images a character, against "
        f"{held_out.sum():,} held-out ones ({held_out.min():,} to {held_out.max():,} a character); "
        f"overall {card.overall:.4f}; {time.strftime('%Y-%m-%d')}"
    )
    embedded = config.data.source in EMBEDDED
    learned = "embedded writers of its own" if embedded else "the run's training split"
    unseen = "images of writers" if embedded else "images (of other writers or sheets where the data names them)"
    return Page(
        title=f"Score card: {config.preset or config.data.chars}",
        about=about,
        warnings=card.warnings,
        columns=list(card.columns),
        lines=_lines(card),
        missing={_named(name): command for name, command in card.missing.items()},
        notes=[ABOUT.format(learned=learned, unseen=unseen)],
        sections=_sections(card),
    )


def _named(name: str) -> str:
    return f"row {name} (OCR gain)" if name.isdecimal() else f"column {name}"


def _lines(card: Score) -> list[Line]:
    lines, before = [], 0
    for q in card.lines:
        if before < 3 < q.row:
            lines += [Line("3", g.words, GAIN_GOAL, g.low > 0, [_interval(g)]) for g in card.gain]
            lines += [Line("3", "OCR gain", GAIN_GOAL, None, ["not run"])] if "3" in card.missing else []
        values = [column.get(q.name) for column in card.columns.values()]
        met = q.met(card.columns[GENERATED].get(q.name), card.columns[REAL].get(q.name))
        row = str(q.row) if q.row != before else ""
        lines.append(Line(row, q.words, q.goal(), met, [written(q.kind, value) for value in values]))
        before = q.row
    return lines


def _interval(gain: Gain) -> str:
    return f"{100 * gain.gain:+.2f} points ({100 * gain.low:+.2f} to {100 * gain.high:+.2f})"


def _sections(card: Score) -> list[Section]:
    from core.figures.card_plots import accuracy_plot, confusion_plot, gain_plot

    reference, classes = card.reference, card.reference.classes
    characters = reference.characters
    made, real = (cards.right_by_class(side, classes) for side in (card.made, reference.held_out))
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (card.made.labels, card.made.reading.label), 1)
    sections = [
        Section(
            "Real beside generated", "Rows: a character; left half held-out real, right half generated.", _beside(card)
        ),
        Section("Read as asked, by character", _said_worst(made, characters), accuracy_plot(characters, made, real)),
        Section(
            "What generated characters are taken for",
            _said_confused(counts, characters),
            confusion_plot(characters, counts),
        ),
        Section(
            "Worst characters",
            "Of the characters read worst: images that were misread first, white on black; then the least sure.",
            _worst(card, made),
        ),
        *_neighbours(card),
        *_sweeps(card),
    ]
    if card.gain:
        columns = zip(*card.gain, strict=True)
        sections.append(
            Section("OCR gain", "With 95 % intervals over seeds and writers.", gain_plot(*map(list, columns)))
        )
    return sections


def _beside(card: Score) -> bytes:
    half = COLUMNS // 2
    shown = _spread(card.reference.classes, BESIDE)
    rows = [
        np.concatenate([_some(side, label, half) for side in (card.reference.held_out, card.made)]) for label in shown
    ]
    return rows_picture(np.stack(rows), [card.reference.characters[label] for label in shown])


def _worst(card: Score, right: np.ndarray) -> bytes:
    order = np.argsort(np.where(np.isnan(right), 2, right), kind="stable")[:WORST]
    wrong_of = card.made.reading.label != card.made.labels
    rows = []
    for label in order:
        own = np.flatnonzero(card.made.labels == label)
        chosen = own[np.lexsort((card.made.reading.confidence[own], ~wrong_of[own]))][:COLUMNS]
        images = _filled(card.made.images[chosen], COLUMNS)
        misread = _filled(wrong_of[chosen], COLUMNS)
        rows.append(np.where(misread[:, None, None], 255 - images, images))
    return rows_picture(np.stack(rows), [card.reference.characters[label] for label in order])


def _neighbours(card: Score) -> list[Section]:
    """The generated images most like a training image, and the same of real ones."""
    reference = card.reference
    sections = []
    for name, side in ((GENERATED, card.made), ("real", reference.held_out)):
        rows = np.random.default_rng(0).permutation(len(side.labels))[:2000]
        images, labels = side.images[rows], side.labels[rows]
        distance, which = reference.copying.nearest(images, labels)
        relative = distance / reference.copying.usual(reference.held_out.images, reference.held_out.labels, labels)
        order = np.argsort(relative)
        chosen = np.concatenate([order[: NEIGHBOURS // 2], order[len(order) // 2 :][: NEIGHBOURS - NEIGHBOURS // 2]])
        captions = [f"{value:.2f}" for value in relative[chosen]]
        train = reference.train[0][which[chosen]]
        picture = pairs_picture(images[chosen], train, (name, "training"), captions)
        words = (
            "Each above its nearest training image: the nearest pairs of all, then usual ones. Numbers are distances, "
            "1 is the usual one of a held-out image of that character."
        )
        sections.append(Section(f"Nearest training images: {name}", words, picture))
    return sections


def _sweeps(card: Score) -> list[Section]:
    sampler, draw = card.subject.sampler, card.subject.styled
    if not sampler.codes:
        return []
    shown = _spread(card.reference.classes, SWEPT)
    values = np.linspace(-1, 1, STEPS)
    labels = np.repeat(shown, STEPS)
    noise = np.random.default_rng(2).standard_normal((1, sampler.config.model.noise)).repeat(len(labels), 0)
    swept = []
    for code in range(sampler.codes):
        codes = np.zeros((len(labels), sampler.codes))
        codes[:, code] = np.tile(values, len(shown))
        swept.append(draw(labels, codes=codes, noise=noise).reshape(len(shown), STEPS, *card.made.images.shape[1:]))
    names = [card.reference.characters[label] for label in shown]
    words = "Each code goes from −1 to 1, all else kept: one hand, one noise."
    return [Section("Codes", words, sweeps_picture(np.stack(swept), names, sampler.code_names))]


def _said_worst(right: np.ndarray, characters: tuple[str, ...]) -> str:
    order = np.argsort(np.where(np.isnan(right), 2, right), kind="stable")[:3]
    worst = ", ".join(f"{characters[i]} {written('share', float(right[i]))}" for i in order)
    return f"By the judge, worst first: {worst}."


def _said_confused(counts: np.ndarray, characters: tuple[str, ...]) -> str:
    wrong = counts * (1 - np.eye(len(counts), dtype=np.int64))
    order = np.argsort(-wrong, axis=None)[:5]
    pairs = [divmod(int(place), len(counts)) for place in order]
    told = [f"{characters[a]} as {characters[b]} ({wrong[a, b]} of {counts[a].sum()})" for a, b in pairs if wrong[a, b]]
    return f"Most often: {', '.join(told)}." if told else "None was misread."


def _some(side: Exhibit, label: int, count: int) -> np.ndarray:
    return _filled(side.images[np.flatnonzero(side.labels == label)[:count]], count)


def _filled(images: np.ndarray, count: int) -> np.ndarray:
    """Blank images where there are too few."""
    return np.pad(images, ((0, count - len(images)), *[(0, 0)] * (images.ndim - 1)))


def _spread(classes: int, most: int) -> np.ndarray:
    """Up to `most` classes, evenly spread."""
    return np.unique(np.linspace(0, classes - 1, min(classes, most)).round().astype(np.int64))
