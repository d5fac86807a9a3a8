"""Which run belongs to which: the order of a list in which children stand below their parent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

SWEEP = re.compile(r"sweep-[0-9a-f]{8}")
DEEPEST = 4  # of the drawing; who is further down stands at the same place
_BRANCHES = {True: ("├ ", "└ "), False: ("|-", "`-")}  # by whether the terminal shows Unicode: more follow, the last


class Member(NamedTuple):
    """One line of the list: a run, or a sweep above its runs."""

    id: str
    at: int | None  # which of the given runs; None: a sweep
    depth: int = 0  # 0 for who has no parent here
    last: bool = False  # of its parent's children

    def branch(self, *, unicode: bool) -> str:
        """What to draw before the name."""
        indent = "  " * (min(self.depth, DEEPEST) - 1)
        return indent + _BRANCHES[unicode][self.last] if self.depth else ""


def family(runs: Sequence[tuple[str, str]]) -> list[Member]:
    """(id, parent) in any order -> the same with children below their parent; a family stands where its first member
    stood. A parent that is no run of these and no sweep does not count; nor does one that is its own ancestor."""
    places = {run_id: at for at, (run_id, _) in enumerate(runs)}
    parents = {run_id: parent for run_id, parent in runs if parent in places or SWEEP.fullmatch(parent)}
    children: dict[str, list[str]] = {}
    for run_id, _ in runs:
        if run_id in parents:
            children.setdefault(parents[run_id], []).append(run_id)
    lines: list[Member] = []
    seen: set[str] = set()
    for run_id, _ in runs:
        waiting = [] if run_id in seen else [(_eldest(run_id, parents), 0, False)]
        while waiting:
            each, depth, last = waiting.pop()
            seen.add(each)
            lines.append(Member(each, places.get(each), depth, last))
            below = [child for child in children.get(each, []) if child not in seen]
            waiting += [(child, depth + 1, child == below[-1]) for child in reversed(below)]
    return lines


def _eldest(run_id: str, parents: dict[str, str]) -> str:
    """The ancestor without a parent; in a circle, whoever comes last before it closes."""
    passed = {run_id}
    while (parent := parents.get(run_id)) is not None and parent not in passed:
        passed.add(run_id := parent)
    return run_id
