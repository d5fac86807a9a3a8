"""Damage to files: bytes that flip, vanish or repeat, and JSON whose values are not what anybody expects."""

import json
import random
from collections.abc import Iterator
from typing import Any

ODD_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 2**63, -(2**70), 10**400, 1e308, float("nan"), float("inf"), "", "\x1b[2J\x1b]0;x\x07",
    "\u202e", "[red]x[/red]", "../../etc/passwd", "/dev/zero", "a" * 100_000, "\ud800", "あ", [], {}, [[]], {"": {}},
    [1, "x", None],
)  # fmt: skip


def damaged(content: bytes, random: random.Random) -> bytes:
    """The content with one to four faults in it."""
    for _ in range(random.randint(1, 4)):
        content = random.choice(FAULTS)(content, random)
    return content


def flip(content: bytes, random: random.Random) -> bytes:
    if not content:
        return b"\x00"
    at = random.randrange(len(content))
    return content[:at] + bytes([content[at] ^ (1 << random.randrange(8))]) + content[at + 1 :]


def cut(content: bytes, random: random.Random) -> bytes:
    return content[: random.randint(0, len(content))]


def drop(content: bytes, random: random.Random) -> bytes:
    at, length = random.randint(0, len(content)), random.randint(1, 64)
    return content[:at] + content[at + length :]


def repeat(content: bytes, random: random.Random) -> bytes:
    at, length = random.randint(0, len(content)), random.randint(1, 4096)
    return content[:at] + content[at : at + length] * random.randint(2, 5) + content[at + length :]


def insert(content: bytes, random: random.Random) -> bytes:
    at = random.randint(0, len(content))
    odd = (
        b"\x00" * 50,
        b"\xff\xfe",
        b"\n",
        b"\r",
        b"[" * 5000,
        b'"',
        b"{}",
        b"\x1b[31m",
        random.randbytes(40),
        b"9" * 400,
    )
    return content[:at] + random.choice(odd) + content[at:]


def swap_value(content: bytes, random: random.Random) -> bytes:
    """In one of the JSON documents of the content (one, or one a line)."""
    lines = content.split(b"\n") if content.count(b"\n{") else [content]
    at = random.randrange(len(lines))
    try:
        tree = json.loads(lines[at])
    except (ValueError, RecursionError):
        return content
    places = list(_places(tree))
    if not places:
        return content
    node, key = random.choice(places)
    if random.random() < 0.15:
        del node[key]
    else:
        node[key] = random.choice(ODD_VALUES)
    lines[at] = json.dumps(tree, ensure_ascii=random.random() < 0.5).encode(errors="surrogatepass")
    return b"\n".join(lines)


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every container with each key of it."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in list(items):
        yield tree, key
        yield from _places(value)


def blank(_content: bytes, random: random.Random) -> bytes:
    return random.choice((b"", b"\n", b"null", b"[]", b"{}", b"\x00" * 512, b"0", b'""'))


FAULTS = (flip, flip, cut, drop, repeat, insert, swap_value, swap_value, swap_value, swap_value, blank)
