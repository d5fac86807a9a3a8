"""Sweeps: which points, which runs, what is repeated and what not, what came of them."""

import itertools
import json
import multiprocessing
from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest
from runs.conftest import home as home
from runs.conftest import wait_for

from core import config as configs
from core import events
from core.errors import ConfigError, RunError
from core.rundir import Home, write_json
from core.runs import launcher, tickets, waiter
from core.runs.find import run_ids
from core.runs.meta import read_meta
from core.runs.store import Store
from core.runs.sync import sync
from core.studies import sweep as sweeps
from core.studies import sweep_results as results

GRIDS = ["train.lr=1e-4,2e-4", "model.size=xs,s"]
SHORT = {"train.steps": "3"}


@pytest.fixture(autouse=True)
def quiet(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    yield
    tickets.change_settings(home, paused=True)
    wait_for(lambda: not waiter.waits(home))


def found(home: Home, sweep: sweeps.Sweep) -> list[sweeps.Child]:
    with Store.open(home) as store:
        sync(home, store)
        return sweeps.children(home, store, sweep)


def go_on(home: Home, sweep: sweeps.Sweep) -> tuple[int, int]:
    with Store.open(home) as store:
        return sweeps.go_on(home, store, sweep)


def kinds(home: Home, sweep: sweeps.Sweep) -> list[str]:
    return [child.state.kind if child.state else "" for child in found(home, sweep)]


def test_a_grid_is_every_combination_with_every_seed() -> None:
    sweep = sweeps.plan("digits", SHORT, GRIDS, seeds=2)
    points = list(sweeps.points(sweep))
    assert [(point.changes["train.lr"], point.changes["model.size"], point.seed) for point in points] == [
        (lr, size, seed) for lr in ("1e-4", "2e-4") for size in ("xs", "s") for seed in (0, 1)
    ]
    assert {point.config.train.steps for point in points} == {3}
    assert points[2].config.model.size == "s"
    assert points[1].config.seed == 1


def test_the_same_command_is_the_same_sweep_and_another_is_not() -> None:
    plan = partial(sweeps.plan, "digits", SHORT, GRIDS)
    assert plan().id == plan().id
    assert (
        len(
            {
                plan().id,
                plan(seeds=2).id,
                sweeps.plan("digits", {}, GRIDS).id,
                sweeps.plan("digits", SHORT, GRIDS[:1]).id,
            }
        )
        == 4
    )


def test_random_points_stay_in_their_ranges_and_are_the_same_every_time() -> None:
    grids = ["train.lr=1e-4..1e-2", "recipe.augment=0..0.5", "train.batch_size=8..64", "model.size=xs,s"]
    sweep = sweeps.plan("digits", SHORT, grids, draws=100)
    points = list(sweeps.points(sweep))
    assert points[:5] == list(itertools.islice(sweeps.points(sweep), 5))
    rates = [point.config.train.lr for point in points]
    assert all(1e-4 <= rate <= 1e-2 for rate in rates)
    assert 30 < sum(rate < 1e-3 for rate in rates) < 70  # half of them, as a logarithmic scale has it
    assert all(0 <= point.config.recipe.augment <= 0.5 for point in points)
    assert all(8 <= point.config.train.batch_size <= 64 for point in points)
    assert {point.config.model.size for point in points} == {"xs", "s"}


@pytest.mark.parametrize(
    ("grids", "draws", "count"),
    [
        (["model.size=xs,s"], 6, 2),
        (["train.batch_size=8..10", "model.size=xs,s"], 6, 6),
        (["train.batch_size=8..10", "model.size=xs,s"], 4, 4),
        (["train.target=0.9..0.9001"], 3, 1),  # of three digits there is but one
        (["train.lr=1e-4..1e-2"], 50, 50),
    ],
)
def test_no_point_is_drawn_twice(grids: list[str], draws: int, count: int) -> None:
    sweep = sweeps.plan("digits", SHORT, grids, draws=draws, seeds=2)
    assert len({configs.encode(point.config) for point in sweeps.points(sweep)}) == 2 * count
    assert len(list(sweeps.points(sweep))) == sweep.wanted == 2 * count


@pytest.mark.parametrize(
    ("grids", "draws", "words"),
    [
        ([], 0, "nothing to sweep"),
        (["train.lr"], 0, "NAME=VALUE"),
        (["train.lr="], 0, "NAME=VALUE"),
        (["train.lrr=1"], 0, "did you mean"),
        (["train.lr=1e-4,7"], 0, "train.lr=7"),
        (["train.lr=1e-4,1e-4"], 0, "named twice"),
        (["train.lr=1e-4,0.0001"], 0, "named twice"),
        (["seed=1,2"], 0, "--seeds"),
        (["train.lr=1e-4..1e-3"], 0, "--random N"),
        (["train.lr=1e-3..1e-4"], 3, "smaller number"),
        (["train.lr=1..x"], 3, "LOW..HIGH"),
        (["train.lr=0..1e999"], 3, "smaller number"),
        (["train.steps=1,2", "train.steps=3"], 0, "set twice"),
        (["train.lr=1e-4..1e-3"], 100_000, "too many"),
    ],
)  # fmt: skip
def test_mistakes_are_told_before_anything_is_queued(grids: list[str], draws: int, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        sweeps.plan("digits", {}, grids, draws=draws)


def test_finished_children_are_not_repeated_and_the_rest_goes_on(home: Home) -> None:
    sweep = sweeps.keep(home, sweeps.plan("digits", SHORT, GRIDS))
    assert go_on(home, sweep) == (4, 0)
    assert all(read_meta(home.run(run_id)).parent == sweep.id for run_id in run_ids(home))
    wait_for(lambda: kinds(home, sweep) == ["finished"] * 4, 40)
    assert go_on(home, sweep) == (0, 0)
    tickets.change_settings(home, paused=True)
    launcher.remove(home, home.run(run_ids(home)[0]))
    assert go_on(home, sweep) == (1, 0)
    assert go_on(home, sweep) == (0, 0)  # it waits already
    launcher.stop(home.run(run_ids(home)[0]))
    assert go_on(home, sweep) == (0, 1)
    assert sorted(kinds(home, sweep)) == ["finished"] * 3 + ["queued"]


def test_two_commands_at_once_queue_nothing_twice(home: Home) -> None:
    tickets.change_settings(home, paused=True)
    sweep = sweeps.keep(home, sweeps.plan("digits", SHORT, GRIDS))
    with multiprocessing.get_context("spawn").Pool(4) as pool:  # a fork of a process with threads may stand still
        counts = pool.map(partial(go_on, home), [sweep] * 4, chunksize=1)
    assert sorted(counts) == [(0, 0)] * 3 + [(4, 0)]
    assert len(run_ids(home)) == 4


def test_it_is_read_back_as_it_was_written(home: Home) -> None:
    sweep = sweeps.keep(home, sweeps.plan("digits", SHORT, ["train.lr=1e-4..1e-3"], draws=3, seeds=2))
    assert sweeps.read(home, sweep.id) == sweep
    assert sweeps.read(home, sweep.id[6:9]) == sweeps.read(home, "last") == sweep
    for text in ("nothing", "", "../..", "sweep-"):
        with pytest.raises(RunError, match="no sweep"):
            sweeps.read(home, text)
    path = home.sweeps / sweep.id / "sweep.json"
    for text in ('{"axes": 5}', "[", path.read_text().replace('"train.lr"', '"../../out"')):
        path.write_text(text)
        with pytest.raises(RunError, match="damaged"):
            sweeps.read(home, sweep.id)


def finished(home: Home) -> sweeps.Sweep:
    """A sweep whose four configurations have ended for both seeds, as far as files can tell."""
    tickets.change_settings(home, paused=True)
    sweep = sweeps.keep(home, sweeps.plan("digits", SHORT, GRIDS, seeds=2))
    go_on(home, sweep)
    losses = {"d": 0.1, "g": 0.2, "info_cat": None, "info_con": None, "q_real": 0.5, "q_fake": 0.6}
    for run in map(home.run, run_ids(home)):
        run.ticket.unlink()
        report = events.Step(step=3, time=1e9, seconds=1.0, images_per_s=9.0, **losses)
        end = events.Finished(step=3, time=1e9, attempt=1, state="finished", message="")
        run.events.write_bytes(events.encode(report) + events.encode(end))
    return sweep


def test_the_best_configuration_is_by_the_mean_over_seeds(home: Home) -> None:
    sweep = finished(home)
    children = found(home, sweep)
    assert all(outcome.mean == pytest.approx(0.6) for outcome in results.outcomes(home, sweep, children, "q_fake"))
    for at, child in enumerate(children):
        assert child.row
        columns = {"generated": {"gan_test": at / 10, "fcd": at / 10}}
        write_json(results.card_path(home, sweep, child.row.id), {"time": 2e9, "overall": at / 10, "columns": columns})
    for objective, best in (("overall", ("2e-4", "s")), ("gan_test", ("2e-4", "s")), ("fcd", ("1e-4", "xs"))):
        outcomes = results.outcomes(home, sweep, children, objective)
        assert tuple(outcomes[0].changes.values()) == best
        assert outcomes[0].mean == pytest.approx(0.65 if best[1] == "s" else 0.05)
        assert outcomes[0].spread == pytest.approx(0.0707, abs=1e-3)
    assert results.unscored(home, sweep, children, "gan_test") == []
    assert len(results.unscored(home, sweep, children, "coverage")) == 8
    row = children[0].row
    assert row
    write_json(results.card_path(home, sweep, row.id), {"time": row.updated - 1, "overall": 1.0})
    assert results.unscored(home, sweep, children, "overall") == [row]  # judged before it went on
    draw(home, sweep, results.outcomes(home, sweep, children, "gan_test"))


def draw(home: Home, sweep: sweeps.Sweep, outcomes: list[results.Outcome]) -> None:
    """Plots of a numeric and of a worded field are real pictures."""
    from PIL import Image

    from core.figures import sweeps as figures

    for axis in sweep.axes:
        dots = [figures.Dot(o.changes[axis.name], y, o is outcomes[0]) for o in outcomes for y in o.values]
        path = figures.draw(home.root / f"{axis.name}.png", field=axis.name, objective="x", dots=dots, log=axis.log)
        with Image.open(path) as image:
            red, _, blue = np.moveaxis(np.asarray(image.convert("RGB")), 2, 0)
        assert ((red > 180) & (blue < 90)).sum() > 20  # the best stands out


def test_what_is_to_be_small() -> None:
    smaller = {"fcd", "kid", "gan_train_gap", "memorised", "seconds", "seconds_to_labels", "d", "off_diagonal_second"}
    greater = {"overall", "gan_test", "spread", "coverage_ratio", "images_per_s", "samples_per_s", "q_fake"}
    assert {name for name in smaller | greater if results.lower_is_better(name)} == smaller


def test_a_damaged_child_or_card_costs_only_itself(home: Home) -> None:
    tickets.change_settings(home, paused=True)
    sweep = sweeps.keep(home, sweeps.plan("digits", SHORT, GRIDS))
    go_on(home, sweep)
    home.run(run_ids(home)[0]).config.write_text("{")
    children = found(home, sweep)
    assert sum(child.row is None for child in children) == 1
    row = next(child.row for child in children if child.row)
    for text in ("[]", '{"columns": 3}', '{"time": "x", "overall": {}}', '{"time": 2e9, "overall": "best"}'):
        results.card_path(home, sweep, row.id).write_text(text)
        assert results.value(home, sweep, row, "overall") is None
    assert json.loads(configs.encode(sweep.base))["train"]["steps"] == 3
