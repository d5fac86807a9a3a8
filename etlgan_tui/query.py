"""What is typed behind `/`: free text, and `tag:x state:running recipe:etl sweep:ID` in any order, with double quotes
around what has blanks in it."""

from __future__ import annotations

import re
from typing import NamedTuple, get_args

from core.runs.state import Kind

_WORD = re.compile(r'(?:[^\s"]|"[^"]*"?)+')

STATES: tuple[str, ...] = get_args(Kind)


class Query(NamedTuple):
    """Which runs to show, and in which order."""

    text: str = ""
    tag: str = ""
    recipe: str = ""
    state: str = ""
    sweep: str = ""  # its id or a beginning of it, or `last`
    order: str = "created"
    descending: bool = True
    page: int = 0
    problem: str = ""  # a word that was not understood

    @property
    def narrows(self) -> bool:
        return bool(self.text or self.tag or self.recipe or self.state or self.sweep)


def parse(typed: str, base: Query = Query()) -> Query:  # noqa: B008  (immutable)
    """The words of a filter line into a Query of the first page; the order of `base` is kept."""
    words, found, problem = [], {"tag": "", "recipe": "", "state": "", "sweep": ""}, ""
    for word in (quoted.replace('"', "") for quoted in _WORD.findall(typed)):
        key, colon, value = word.partition(":")
        if colon and key in found:
            found[key] = value
        else:
            words.append(word)
    if found["state"]:
        matching = [state for state in STATES if state.startswith(found["state"].lower())]
        problem = "" if matching else f"state:{found['state']} is none of {', '.join(STATES)}"
        found["state"] = matching[0] if matching else ""
    wanted = base._replace(text=" ".join(words), page=0, problem=problem)
    return wanted._replace(tag=found["tag"], recipe=found["recipe"], state=found["state"], sweep=found["sweep"])
