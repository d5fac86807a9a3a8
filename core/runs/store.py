"""`runs.db`: the index of runs. Only last values; everything in it can be made again from the run directories.

The only module that knows SQL. A Store belongs to the thread that opened it; opening takes a millisecond or two.
"""

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import StoreError
from core.glyphs import repertoire
from core.rundir import Home
from core.runs.disk import folder_lock
from core.runs.row import Position as Position
from core.runs.row import Row as Row

if TYPE_CHECKING:
    from sqlite_utils import Database

BUSY_SECONDS = 30.0
PAGE = 200  # runs a query
LARGEST = 2**63 - 1  # of SQLite's integers


FIRST_SCHEMA = """
    CREATE TABLE runs (
        id TEXT PRIMARY KEY, name TEXT, preset TEXT, recipe TEXT, source TEXT, chars TEXT, classes INTEGER,
        size INTEGER, created REAL, updated REAL, attempt INTEGER, device TEXT, step INTEGER, steps INTEGER,
        images_per_s REAL, seconds REAL, d REAL, g REAL, info_cat REAL, info_con REAL, q_real REAL, q_fake REAL,
        score REAL, scores TEXT, finished TEXT, message TEXT, tags TEXT, note TEXT, priority INTEGER, parent TEXT,
        config TEXT, error TEXT, "offset" INTEGER, signature TEXT, seconds_before REAL, score_step INTEGER,
        bad_lines INTEGER, bad_line TEXT
    ) WITHOUT ROWID
"""

# Append only: the number of a migration is its place, and PRAGMA user_version counts those applied.
# A migration is one SQL statement, and is never edited once it has been shipped.
MIGRATIONS: tuple[str, ...] = (
    FIRST_SCHEMA,
    "CREATE INDEX runs_created ON runs (created, id)",
    "ALTER TABLE runs ADD COLUMN seconds_to_target REAL",
    "ALTER TABLE runs ADD COLUMN target_step INTEGER DEFAULT 0",
    "ALTER TABLE runs ADD COLUMN mark TEXT NOT NULL DEFAULT ''",
)


