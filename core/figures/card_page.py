"""A self-contained HTML page of a score card: text, one table, pictures inside. It asks for no font, script or file."""

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

from PIL import Image

from core.figures import kana

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 1120px; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a;
  background: #fff }
h1 { font-size: 1.6rem; margin-bottom: 0 } h2 { font-size: 1.2rem; margin-top: 2.2rem }
p.about, p.note { color: #555; margin-top: .2rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .15rem .8rem .15rem 0; text-align: left; vertical-align: top } td.n, th.n { text-align: right }
td.n { white-space: nowrap }
tr.first td { border-top: 1px solid #ccc } thead th { border-bottom: 2px solid #1a1a1a }
.met { color: #00694f } .missed { color: #b03a00; font-weight: bold } li.warn { color: #b03a00 }
img { max-width: 100%; height: auto } img.k { height: 1.05em; vertical-align: -.15em } code { font-size: .9em }
"""


class Line(NamedTuple):
    """A line of the table."""

    row: str  # number of the card's row; "" where it goes on
    words: str
    target: str
    met: bool | None
    values: Sequence[str]  # one a column, or one for all of them


class Section(NamedTuple):
    """A heading, words, and a PNG."""

    heading: str
    words: str
    picture: bytes | None = None


class Page(NamedTuple):
    """What the page says; plain text everywhere."""

    title: str
    about: str
    warnings: Sequence[str]
    columns: Sequence[str]
    lines: Sequence[Line]
    missing: Mapping[str, str]  # what is not in the table, and the command that makes it
    notes: Sequence[str]  # below the table
    sections: Sequence[Section]


def html(page: Page) -> str:
    """The whole document."""
    head = "".join(f'<th class="n">{marked(name)}</th>' for name in page.columns)
    table = f"<thead><tr><th></th><th></th><th>target</th>{head}</tr></thead>"
    table += "<tbody>" + "".join(_row(line, len(page.columns)) for line in page.lines) + "</tbody>"
    warned = "".join(f'<li class="warn">{marked(text)}</li>' for text in page.warnings)
    commands = "".join(
        f'<p class="note">{marked(name)}: not run: <code>{escape(command)}</code></p>'  # letters, to be copied
        for name, command in page.missing.items()
    )
    noted = "".join(f'<p class="note">{marked(text)}</p>' for text in page.notes)
    body = "".join(map(_section, page.sections))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(page.title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>\n<body>'
        f'<h1>{marked(page.title)}</h1><p class="about">{marked(page.about)}</p>'
        f"{f'<ul>{warned}</ul>' if warned else ''}\n<table>{table}</table>\n{commands}{noted}{body}</body></html>\n"
    )


def _row(line: Line, columns: int) -> str:
    mark = {None: "", True: '<span class="met">✓ met</span> ', False: '<span class="missed">✗ missed</span> '}[line.met]
    alone = f' colspan="{columns}"' if len(line.values) == 1 else ""  # one value for the whole line
    values = "".join(f'<td class="n"{alone}>{marked(value)}</td>' for value in line.values)
    first = ' class="first"' if line.row else ""
    return (
        f"<tr{first}><td>{escape(line.row)}</td><td>{marked(line.words)}</td>"
        f"<td>{mark}{marked(line.target)}</td>{values}</tr>\n"
    )


def _section(section: Section) -> str:
    picture = f'<img alt="{escape(section.heading)}" src="{embedded(section.picture)}">' if section.picture else ""
    return f"<h2>{marked(section.heading)}</h2><p>{marked(section.words)}</p>{picture}\n"


def marked(text: str) -> str:
    """Escaped; characters that need a Japanese font become small pictures that are read out as themselves."""
    return "".join(_character(p.text) if p.strokes else escape(p.text) for p in kana.pieces(text))


def _character(character: str) -> str:
    buffer = io.BytesIO()
    Image.fromarray(255 - kana.tile(character, 40)).save(buffer, "PNG")
    return f'<img class="k" alt="{escape(character)}" src="{embedded(buffer.getvalue())}">'


def embedded(picture: bytes) -> str:
    """A PNG or GIF as the address of itself."""
    kind = "gif" if picture.startswith(b"GIF8") else "png"
    return f"data:image/{kind};base64," + base64.b64encode(picture).decode()
