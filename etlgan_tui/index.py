"""Looking into a home: pages of runs with their states, and what a preview shows. No terminal in here."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from core import config as configs
from core.errors import RunError
from core.events import Sampled
from core.rundir import Home, RunDir
from core.runs import alive
from core.runs.differences import differing as differences_between
from core.runs.differences import plain as as_written
from core.runs.find import run_ids
from core.runs.meta import printable
from core.runs.state import State, state_of
from core.runs.store import PAGE, Row, Store
from core.runs.sync import sync
from etlgan_tui import cards, looks
from etlgan_tui.histories import Curves, Histories
from etlgan_tui.query import Query

SYNC_SHARE = 20  # a look at all directories takes at most one part in so many of the time
SCREENFUL = 60  # runs


class Listed(NamedTuple):
    """One run of a page."""

    row: Row
    state: State


class Page(NamedTuple):
    """What a look at the index found."""

    query: Query
    runs: list[Listed]
    total: int  # runs that match, over all pages
    every: int  # runs there are
    notice: str = ""  # what had to be worked around


class Change(NamedTuple):
    """A setting that differs from another run's."""

    name: str
    before: str
    after: str


class Preview(NamedTuple):
    """What is shown beside the table."""

    listed: Listed
    grid: Path | None
    labels: tuple[str, ...]
    curves: Curves
    whole: bool  # the events were read up to their end
    against: str  # name of the run before, "" where there is none
    changes: tuple[Change, ...]


class Index:
    """The runs of one home. Each call opens the index anew, so that it may come from any thread."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.histories = Histories()
        self._states: dict[str, tuple[str, State]] = {}
        self._next_sync = 0.0
        self._outdated = False

    def page(self, query: Query, *, fresh: bool = True) -> Page:
        """One page of the runs asked for. `fresh`: read what is new in the directories first, if that is due; else
        only a screenful of what is known already, at once."""
        with Store.open(self.home) as store:
            if fresh:
                self._sync(store)
            every = store.count()
            parent, problem = _sweep(self.home, query.sweep)
            if problem:
                return Page(query._replace(problem=problem), [], 0, every, store.notice)
            if query.state:
                found = list(self._in_state(store, query, parent))
                start = query.page * PAGE
                return Page(query, found[start : start + PAGE], len(found), every, store.notice)
            rows = _rows(store, query, query.page, parent, limit=PAGE if fresh else SCREENFUL)
            total = store.count(text=query.text, tag=query.tag, recipe=query.recipe, parent=parent)
            return Page(query, [self._listed(row) for row in rows], total, every, store.notice)

    def rows(self, ids: list[str]) -> list[Listed]:
        """Some runs, in the order asked for; those that have gone are left out."""
        with Store.open(self.home) as store:
            found = store.rows(ids)
        return [self._listed(found[run_id]) for run_id in ids if run_id in found]

    def preview(self, run_id: str) -> Preview | None:
        """What is worth knowing at a glance; None for a run that has gone."""
        run = self.home.run(run_id)
        with Store.open(self.home) as store:
            row = store.row(run_id)
            before = store.row(previous) if (previous := previous_run(self.home, run_id)) else None
        if row is None or not run.path.is_dir():
            return None
        events = self.histories.of(run)
        with events.lock:
            whole, curves, sampled = events.read(), events.curves, events.history.newest()
        return Preview(
            listed=self._listed(row),
            grid=picture_path(run, sampled),
            labels=labels(sampled),
            curves=curves,
            whole=whole,
            against=looks.told_apart([(before.id, before.name), (row.id, row.name)])[0] if before else "",
            changes=differences(before.config, row.config) if before else (),
        )

    def outdated(self) -> None:
        """Something was done here: the next look reads the directories, however long that took last time."""
        self._outdated = True

    def _sync(self, store: Store) -> None:
        begun = time.monotonic()
        if (self._outdated or begun >= self._next_sync) and self.home.runs.is_dir():
            self._outdated = False  # before it reads: what is done meanwhile may be missed
            sync(self.home, store)
            self._next_sync = time.monotonic() + SYNC_SHARE * (time.monotonic() - begun)

    def _in_state(self, store: Store, query: Query, parent: str) -> Iterator[Listed]:
        """Every run in the state asked for: the index does not know states, so each is looked at."""
        page = 0
        while rows := _rows(store, query, page, parent):
            yield from (listed for listed in map(self._listed, rows) if listed.state.kind == query.state)
            page += 1

    def _listed(self, row: Row) -> Listed:
        """With its state: derived anew while it may change, remembered once the run has ended and nothing moved. And
        with what the score card says of a run that was not judged while it trained."""
        run = self.home.run(row.id)
        if row.score is None:
            row = row._replace(score=cards.score(run))
        signature, known = self._states.get(row.id, ("", None))
        settled = known and signature == row.signature and known.kind not in ("running", "queued")
        if known and settled and not (run.ticket.exists() or run.job.exists() or alive.held(run)):
            return Listed(row, known)
        state = state_of(run)
        self._states[row.id] = (row.signature, state)
        return Listed(row, state)


def _sweep(home: Home, typed: str) -> tuple[str, str]:
    """The sweep that is meant, "" for all runs; and why it is none."""
    if not typed:
        return "", ""
    from core.studies import sweep as sweeps

    try:
        return sweeps.read(home, typed).id, ""
    except RunError as error:
        return "", str(error)


def _rows(store: Store, query: Query, page: int, parent: str, *, limit: int = PAGE) -> list[Row]:
    return store.runs(
        limit=limit,
        offset=page * PAGE,
        order=query.order,
        descending=query.descending,
        text=query.text,
        tag=query.tag,
        recipe=query.recipe,
        parent=parent,
    )


def previous_run(home: Home, run_id: str) -> str:
    """The run made before this one, "" for the first."""
    ids = run_ids(home)
    at = ids.index(run_id) + 1 if run_id in ids else len(ids)
    return ids[at] if at < len(ids) else ""


def labels(sampled: Sampled | None) -> tuple[str, ...]:
    """What its rows show, harmless whatever the event says."""
    return tuple(map(printable, sampled.rows)) if sampled else ()


def picture_path(run: RunDir, sampled: Sampled | None) -> Path | None:
    """The file an event speaks of, never one outside the run: events may say anything."""
    return None if sampled is None else run.inside(sampled.path)


def plain(value: object) -> str:
    """A setting as a person writes it, harmless whatever a configuration says."""
    return printable(as_written(value))


def differences(before: str, after: str) -> tuple[Change, ...]:
    """What changed between two configurations (JSON, may be empty), in the order of the tree."""
    old, new = _flat(before), _flat(after)
    return tuple(
        Change(name, plain(old.get(name)), plain(new.get(name)))
        for name in dict.fromkeys([*new, *old])
        if old.get(name) != new.get(name)
    )


def differing(texts: list[str]) -> list[tuple[str, list[str]]]:
    """The settings in which configurations (JSON, may be empty) are not all the same, with each one's value."""
    found = differences_between([_flat(text) for text in texts])
    return [(name, list(map(printable, values))) for name, values in found]


def _flat(text: str) -> dict[str, object]:
    return configs.settings(msgspec.json.decode(text)) if text else {}