class Store:
    """An open index. `notice` is a line for the user where something had to be worked around, else empty."""

    def __init__(self, path: Path | None) -> None:
        """Open or make the index at `path`; None: in memory. Unusable: sqlite3.Error or StoreError."""
        self.path, self.notice = path, ""
        self.connection = sqlite3.connect(path or ":memory:", timeout=BUSY_SECONDS)  # which is SQLite's busy_timeout
        try:
            self.connection.execute("PRAGMA synchronous = NORMAL")  # an index may lose its last second in a power cut
            self._migrate()
        except BaseException:
            self.connection.close()
            raise

    @cached_property
    def db(self) -> "Database":
        """The same connection as sqlite-utils has it; for writing only: importing it takes longer than listing runs."""
        from sqlite_utils import Database

        return Database(self.connection, execute_plugins=False)

    @classmethod
    def open(cls, home: Home) -> "Store":
        """The index of a home; a damaged one is moved aside, and an unwritable folder gets one in memory.

        Both are told in `notice`; the next sync fills the new index. From a newer version, or locked: StoreError.
        """
        path = home.database
        try:
            return cls(path)
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise StoreError(f"{path} has been locked for {BUSY_SECONDS:.0f} s by another program") from None
            store = cls(None)
            store.notice = f"{path} cannot be written ({error}): the index is kept in memory; ETLGAN_DB moves it"
            return store
        except sqlite3.DatabaseError as error:
            return cls.renew(home, str(error))

    @classmethod
    def renew(cls, home: Home, reason: str) -> "Store":
        """Keep an unusable index aside and begin an empty one."""
        path = home.database
        with _telling(path), folder_lock(path.parent):
            with contextlib.suppress(sqlite3.DatabaseError, StoreError):
                store = cls(path)
                if store.sound():
                    return store  # another process has renewed it already
                store.close()
            aside = path.with_name(f"{path.name}.damaged-{time.strftime('%y%m%d-%H%M%S')}")
            for ending in ("", "-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    path.with_name(path.name + ending).rename(aside.with_name(aside.name + ending))
            store = cls(path)
        store.notice = f"{path} was unusable ({reason}): it is kept as {aside.name}, and made anew from the runs"
        return store

    def _migrate(self) -> None:
        if self._version() == len(MIGRATIONS):
            return
        if self._tables() and self._version() == 0:  # in this order: ours come with a version, at once
            raise StoreError(f"{self.path} is another program's database; ETLGAN_DB puts the index elsewhere")
        if self.path:
            self._write_ahead()
        with self._immediate():
            version = self._version()  # another process may have been faster
            if version > len(MIGRATIONS):
                raise StoreError(
                    f"{self.path} was written by a newer etlgan (schema {version}, this one knows {len(MIGRATIONS)}): "
                    "update etlgan, or let `etlgan reindex` make a new index (no run is touched)"
                )
            for migration in MIGRATIONS[version:]:
                self.connection.execute(migration)
            self.connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

    def _tables(self) -> int:
        return int(self.connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])

    def _version(self) -> int:
        return int(self.connection.execute("PRAGMA user_version").fetchone()[0])

    def _write_ahead(self) -> None:
        """WAL, so that readers and a writer do not wait for each other. Switching ignores the busy timeout."""
        for attempt in range(100):
            try:
                self.connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or attempt == 99:
                    raise
                time.sleep(0.02)

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.connection.close()

    def sound(self) -> bool:
        """Whether SQLite finds nothing wrong with the file; reads all of it."""
        try:
            return bool(self.connection.execute("PRAGMA quick_check").fetchone()[0] == "ok")
        except sqlite3.DatabaseError:
            return False

    @contextlib.contextmanager
    def transaction(self) -> Iterator["Database"]:
        """All or nothing, for every read that a write depends on. Takes the write lock at once: a deferred BEGIN that
        has read cannot be upgraded while another writes, and fails at once with "database is locked"."""
        database = self.db  # imported before the lock is taken
        with _telling(self.path), self._immediate():
            yield database

    @contextlib.contextmanager
    def _immediate(self) -> Iterator[None]:
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.connection.rollback()
            raise
        self.connection.commit()

    # --- reading ---

    def runs(
        self,
        *,
        limit: int = PAGE,
        offset: int = 0,
        order: str = "created",
        descending: bool = True,
        text: str = "",
        tag: str = "",
        recipe: str = "",
        parent: str = "",
    ) -> list[Row]:
        """One page. `order` is a column of Row; what is not known comes last. `text` looks at names, notes, tags,
        characters, also those of named sets."""
        if order not in Row._fields:
            raise StoreError(f"cannot sort runs by {order!r}; choose from {', '.join(Row._fields)}")
        where, values = _where(text, tag, recipe, parent)
        way = "DESC" if descending else "ASC"
        sql = f'SELECT {_COLUMNS} FROM runs{where} ORDER BY "{order}" {way} NULLS LAST, id {way} LIMIT ? OFFSET ?'
        return [_row(found) for found in self._select(sql, [*values, limit, offset])]

    def count(self, *, text: str = "", tag: str = "", recipe: str = "", parent: str = "") -> int:
        """How many runs `runs` would page through."""
        where, values = _where(text, tag, recipe, parent)
        return int(self._select(f"SELECT count(*) FROM runs{where}", values)[0][0])

    def row(self, run_id: str) -> Row | None:
        """One run, None where the index does not know it."""
        found = self.rows([run_id])
        return found.get(run_id)

    def rows(self, ids: Iterable[str]) -> dict[str, Row]:
        """Some runs by id; unknown ones are left out."""
        listed = json.dumps(list(ids))
        sql = f"SELECT {_COLUMNS} FROM runs WHERE id IN (SELECT value FROM json_each(?))"
        return {row.id: row for row in map(_row, self._select(sql, [listed]))}

    def sources(self) -> dict[str, int]:
        """How many runs used each source of data."""
        return dict(self._select("SELECT source, count(*) FROM runs WHERE source <> '' GROUP BY source", []))

    def positions(self) -> dict[str, Position]:
        """How far each known run has been read."""
        sql = 'SELECT id, signature, "offset" FROM runs'
        return {run_id: Position(signature, offset) for run_id, signature, offset in self._select(sql, [])}

    def _select(self, sql: str, values: list[Any]) -> list[tuple[Any, ...]]:
        with _telling(self.path):
            return self.connection.execute(sql, values).fetchall()

    # --- writing: inside `transaction` only ---

    def put(self, rows: Iterable[Row]) -> None:
        """Insert or replace whole rows; an id is the natural key, so that twice is once."""
        self.db.table("runs").insert_all((_record(row) for row in rows), pk="id", replace=True)

    def drop(self, ids: Iterable[str]) -> None:
        """Forget runs whose directories have gone."""
        self.connection.execute(
            "DELETE FROM runs WHERE id IN (SELECT value FROM json_each(?))", [json.dumps(list(ids))]
        )

    def forget_positions(self) -> None:
        """Make the next sync read every run from its beginning."""
        self.connection.execute("UPDATE runs SET signature = ''")


_COLUMNS = ", ".join(f'"{name}"' for name in Row._fields)
_SEARCHED = ("id", "name", "preset", "source", "chars", "note")
_LIKE = "LIKE ? ESCAPE '\\'"


def _where(text: str, tag: str, recipe: str, parent: str) -> tuple[str, list[Any]]:
    parts, values = [], []
    if text:
        pattern = "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        either = [f"{name} {_LIKE}" for name in _SEARCHED]
        either.append(f"EXISTS (SELECT 1 FROM json_each(tags) WHERE value {_LIKE})")
        values += [pattern] * len(either)
        for name in repertoire.names_with(text):
            either.append("'+' || chars || '+' LIKE ?")
            values.append(f"%+{name}+%")
        parts.append(f"({' OR '.join(either)})")
    if tag:
        parts.append("EXISTS (SELECT 1 FROM json_each(tags) WHERE value = ?)")
        values.append(tag)
    if recipe:
        parts.append("recipe = ?")
        values.append(recipe)
    if parent:
        parts.append("parent = ?")
        values.append(parent)
    return (" WHERE " + " AND ".join(parts) if parts else ""), values


def _row(values: tuple[Any, ...]) -> Row:
    row = Row(*values)
    return row._replace(tags=tuple(json.loads(str(row.tags))))


def _record(row: Row) -> dict[str, Any]:
    """Tags as JSON; whole numbers that SQLite cannot hold are cut to its largest."""
    bounded = {name: _bounded(value) for name, value in row._asdict().items()}
    return bounded | {"tags": json.dumps(row.tags, ensure_ascii=False)}


def _bounded(value: Any) -> Any:
    return max(-LARGEST, min(LARGEST, value)) if isinstance(value, int) else value


@contextlib.contextmanager
def _telling(path: Path | None) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        advice = "`etlgan reindex` makes it anew; no run is touched"
        raise StoreError(f"{path or 'the index in memory'}: {error}; {advice}") from None
