"""A self-contained HTML page of a study: its tables, then every run's pictures."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from core.figures.card_page import STYLE, embedded, marked

WIDE = (
    "body { max-width: 1500px } table { margin-bottom: 1.5rem } "
    "figure { display: inline-block; vertical-align: top; margin: 0 1rem 1rem 0 }"
)


class Cell(NamedTuple):
    """A number as text, and whether its target is reached (None: there is none)."""

    text: str
    met: bool | None = None


class Shown(NamedTuple):
    """A run's pictures under its name: (what it is, PNG or GIF)."""

    heading: str
    words: str
    pictures: Sequence[tuple[str, bytes]]


class Table(NamedTuple):
    """Lines under the names of their columns."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]


class StudyPage(NamedTuple):
    """What the page says; plain text everywhere."""

    title: str
    about: str
    tables: Sequence[Table]
    notes: Sequence[str]
    shown: Sequence[Shown]


def html(page: StudyPage) -> str:
    """The whole document."""
    tables = "".join(map(_table, page.tables))
    notes = "".join(f'<p class="note">{marked(text)}</p>' for text in page.notes)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(page.title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}{WIDE}</style></head>\n'
        f'<body><h1>{marked(page.title)}</h1><p class="about">{marked(page.about)}</p>'
        f"{tables}{notes}"
        f"{''.join(map(_shown, page.shown))}</body></html>\n"
    )


def _table(table: Table) -> str:
    head = "".join(f'<th class="n">{marked(name)}</th>' for name in table.columns)
    body = "".join("<tr>" + "".join(map(_cell, row)) + "</tr>\n" for row in table.rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>\n"


def _cell(cell: Cell) -> str:
    mark = {None: "", True: '<span class="met">✓</span> ', False: '<span class="missed">✗</span> '}[cell.met]
    return f'<td class="n">{mark}{marked(cell.text)}</td>'


def _shown(shown: Shown) -> str:
    pictures = "".join(
        f'<figure><img alt="{escape(name)}" src="{embedded(picture)}"><figcaption>{marked(name)}</figcaption></figure>'
        for name, picture in shown.pictures
    )
    return f"<h2>{marked(shown.heading)}</h2><p>{marked(shown.words)}</p>{pictures}\n"
