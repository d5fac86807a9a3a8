"""Which run is meant."""

from pathlib import Path

import pytest

from core.errors import RunError
from core.rundir import Home
from core.runs.find import find, new_id
from core.runs.meta import RunMeta, write_meta

RUNS = {"261123-221045-k3f": "digits-1", "261123-221050-abc": "digits-2", "261124-000000-xyz": "かな 😀 [b]x[/b]"}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path)
    for run_id, name in RUNS.items():
        made.run(run_id).path.mkdir(parents=True)
        write_meta(made.run(run_id), RunMeta(run_id, name, 1.0))
    return made


@pytest.mark.parametrize(
    ("text", "run_id"),
    [
        ("261123-221045-k3f", "261123-221045-k3f"),
        ("261123-221045", "261123-221045-k3f"),
        ("261124", "261124-000000-xyz"),
        ("digits-2", "261123-221050-abc"),
        ("かな 😀 [b]x[/b]", "261124-000000-xyz"),
        ("last", "261124-000000-xyz"),
    ],
)
def test_id_start_name_or_last(home: Home, text: str, run_id: str) -> None:
    assert find(home, text) == home.run(run_id)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("261123", "'261123' begins 2 ids: 261123-221050-abc, 261123-221045-k3f; give more of it"),
        ("digit-2", "did you mean 'digits-2' or 'digits-1'"),
        ("zzz", "no run 'zzz' in .*; `etlgan ls` lists them"),
        ("", "no run '' in"),
        ("..", r"no run '\.\.' in"),
        ("../runs/261124-000000-xyz", "no run"),
        ("/etc", "no run '/etc'"),
        ("261124-000000-xyz/", "did you mean '261124-000000-xyz'"),
        ("\x1b[31m", r"no run '\[31m'"),
    ],
)
def test_anything_else_is_an_error_that_helps(home: Home, text: str, message: str) -> None:
    with pytest.raises(RunError, match=message):
        find(home, text)


def test_of_equal_names_the_newest(home: Home) -> None:
    write_meta(home.run("261123-221045-k3f"), RunMeta("", "same", 9.0))
    write_meta(home.run("261123-221050-abc"), RunMeta("", "same", 1.0))
    assert find(home, "same").id == "261123-221050-abc"


def test_last_of_two_within_a_second(home: Home) -> None:
    for run_id, created in (("261125-000000-zzz", 5.0), ("261125-000000-aaa", 5.5)):
        home.run(run_id).path.mkdir()
        write_meta(home.run(run_id), RunMeta(run_id, "x", created))
    assert find(home, "last").id == "261125-000000-aaa"


def test_ids_sort_as_they_were_made_within_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = [1_764_000_000 + n / 500 for n in range(500)]
    monkeypatch.setattr("core.runs.find.time.time", lambda: moments[len(ids)])
    ids: list[str] = []
    for _ in moments:
        ids.append(new_id())  # the clock counts them
    assert ids == sorted(ids)
    assert len({each[:13] for each in ids}) == 1
    assert len(set(ids)) == 500


def test_an_id_wins_over_a_name(home: Home) -> None:
    write_meta(home.run("261124-000000-xyz"), RunMeta("", "261123-221045-k3f", 9.0))
    assert find(home, "261123-221045-k3f").id == "261123-221045-k3f"


def test_no_runs_at_all(tmp_path: Path) -> None:
    for text in ("last", "x"):
        with pytest.raises(RunError, match=r"there is no run in .* yet; `etlgan run` starts one"):
            find(Home(tmp_path), text)
