"""Run directories -> index: once, twice, torn, damaged, copied, gone, rebuilt, by many at once."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core import config as configs
from core import events
from core.errors import StoreError
from core.events import AnyEvent, Finished, Scored, Started, Step
from core.history import MEASURED, History
from core.presets import resolve
from core.rundir import Home, RunDir
from core.runs import launcher
from core.runs.find import run_ids
from core.runs.meta import RunMeta, write_meta
from core.runs.store import Row, Store
from core.runs.sync import fold, reindex, sync

from .conftest import ended


def report(step: int, **more: float | None) -> Step:
    values: dict[str, Any] = dict.fromkeys(MEASURED, 0.5) | more
    return Step(step=step, time=100.0 + step, seconds=step / 10, **values)


def started(attempt: int, step: int) -> Started:
    return Started(
        step=step, time=1.0, attempt=attempt, device="cpu", precision="fp32", threads=1, batch_size=2, classes=10,
        steps=100, data="x",
    )  # fmt: skip


def finished(step: int, attempt: int = 1) -> Finished:
    return Finished(step=step, time=500.0, attempt=attempt, state="finished", message="done")


STORY: list[AnyEvent] = [
    started(1, 0), report(10), report(20), Scored(step=20, time=1.0, scores={"as asked": 0.9, "worst": None}),
    report(30, d=9.0), Scored(step=30, time=1.0, scores={"as asked": 0.1}), started(2, 20), report(30, d=1.0, g=None),
    Scored(step=30, time=1.0, scores={"as asked": 0.95}), finished(30, 2),
]  # fmt: skip


def make(home: Home, run_id: str, said: list[AnyEvent] | None = None, **meta: Any) -> RunDir:
    run = home.run(run_id)
    run.path.mkdir(parents=True)
    run.config.write_bytes(configs.encode(resolve("digits", {"train.steps": 100})))
    write_meta(run, RunMeta(run_id, meta.pop("name", f"name of {run_id}"), meta.pop("created", 5.0), **meta))
    run.events.write_bytes(b"".join(map(events.encode, STORY if said is None else said)))
    return run


def synced(home: Home) -> list[Row]:
    with Store.open(home) as store:
        sync(home, store)
        return store.runs(order="id", descending=False)


@pytest.fixture
def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.delenv("ETLGAN_DB", raising=False)
    return Home(tmp_path)


def test_a_row_tells_the_last_values(plain: Home) -> None:
    make(plain, "a", tags=("x", "日本"), note="n", priority=3, parent="p")
    (row,) = synced(plain)
    assert (row.id, row.name, row.tags, row.note, row.priority, row.parent) == (
        "a", "name of a", ("x", "日本"), "n", 3, "p",
    )  # fmt: skip
    assert (row.preset, row.recipe, row.source, row.chars, row.size, row.steps) == (
        "digits", "etl", "penman", "digits", 32, 100,
    )  # fmt: skip
    assert (row.attempt, row.step, row.classes, row.device, row.updated) == (2, 30, 10, "cpu", 500.0)
    assert (row.d, row.g, row.q_fake, row.score) == (1.0, None, 0.5, 0.95)
    assert row.seconds == 3.0 + 3.0  # both attempts: what it cost, not what counts
    assert (row.finished, row.message, row.error) == ("finished", "done", "")
    assert configs.decode(row.config.encode()).train.steps == 100
    assert row.offset == plain.run("a").events.stat().st_size


def test_a_resume_voids_what_was_measured_past_it() -> None:
    row = fold(Row("a"), STORY[:6])
    assert (row.d, row.score) == (9.0, 0.1)
    row = fold(row, [started(2, 20)])
    assert (row.step, row.d, row.score, row.finished) == (20, None, None, "")


def test_time_to_the_target_is_the_first_time_over_all_attempts() -> None:
    def scored(step: int, seconds: float, *, passed: bool) -> Scored:
        return Scored(step=step, time=1.0, scores={"x": 1.0}, seconds=seconds, passed=passed)

    said: list[AnyEvent] = [
        started(1, 0),
        report(10),
        scored(10, 1.0, passed=False),
        started(2, 10),
        scored(20, 4.0, passed=True),
    ]
    row = fold(Row("a"), said)
    spent = fold(Row("a"), said[:2]).seconds
    assert row.seconds_to_target == spent + 4.0
    assert fold(row, [scored(30, 9.0, passed=True)]).seconds_to_target == row.seconds_to_target
    assert fold(row, [started(3, 20)]).seconds_to_target == row.seconds_to_target
    assert fold(row, [started(3, 15)]).seconds_to_target is None
    assert fold(row, [started(3, 15), scored(20, 2.0, passed=True)]).seconds_to_target is not None
    history = History()
    history.add(said)
    assert history.seconds_to_target == spent + 4.0
    history.add([started(3, 15)])
    assert history.seconds_to_target is None


@pytest.mark.parametrize("size", range(1, len(STORY) + 1))
def test_how_events_are_cut_into_batches_makes_no_difference(size: int) -> None:
    row = Row("a")
    for start in range(0, len(STORY), size):
        row = fold(row, STORY[start : start + size])
    assert row == fold(Row("a"), STORY)


def test_twice_is_once_and_nothing_new_is_nothing_read(plain: Home) -> None:
    make(plain, "a")
    with Store.open(plain) as store:
        assert sync(plain, store) == (1, 0)
        first = store.runs()
        assert sync(plain, store) == (0, 0)
        with store.transaction():
            store.put(first)
        assert store.runs() == first
        assert store.count() == 1


def test_growing_file_torn_line_and_any_cut_give_the_same_as_reading_once(plain: Home) -> None:
    whole = b"".join(map(events.encode, STORY))
    run = make(plain, "a", [])
    with Store.open(plain) as store:
        for length in range(0, len(whole) + 97, 97):
            run.events.write_bytes(b"")  # same inode
            with run.events.open("r+b") as file:
                file.write(whole[:length])
            sync(plain, store)
        grown = store.runs()
    reindex(plain)
    assert synced(plain) == grown
    assert grown[0].step == 30
    assert grown[0].error == ""


def test_events_rewritten_in_place_are_read_anew(plain: Home) -> None:
    run = make(plain, "a")
    (before,) = synced(plain)
    content = run.events.read_bytes()
    with run.events.open("r+b") as file:  # the same inode, the same length
        file.write(content.replace(b'"scores":{"as asked":0.95}', b'"scores":{"as asked":0.75}'))
    os.utime(run.events, (1.0, 1.0))
    (row,) = synced(plain)
    assert (before.score, row.score) == (0.95, 0.75)
    assert row.seconds == before.seconds


def test_a_longer_file_in_its_place_is_not_taken_for_one_that_grew(plain: Home) -> None:
    """A file that is made anew may well get the inode number of the one that was deleted."""
    run = make(plain, "a")
    (before,) = synced(plain)
    first, _, rest = run.events.read_bytes().partition(b"\n")
    with run.events.open("r+b") as file:
        file.write(first + b"\nnonsense\n" + rest)
    (row,) = synced(plain)
    assert before.error == ""
    assert "events.jsonl, byte" in row.error


def test_edits_of_meta_and_config_arrive(plain: Home) -> None:
    run = make(plain, "a")
    synced(plain)
    launcher.edit_meta(run, name="new 😀 [bold]name[/bold]", tags=["t"])
    run.config.write_bytes(configs.encode(resolve("digits", {"train.steps": 777})))
    (row,) = synced(plain)
    assert (row.name, row.tags, row.steps, row.step) == ("new 😀 [bold]name[/bold]", ("t",), 777, 30)


@pytest.mark.parametrize(
    ("file", "content", "error"),
    [
        ("config.json", b"{", "config.json: Input data was truncated"),
        ("config.json", b'{"\x1b[31mred": 1}', "config.json"),
        ("config.json", b'{"\\u001b[31mred": 1}', "config.json: Object contains unknown field `[31mred`"),
        ("config.json", b'{"version": 99}', "config.json: written by a newer etlgan"),
        ("events.jsonl", b'{"event":"x"}\n{"event":"y"}\n', "events.jsonl, byte 0: not an event line"),
    ],
)
def test_a_damaged_run_is_named_and_the_others_still_list(plain: Home, file: str, content: bytes, error: str) -> None:
    make(plain, "a")
    make(plain, "b")
    make(plain, "c")
    synced(plain)
    (plain.run("b").path / file).write_bytes(content)
    rows = synced(plain)
    assert [row.id for row in rows] == ["a", "b", "c"]
    assert rows[1].error.startswith(error)
    assert "\x1b" not in rows[1].error
    assert [row.error for row in rows if row.id != "b"] == ["", ""]
    assert rows[1].name == "name of b"
    reindex(plain)
    assert synced(plain) == rows


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"name": 5, "tags": "x", "created": "now", "priority": 1e99}', b"\xff"]
)
def test_damaged_meta_gives_a_run_without_a_name(plain: Home, content: bytes) -> None:
    make(plain, "a").meta.write_bytes(content)
    (row,) = synced(plain)
    assert (row.name, row.tags, row.priority) == ("a", (), 0)


def test_hostile_names_are_made_harmless(plain: Home) -> None:
    run = make(plain, "a")
    run.meta.write_text(
        json.dumps({"name": "\x1b]0;x\x07\ud800evil\u202e", "tags": ["\x1b[1m", "ok"], "note": "a\nb\x00"})
    )
    (row,) = synced(plain)
    assert (row.name, row.tags, row.note) == ("]0;xevil", ("[1m", "ok"), "a\nb")


def test_numbers_that_sqlite_cannot_hold(plain: Home) -> None:
    make(plain, "a", [started(10**30, 10**25), finished(10**25, 10**30)])
    (row,) = synced(plain)
    assert (row.step, row.bad_lines) == (0, 2)  # no step is so large: the lines are damaged


def test_copied_directories_appear_and_vanished_ones_go(plain: Home, tmp_path: Path) -> None:
    run = make(plain, "a")
    elsewhere = Home(tmp_path / "elsewhere")
    elsewhere.runs.mkdir(parents=True)
    synced(elsewhere)
    shutil.copytree(run.path, elsewhere.run("a copy (1)").path)
    rows = synced(elsewhere)
    assert [(row.id, row.step) for row in rows] == [("a copy (1)", 30)]
    shutil.rmtree(elsewhere.run("a copy (1)").path)
    with Store.open(elsewhere) as store:
        assert sync(elsewhere, store) == (0, 1)
        assert store.count() == 0


def test_what_is_no_run_is_left_out(plain: Home) -> None:
    make(plain, "a")
    (plain.runs / "empty").mkdir()
    (plain.runs / ".new-draft").mkdir()
    (plain.runs / ".new-draft" / "config.json").write_text("{}")
    (plain.runs / "file").write_text("x")
    (plain.runs / "evil\x1b[31m").mkdir()
    (plain.runs / "evil\x1b[31m" / "config.json").write_text("{}")
    assert [row.id for row in synced(plain)] == ["a"]


def test_only_the_runs_asked_for_are_read(plain: Home) -> None:
    make(plain, "a")
    make(plain, "b")
    with Store.open(plain) as store:
        assert sync(plain, store, ["b", "unknown"]) == (1, 0)
        assert [row.id for row in store.runs()] == ["b"]
        shutil.rmtree(plain.run("b").path)
        assert sync(plain, store, ["a"]) == (1, 0)
        assert sync(plain, store, ["b"]) == (0, 1)


def test_a_rebuilt_index_equals_the_old_one(home: Home) -> None:
    run = launcher.start(home, resolve("digits", {"train.steps": 15}))
    ended(run)
    launcher.resume(home, run, steps=25)
    synced(home)
    ended(run)
    make(home, "b", STORY[:4])
    make(home, "c").config.write_text("{")
    before = synced(home)
    home.database.unlink()
    assert synced(home) == before
    seen: list[tuple[int, int]] = []
    done, notice = reindex(home, progress=lambda *at: seen.append(at))
    assert (done.read, notice, seen[-1]) == (3, "", (3, 3))
    assert synced(home) == before


def test_a_corrupted_index_is_kept_aside_and_rebuilt(plain: Home) -> None:
    make(plain, "a")
    before = synced(plain)
    plain.database.write_bytes(b"this was a database once" * 1000)
    with Store.open(plain) as store:
        assert "was unusable" in store.notice
        sync(plain, store)
        assert store.runs() == before
    assert len(list(plain.root.glob("runs.db.damaged-*"))) >= 1
    assert synced(plain) == before


def test_an_index_damaged_in_the_middle_is_rebuilt_by_reindex(plain: Home) -> None:
    for n in range(60):
        make(plain, f"run-{n}", note="x" * 500)
    before = synced(plain)
    with sqlite3.connect(plain.database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = bytearray(plain.database.read_bytes())
    content[4096 * 2 : 4096 * 9] = b"\xaa" * (4096 * 7)
    plain.database.write_bytes(content)
    with pytest.raises(StoreError, match="etlgan reindex"):
        synced(plain)
    _, notice = reindex(plain)
    assert "kept as" in notice
    assert synced(plain) == before


def test_an_index_of_a_newer_version(plain: Home) -> None:
    make(plain, "a")
    before = synced(plain)
    with sqlite3.connect(plain.database) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match=r"written by a newer etlgan \(schema 99, .*update etlgan"):
        Store.open(plain)
    reindex(plain)
    assert synced(plain) == before


WRITER = """
import sys
from pathlib import Path
from core.rundir import Home
from core.runs.store import Row, Store
home, me = Home(Path(sys.argv[1])), sys.argv[2]
with Store.open(home) as store:
    for n in range(50):
        with store.transaction():
            row = store.row("counter") or Row("counter")
            store.put([row._replace(step=row.step + 1), Row(f"{me}-{n}")])
