"""The index itself: pages, transactions, schemas."""

import contextlib
import sqlite3
from pathlib import Path

import pytest

from core.errors import StoreError
from core.rundir import Home
from core.runs import store as stores
from core.runs.store import Row, Store

# The first schema that was ever shipped, as it was: never to be edited.
FIRST = """
    CREATE TABLE runs (
        id TEXT PRIMARY KEY, name TEXT, preset TEXT, recipe TEXT, source TEXT, chars TEXT, classes INTEGER,
        size INTEGER, created REAL, updated REAL, attempt INTEGER, device TEXT, step INTEGER, steps INTEGER,
        images_per_s REAL, seconds REAL, d REAL, g REAL, info_cat REAL, info_con REAL, q_real REAL, q_fake REAL,
        score REAL, scores TEXT, finished TEXT, message TEXT, tags TEXT, note TEXT, priority INTEGER, parent TEXT,
        config TEXT, error TEXT, "offset" INTEGER, signature TEXT, seconds_before REAL, score_step INTEGER,
        bad_lines INTEGER, bad_line TEXT
    ) WITHOUT ROWID
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.delenv("ETLGAN_DB", raising=False)
    return Home(tmp_path)


def fill(store: Store, *rows: Row) -> None:
    with store.transaction():
        store.put(rows)


def test_rows_come_back_as_they_were(home: Home) -> None:
    row = Row("a", name="ん", tags=("x", 'q"uote'), created=1.5, d=0.25, classes=10, note="l1\nl2")
    with Store.open(home) as store:
        fill(store, row)
        assert store.row("a") == row
        assert store.row("b") is None
    with Store.open(home) as store:
        assert store.runs() == [row]


def test_pages_order_and_unknown_values_last(home: Home) -> None:
    with Store.open(home) as store:
        fill(store, *(Row(f"r{n:03}", created=float(n), score=None if n == 5 else n / 10) for n in range(10)))
        assert [row.id for row in store.runs(limit=3)] == ["r009", "r008", "r007"]
        assert [row.id for row in store.runs(limit=3, offset=8)] == ["r001", "r000"]
        assert store.runs(order="score")[-1].id == "r005"
        assert store.runs(order="score", descending=False)[-1].id == "r005"
        assert store.runs(order="score", descending=False)[0].id == "r000"
        with pytest.raises(StoreError, match="cannot sort runs by 'id; DROP"):
            store.runs(order="id; DROP TABLE runs")


def test_filters(home: Home) -> None:
    with Store.open(home) as store:
        fill(
            store,
            Row("a", name="100% あ", tags=("best", "きれい"), recipe="etl"),
            Row("b", name="under_score", tags=("bestest",), recipe="classic", note="see 100"),
            Row("c", name="O'Brien \\ co", recipe="etl"),
        )
        found = {
            text: "".join(sorted(row.id for row in store.runs(text=text)))
            for text in ("100", "100%", "あ", "UNDER", "r_s", "%", "\\", "'", "きれ", "nothing")
        }
        assert found == {
            "100": "ab", "100%": "a", "あ": "a", "UNDER": "b", "r_s": "b", "%": "a", "\\": "c", "'": "c", "きれ": "a",
            "nothing": "",
        }  # fmt: skip
        assert [row.id for row in store.runs(tag="best")] == ["a"]
        assert store.count(recipe="etl") == 2
        assert store.count(recipe="etl", text="100", tag="best") == 1


def test_rollback_leaves_nothing(home: Home) -> None:
    with Store.open(home) as store:
        fill(store, Row("a"))
        with contextlib.suppress(ZeroDivisionError), store.transaction():
            store.put([Row("a", name="changed"), Row("b")])
            store.drop(["a"])
            raise ZeroDivisionError
        assert store.runs() == [Row("a")]
        fill(store, Row("c"))  # and the store can be used on
        assert store.count() == 2


def test_a_write_locks_from_its_first_read(home: Home) -> None:
    with Store.open(home) as store, Store.open(home) as other:
        other.connection.execute("PRAGMA busy_timeout = 50")
        with store.transaction():
            assert store.row("a") is None
            with pytest.raises(StoreError, match="locked"), other.transaction():
                pass
            assert other.runs() == []  # readers are not held up


def test_the_first_schema_ever_shipped_still_opens(home: Home) -> None:
    connection = sqlite3.connect(home.database)
    connection.execute(FIRST)
    connection.execute("PRAGMA user_version = 1")
    connection.execute("INSERT INTO runs (id, name, tags, created) VALUES ('old', 'from then', '[\"t\"]', 1.0)")
    connection.commit()
    connection.close()
    with Store.open(home) as store:
        assert [(row.id, row.name, row.tags) for row in store.runs()] == [("old", "from then", ("t",))]
        assert store._version() == len(stores.MIGRATIONS)
        assert FIRST.split() == stores.MIGRATIONS[0].split()


def test_a_new_migration_runs_once_and_one_that_fails_leaves_nothing(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(home) as store:
        fill(store, Row("a"))
    shipped = stores.MIGRATIONS
    monkeypatch.setattr(stores, "MIGRATIONS", (*shipped, "ALTER TABLE runs ADD COLUMN extra TEXT", "nonsense"))
    with pytest.raises(sqlite3.OperationalError):
        Store(home.database)
    monkeypatch.setattr(stores, "MIGRATIONS", (*shipped, "ALTER TABLE runs ADD COLUMN extra TEXT"))
    for _ in range(2):
        with Store.open(home) as store:
            assert "extra" in store.db.table("runs").columns_dict
            assert store.count() == 1


def test_another_programs_database_is_not_touched(home: Home) -> None:
    connection = sqlite3.connect(home.database)
    connection.execute("CREATE TABLE theirs (x)")
    connection.commit()
    connection.close()
    before = home.database.read_bytes()
    with pytest.raises(StoreError, match="another program's database; ETLGAN_DB"):
        Store.open(home)
    assert home.database.read_bytes() == before


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that refuses even root")
def test_where_no_index_can_be_written_it_is_kept_in_memory() -> None:
    with Store.open(Home(Path("/proc"))) as store:
        assert store.notice.startswith("/proc/runs.db cannot be written")
        fill(store, Row("a"))
        assert store.count() == 1


def test_the_index_can_lie_elsewhere(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETLGAN_DB", str(tmp_path / "local.db"))
    with Store.open(home) as store:
        assert store.path == tmp_path / "local.db"
        assert store.db.journal_mode == "wal"
    assert not (home.root / "runs.db").exists()
