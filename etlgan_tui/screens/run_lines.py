"""What the table of runs and its preview say: plain values out of the index. No widget is touched in here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from core.runs.store import PAGE
from etlgan_tui import looks
from etlgan_tui.family import SWEEP, Member, family
from etlgan_tui.index import Listed, Page, Preview
from etlgan_tui.query import Query
from etlgan_tui.widgets.chart import Series
from etlgan_tui.widgets.preview import Glance
from etlgan_tui.widgets.run_table import BY_LETTER, HEADS, Line

SHORT_NAME, LONG_NAME = 22, 44  # cells of a name, beside the preview and without it
_LEAST_NAME, _AROUND_NAME = 8, 26  # of a name anywhere; of state, step and age, which are never cut
LONGEST_TAGS = 16
SHOWN_CHARACTERS = 12
FOLDED, OPEN = "▸ ", "▾ "


def lines(
    runs: Sequence[Listed], query: Query, *, now: float, folded: Collection[str], name_cells: int = SHORT_NAME
) -> list[Line]:
    """A line a run. In the usual order, sweeps and runs with their children below them, unless these are folded."""
    if not together(query):
        return [_line(listed, now, name_cells) for listed in runs]
    members = _members(runs)
    shown, hidden_below = list[Line](), -1  # the depth of what is folded, -1 for none
    for place, member in enumerate(members):
        if 0 <= hidden_below < member.depth:
            continue
        below = _below(members, place)
        hidden_below = member.depth if below and member.id in folded else -1
        mark = (FOLDED if hidden_below >= 0 else OPEN) if below else ""
        if member.at is None:
            shown.append(_sweep_line(member.id, [runs[each.at] for each in below if each.at is not None], mark))
        else:
            shown.append(_line(runs[member.at], now, name_cells, branch=member.branch(unicode=True) + mark))
    return shown


def _below(members: Sequence[Member], place: int) -> list[Member]:
    """The descendants of one member: they follow it."""
    found = []
    for each in members[place + 1 :]:
        if each.depth <= members[place].depth:
            break
        found.append(each)
    return found


def together(query: Query) -> bool:
    """Whether children stand below their parent: not where the runs have another order, or all the same parent."""
    return query.order == "created" and not query.sweep


def family_of(runs: Sequence[Listed], chosen: str) -> str:
    """What `chosen` is folded into: itself where it has children here, else its parent; "" for none."""
    members = _members(runs)
    at = next((place for place, each in enumerate(members) if each.id == chosen), -1)
    if at >= 0 and _below(members, at):
        return chosen
    return next(iter(above(runs, chosen)), "")


def above(runs: Sequence[Listed], chosen: str) -> list[str]:
    """Below whom `chosen` stands: its parent, the parent's, and so on."""
    found, depth = list[str](), -1
    for each in reversed(_members(runs)):
        if each.id == chosen:
            depth = each.depth
        elif each.depth < depth:
            found.append(each.id)
            depth = each.depth
    return found


def _members(runs: Sequence[Listed]) -> list[Member]:
    return family([(listed.row.id, listed.row.parent) for listed in runs])


def name_cells(width: int, *, wide: bool) -> int:
    """Cells of a name in a table of that width; 0: not laid out yet."""
    if wide:
        return LONG_NAME
    return min(SHORT_NAME, max(_LEAST_NAME, width - _AROUND_NAME)) if width else SHORT_NAME


def _line(listed: Listed, now: float, name_cells: int, *, branch: str = "") -> Line:
    """In the order of run_table.HEADS."""
    row, state = listed
    damaged = bool(row.error) and row.steps is None
    cells = {
        "state": looks.state_mark(state),
        "name": branch + looks.cut(row.name or row.id, max(name_cells - len(branch), _LEAST_NAME)),
        "step": "damaged" if damaged else looks.short_progress(row),
        "age": looks.short_age(now - row.created),
        "score": looks.number(row.score, ".4g"),
        "D": looks.number(row.d, ".2f"),
        "G": looks.number(row.g, ".2f"),
        "info": looks.number(row.info_cat, ".2f"),
        "Q %": "" if row.q_fake is None else f"{100 * row.q_fake:.1f}",
        "img/s": looks.number(row.images_per_s, ",.0f"),
        "to target": "" if row.seconds_to_target is None else looks.duration(row.seconds_to_target),
        "tags": looks.cut(", ".join(row.tags), LONGEST_TAGS),
        "K": "" if row.classes is None else f"{row.classes:,}",
        "recipe": row.recipe,
        "preset": row.preset,
        "data": looks.cut(row.source, SHORT_NAME),
        "chars": looks.cut(row.chars, SHOWN_CHARACTERS),
    }
    return Line(row.id, state.kind, tuple(cells[head.title] for head in HEADS), (row.id,))