"""


def test_eight_processes_writing_at_once_lose_nothing(plain: Home) -> None:
    command = [sys.executable, "-P", "-c", WRITER, str(plain.root)]
    writers = [subprocess.Popen([*command, str(n)], stderr=subprocess.PIPE) for n in range(8)]
    answers = [writer.communicate()[1].decode() for writer in writers]
    assert answers == [""] * 8
    with Store.open(plain) as store:
        counter = store.row("counter")
        assert counter
        assert counter.step == 400
        assert store.count() == 401


def test_many_syncs_at_once_agree(plain: Home) -> None:
    for n in range(30):
        make(plain, f"run-{n}")
    script = "import sys; from pathlib import Path; from core.rundir import Home; from core.runs.store import Store; "
    script += "from core.runs.sync import sync; h = Home(Path(sys.argv[1])); s = Store.open(h); sync(h, s)"
    command = [sys.executable, "-P", "-c", script, str(plain.root)]
    readers = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(4)]
    assert [reader.communicate()[1].decode() for reader in readers] == [""] * 4
    rows = synced(plain)
    assert len(rows) == 30
    assert {row.step for row in rows} == {30}


def test_runs_folder_that_cannot_be_read_drops_nothing(plain: Home) -> None:
    make(plain, "a")
    synced(plain)
    plain.runs.rename(plain.root / "away")
    plain.runs.write_text("not a folder")
    with Store.open(plain) as store:
        with pytest.raises(Exception, match="cannot read"):
            sync(plain, store)
        assert store.count() == 1


def test_cold_import_stays_light() -> None:
    """No torch, numpy excepted (sqlite-utils takes it along), no plots, no screens."""
    modules = "core.history core.runs.launcher core.runs.sync core.runs.find core.runs.state"
    script = f"import sys, {', '.join(modules.split())}; print(*sys.modules)"
    answer = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True).stdout
    loaded = {name.split(".")[0] for name in answer.split()}
    assert not loaded & {"torch", "matplotlib", "textual", "typer", "rich", "scipy", "PIL", "psutil"}


def test_runner_needs_the_standard_library_only() -> None:
    script = "import sys, core.runs.runner; print(*sys.modules)"
    answer = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True).stdout
    ours = {name for name in answer.split() if name.startswith("core.")}
    parts = ("alive", "disk", "hooks", "meta", "runner", "tickets", "waiter")
    assert ours == {"core.errors", "core.rundir", "core.runs", *(f"core.runs.{part}" for part in parts)}
    assert not {"msgspec", "sqlite3", "psutil"} & set(answer.split())


def test_ids_are_listed_newest_first(plain: Home) -> None:
    for name in ("251231-235959-zzz", "260101-000000-aaa", "odd"):
        make(plain, name)
    assert run_ids(plain) == ["260101-000000-aaa", "251231-235959-zzz", "odd"]
    assert os.listdir(plain.runs)  # noqa: PTH208
