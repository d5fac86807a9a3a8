"""A search with Optuna: what is proposed, what a kill leaves, what is stopped on the way. Runs answer as files."""

import json
import math
import sys
from collections.abc import Iterator

import pytest
from runs.conftest import home as home

from core import config as configs
from core import events
from core.errors import ConfigError, RunError
from core.rundir import Home, RunDir
from core.runs import launcher, tickets
from core.runs.find import run_ids
from core.runs.meta import read_meta
from core.runs.state import state_of
from core.runs.store import Store
from core.studies import driver
from core.studies import sweep as sweeps
from core.studies import sweep_results as results

pytest.importorskip("optuna")

from core.studies.search import Search

OVER = ["train.lr=1e-5..1e-2", "model.size=xs,s"]
SHORT = {"train.steps": "40"}


@pytest.fixture
def store(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Nothing goes by itself: three runs wait at a time, and the test answers for them."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(launcher, "environment", lambda _config: {})  # git is asked four times a run for it
    tickets.change_settings(home, paused=True, slots=3)
    with Store.open(home) as opened:
        yield opened


def wanted(home: Home, number: int, *, prune: bool = False, seeds: int = 1) -> sweeps.Sweep:
    plan = sweeps.plan("digits", SHORT, OVER, search=number, by="q_fake", prune=prune, seeds=seeds)
    return sweeps.keep(home, plan)


def begun(home: Home, store: Store, sweep: sweeps.Sweep, said: list[str] | None = None) -> Search:
    return Search(home, store, sweep, judge=print, say=(said if said is not None else []).append)


def quality(run: RunDir) -> float:
    """Best at a learning rate of 3e-4, whatever the size."""
    config = configs.decode(run.config.read_bytes())
    return 1 / (1 + abs(math.log10(config.train.lr / 3e-4)))


def report(step: int, value: float) -> bytes:
    losses = {"d": 0.1, "g": 0.2, "info_cat": None, "info_con": None, "q_real": 0.5}
    return events.encode(events.Step(step=step, time=1e9, seconds=1.0, images_per_s=9.0, q_fake=value, **losses))


def answer(home: Home, state: str = "finished") -> int:
    """Everything that waits comes to its end; how many those were."""
    waiting = list(tickets.ids(home))
    for run in map(home.run, waiting):
        run.ticket.unlink()
        end = events.Finished(step=40, time=1e9, attempt=1, state=state, message="")  # type: ignore[arg-type]
        said = [report(step, quality(run) * step / 40) for step in range(4, 41, 4)]
        run.events.write_bytes(b"".join(said) + events.encode(end))
    return len(waiting)


def test_it_learns_from_what_came_before_and_goes_on_when_more_is_asked_for(home: Home, store: Store) -> None:
    said: list[str] = []
    search = begun(home, store, wanted(home, 21), said)
    rounds = 0
    while search.step():
        rounds += 1
        assert answer(home) <= 3
    assert rounds == 7
    best = max(map(home.run, run_ids(home)), key=quality)
    assert quality(best) > 0.85  # within 50 % of the best rate there is, out of three powers of ten
    later = [quality(run) for run in map(home.run, run_ids(home)) if int(read_meta(run).name.rsplit("-")[-1]) > 12]
    assert sum(later) / len(later) > 0.6  # at random it would be 0.51
    assert sum("best" in line for line in said) == 21
    outcomes = results.outcomes(home, search.sweep, sweeps.children(home, store, search.sweep), "q_fake")
    assert len(outcomes) == 21
    assert outcomes[0].mean == pytest.approx(quality(best))
    assert not begun(home, store, wanted(home, 21)).step()
    assert begun(home, store, wanted(home, 22)).step()
    assert len(run_ids(home)) == 22


def test_whatever_is_killed_lost_or_damaged_nothing_runs_twice(home: Home, store: Store) -> None:
    sweep = wanted(home, 10, seeds=2)
    journal = home.sweeps / sweep.id / "search.journal"
    damages = [b"", b'{"op_code":4,"tri', None, b"not json\n[]\n", b'{"op_code":99}\n', b"\x00\xff\n"]
    for damage in damages * 3:
        search = begun(home, store, sweep)  # as another command, after the one before was killed
        if not search.step():
            break
        answer(home)
        if damage is None:
            journal.unlink()
        else:
            journal.write_bytes(journal.read_bytes() + damage)
    assert not begun(home, store, sweep).step()
    runs = [home.run(run_id) for run_id in run_ids(home)]
    assert len(runs) == 20
    assert len({run.config.read_bytes() for run in runs}) == 20
    assert list(journal.parent.glob("search.journal.damaged-*"))


def test_what_a_command_left_goes_on_and_what_somebody_stops_does_not_count(home: Home, store: Store) -> None:
    sweep = wanted(home, 3)
    begun(home, store, sweep).step()
    left = home.run(next(tickets.ids(home)))
    launcher.stop(left)
    said: list[str] = []
    search = begun(home, store, sweep, said)
    assert search.step()
    assert state_of(left).kind == "queued"  # again
    launcher.stop(left)
    answer(home)
    assert not search.step()
    assert any("does not count: run" in line and "stopped" in line for line in said)
    assert len(run_ids(home)) == 3


def test_a_run_that_does_worse_than_the_others_is_stopped_and_says_why(home: Home, store: Store) -> None:
    search = begun(home, store, wanted(home, 7, prune=True))
    for _ in range(2):
        assert search.step()
        answer(home)
    assert search.step()
    bad = home.run(next(tickets.ids(home)))
    bad.events.write_bytes(report(4, 0.001) + report(8, 0.001))
    search.step()
    assert state_of(bad).kind == "queued"  # too early to tell
    bad.events.write_bytes(bad.events.read_bytes() + report(20, 0.002))
    search.step()
    assert state_of(bad).kind == "stopped"
    assert read_meta(bad).tags == ("pruned",)
    assert not begun(home, store, search.sweep).step()  # nor does it get another turn
    outcomes = results.outcomes(home, search.sweep, sweeps.children(home, store, search.sweep), "q_fake")
    assert [outcome.states for outcome in outcomes].count(("pruned",)) == 1
    assert len(run_ids(home)) == 7


def test_the_objective_may_be_a_row_of_the_score_card(home: Home, store: Store) -> None:
    sweep = sweeps.keep(home, sweeps.plan("digits", SHORT, OVER, search=3, by="fcd"))
    judged: list[str] = []

    def judge(row: object) -> None:
        run_id = str(getattr(row, "id", ""))
        judged.append(run_id)
        card = {"time": 2e9, "overall": 1.0, "columns": {"generated": {"fcd": 10.0 * len(judged)}}}
        results.card_path(home, sweep, run_id).write_text(json.dumps(card))

    said: list[str] = []
    search = Search(home, store, sweep, judge=judge, say=said.append)
    search.step()
    answer(home)
    assert not search.step()
    assert len(judged) == 3
    assert "fcd 30, best 10" in said[-1]  # the smaller the better


def test_one_command_works_on_a_search(home: Home) -> None:
    sweep = wanted(home, 3)
    assert not driver.leave(home, sweep)
    with (
        driver.driving(home, sweep),
        pytest.raises(RunError, match="another command works on"),
        driver.driving(home, sweep),
    ):
        pass
    assert not driver.leave(home, sweep)


def test_without_optuna_it_says_what_to_install(home: Home, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(RunError, match=r"pip install 'etlgan\[search\]'"):
        begun(home, store, wanted(home, 3))


def test_a_search_and_a_grid_are_told_apart() -> None:
    with pytest.raises(ConfigError, match="choose one"):
        sweeps.plan("digits", {}, OVER, search=3, draws=3, by="q_fake")
    longer = [sweeps.plan("digits", {}, OVER, search=number, by="q_fake").id for number in (3, 9)]
    assert longer[0] == longer[1] != sweeps.plan("digits", {}, OVER, search=3, by="overall").id