def _sweep_line(sweep: str, runs: Sequence[Listed], mark: str) -> Line:
    done = sum(listed.state.kind == "finished" for listed in runs)
    best = max((listed.row.score for listed in runs if listed.row.score is not None), default=None)
    cells = {
        "state": f"{mark}sweep",
        "name": sweep,
        "step": f"{done:,}/{len(runs):,} runs",
        "score": looks.number(best, ".4g"),
    }
    return Line(
        sweep, "sweep", tuple(cells.get(head.title, "") for head in HEADS), tuple(listed.row.id for listed in runs)
    )


def glance(found: Preview) -> Glance:
    """A run at a glance."""
    row, state = found.listed
    measured = found.curves.measured
    losses = {"D": row.d, "G": row.g, "info": row.info_cat}
    facts = (
        f"{looks.progress(row)} steps",
        f"{looks.duration(row.seconds)} trained",
        *(f"{name} {value:.2f}" for name, value in losses.items() if value is not None),
        "" if row.q_fake is None else f"Q {looks.percent(row.q_fake)}",
        "" if row.images_per_s is None else f"{row.images_per_s:,.0f} images/s",
        "" if row.score is None else f"score {row.score:.4g}",
        "" if row.seconds_to_target is None else f"target after {looks.duration(row.seconds_to_target)}",
        *(f"#{tag}" for tag in row.tags),
        row.preset,
        row.source,
        looks.counted(row.classes, "character") if row.classes else "",
        row.recipe,
        row.device,
        f"of {row.parent}" if row.parent else "",
    )
    return Glance(
        run_id=row.id,
        title=f"{row.name or row.id}  {looks.state_word(state)}",
        facts=tuple(filter(None, facts)),
        note="\n".join(filter(None, (state.message, row.error, row.note))),
        grid=found.grid,
        labels=found.labels,
        losses=tuple(Series(name.upper(), found.curves.step.values, measured[name]) for name in ("d", "g")),
        against=found.against,
        changes=found.changes,
    )


def sweep_glance(sweep: str, runs: Sequence[Listed]) -> Glance:
    """A sweep: how far its runs of this page are, and which did best."""
    children = [listed for listed in runs if listed.row.parent == sweep]
    states = Counter(listed.state.kind for listed in children)
    scored = sorted((listed for listed in children if listed.row.score is not None), key=lambda each: -_score(each))
    ranked = [f"{_score(listed):.4g}  {listed.row.name or listed.row.id}" for listed in scored[:5]]
    return Glance(
        run_id=sweep,
        title=f"{sweep}  {looks.counted(len(children), 'run')}",
        facts=tuple(f"{count:,} {kind}" for kind, count in states.items()),
        note="\n".join(["", "best scores:", *ranked] if ranked else ["", "no scores yet"]),
        grid=None,
        labels=(),
        losses=(),
        against="",
        changes=(),
    )


def _score(listed: Listed) -> float:
    return listed.row.score if listed.row.score is not None else 0.0


def is_sweep(line_id: str) -> bool:
    return bool(SWEEP.fullmatch(line_id))


def count(page: Page, *, marked: int, common: Sequence[str]) -> str:
    """The line below the table: how many, which page, in which order, what all of them have in common."""
    query, pages = page.query, max(1, -(-page.total // PAGE))
    parts = [
        f"{page.total:,} of {page.every:,} runs" if query.narrows else looks.counted(page.every, "run"),
        f"page {query.page + 1}/{pages}" if pages > 1 else "",
        _sorting(query),
        f"{marked} marked" if marked else "",
        query.problem or (f"all: {', '.join(common)}" if common and len(page.runs) > 1 else ""),
    ]
    return "  ·  ".join(filter(None, parts))


def _sorting(query: Query) -> str:
    if query.order == "created":
        return f"{'newest' if query.descending else 'oldest'} first"
    title = next(head.title for head in HEADS if head.order == query.order)
    if query.order in BY_LETTER:
        return f"by {title}, {'z' if query.descending else 'a'} first"
    return f"by {title}, {'largest' if query.descending else 'smallest'} first"
