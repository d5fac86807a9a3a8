"""Words for a terminal: results to stdout, everything else to stderr, nothing from a file or an argument drawn raw."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from etlgan_tui import looks
from etlgan_tui.escapes import last_written, without_escapes


def clean(text: object) -> str:
    """One line of plain text: escape sequences and control characters gone, whatever they would have done."""
    from core.runs.meta import printable

    return printable(without_escapes(str(text)).replace("\t", " ").replace("\n", " "))


def fold(line: str) -> str:
    """A console line as a terminal would leave it: what a carriage return overwrote is dropped, then `clean`."""
    return clean(last_written(line))


def prepare() -> None:
    """A character that the locale cannot show is written as \\u3042: nothing crashes, nothing is lost."""
    if sys.stdout is None or sys.stderr is None:  # closed by the caller, as `>&-` does
        nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  (until the end)
        sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def flushed() -> bool:
    """Whether stdout takes what was said."""
    try:
        sys.stdout.flush()
    except OSError:
        return False
    return True


def give_up_stdout() -> None:
    """Nobody reads it any more, or its disk is full: what is left must not make Python complain at its end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say(text: str = "") -> None:
    """A result, to stdout. Lines must be clean already."""
    print(text)


def tell(text: str = "") -> None:
    """A word for people, to stderr. A stderr that nobody reads any more is no reason to stop."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def say_json(value: Any) -> None:
    """One JSON document to stdout, indented, Japanese as it is; a number that is not finite becomes null."""
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def is_terminal(stream: TextIO) -> bool:
    """Whether a person watches the stream on a terminal that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb")


def shows_unicode(stream: TextIO) -> bool:
    """Whether braille, blocks and kana can be written there at all."""
    return "utf" in (getattr(stream, "encoding", "") or "").lower()


def width() -> int:
    """Columns of the terminal; 80 where there is none, or COLUMNS."""
    return max(20, shutil.get_terminal_size((80, 24)).columns)


def fit(text: str, cells: int, *, right: bool = False) -> str:
    """Padded or cut to exactly `cells` columns; a kana is two columns wide."""
    from rich.cells import cell_len, set_cell_size

    size = cell_len(text)
    if size > cells:
        ellipsis = "…" if shows_unicode(sys.stdout) else "~"
        return set_cell_size(text, cells - 1) + ellipsis if cells > 1 else set_cell_size(text, cells)
    pad = " " * (cells - size)
    return pad + text if right else text + pad


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, right: frozenset[str] = frozenset(), give: str = ""
) -> list[str]:
    """Aligned lines. Column `give` gives way when the terminal is narrow; without one, lines may be longer than it."""
    from rich.cells import cell_len

    widths = [max(cell_len(text) for text in column) for column in zip(head, *rows, strict=True)]
    over = sum(widths) + 2 * (len(widths) - 1) - width()
    if give and over > 0 and sys.stdout.isatty():
        at = list(head).index(give)
        widths[at] = max(min(widths[at], 6), widths[at] - over)
    return [
        "  ".join(
            fit(text, cells, right=name in right) for name, text, cells in zip(head, line, widths, strict=True)
        ).rstrip()
        for line in (head, *rows)
    ]


def pairs(rows: Sequence[tuple[str, str]], *, indent: str = "") -> list[str]:
    """`name  value` lines, values aligned; where a person looks, long values go on below their beginning."""
    from rich.cells import cell_len

    widest = max((cell_len(name) for name, _ in rows), default=0)
    room = width() - len(indent) - widest - 2 if sys.stdout.isatty() else sys.maxsize
    lines = []
    for name, value in rows:
        first, *more = looks.packed(value.split(" "), max(room, 20), " ")  # a path stays whole, to be copied
        lines.append(f"{indent}{fit(name, widest)}  {first}".rstrip())
        lines += [f"{indent}{' ' * widest}  {text}" for text in more]
    return lines


def duration(seconds: float | None) -> str:
    """1:05, 1:02:03, 3 d 4 h; a dash for nothing."""
    if seconds is None or seconds < 0 or seconds != seconds:
        return "-"
    return looks.duration(seconds)


def size(count: float) -> str:
    """Bytes for people: 512 MB, 1.2 GB (powers of 1000)."""
    for unit in ("B", "kB", "MB"):
        if count < 999.5:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def number(value: float | None, pattern: str = ".3f") -> str:
    """A value, or a dash where there is none."""
    return "-" if value is None else format(value, pattern)
