"""Everything the services keep, in one SQLite file.

    requests   every request that arrived, committed before anything is done about it
    effects    every real effect, committed together with the records it changed
    answers    the first answer given for an idempotency key, committed together with its effects
    records    what the services own, as JSON documents by service, kind and id
    terms      the search index of the document service

One process and one thread use the file. Nothing awaits between BEGIN and COMMIT, so the event loop is the lock: no
request ever sees half of another one.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

Json = dict[str, Any]

# Fields by which records are looked up. Each has an index; looking up by another field is refused, since it would
# read every record and make the thousandth user slower than the first.
LOOKUP_FIELDS = ("email_key", "username_key", "user_id", "customer_id", "order_id", "document_id", "patient_id", "type")

APPLICATION_ID = 0x42544453  # "BTDS": marks a file as ours, so that no other database is ever emptied by a reset.

SCHEMA = """
CREATE TABLE requests (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, service TEXT NOT NULL, method TEXT NOT NULL,
  path TEXT NOT NULL, query TEXT NOT NULL, idempotency_key TEXT, body_digest TEXT NOT NULL,
  status INTEGER, replayed INTEGER NOT NULL DEFAULT 0, fault TEXT, answered_at TEXT);
CREATE INDEX requests_by_key ON requests (idempotency_key);
CREATE TABLE effects (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, service TEXT NOT NULL, action TEXT NOT NULL,
  subject TEXT NOT NULL, idempotency_key TEXT, body_digest TEXT NOT NULL, request_id INTEGER NOT NULL);
CREATE INDEX effects_by_key ON effects (idempotency_key);
CREATE TABLE answers (
  service TEXT NOT NULL, route TEXT NOT NULL, idempotency_key TEXT NOT NULL, body_digest TEXT NOT NULL,
  status INTEGER NOT NULL, body TEXT, PRIMARY KEY (service, route, idempotency_key)) WITHOUT ROWID;
CREATE TABLE records (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, service TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,
  body TEXT NOT NULL, UNIQUE (service, kind, id));
CREATE TABLE terms (
  term TEXT NOT NULL, document_id TEXT NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (term, document_id)) WITHOUT ROWID;
"""
LOOKUP_INDEX = "CREATE INDEX records_by_{0} ON records (service, kind, json_extract(body, '$.{0}'))"
TABLES = ("requests", "effects", "answers", "records", "terms")


class StoreUnusableError(Exception):
    """The file cannot be used as the services' store; the message says why."""


def utc_now() -> str:
    """The time as everything here writes it: `2026-01-31T12:00:00.123Z`."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Store:
    """The services' file. Open it with `Store.open`.

    Args:
        connection: A connection in autocommit mode; transactions are begun here and nowhere else.
        plant: Writes what the services know from the beginning; called for a new file and after `reset`.
    """

    def __init__(self, connection: sqlite3.Connection, plant: Callable[["Store"], None]) -> None:
        self._connection = connection
        self._plant = plant

    @classmethod
    def open(cls, path: Path, plant: Callable[["Store"], None]) -> Self:
        """Open the file, and make and plant it where there is none.

        Raises:
            StoreUnusableError: It is not a database, not ours, or cannot be written.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(path, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise StoreUnusableError(f"The demo services cannot open {path}: {error}.") from error
        store = cls(connection, plant)
        try:
            store._prepare(path)
        except sqlite3.Error as error:
            connection.close()
            raise StoreUnusableError(f"The demo services cannot use {path}: {error}.") from error
        except StoreUnusableError:
            connection.close()
            raise
        return store

    def _prepare(self, path: Path) -> None:
        connection = self._connection
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables and application != APPLICATION_ID:
            raise StoreUnusableError(f"{path} holds something else than the demo services' data. Give another file.")
        connection.execute("PRAGMA busy_timeout = 5000")
        connection.execute("PRAGMA journal_mode = WAL")
        # An effect that was answered must survive a power cut; otherwise the ledger would accuse the engine.
        connection.execute("PRAGMA synchronous = FULL")
        if not tables:
            self._create()

    def _create(self) -> None:
        with self.transaction():
            for statement in (*SCHEMA.split(";\n"), *(LOOKUP_INDEX.format(field) for field in LOOKUP_FIELDS)):
                self._connection.execute(statement)
            self._connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self._plant(self)

    def close(self) -> None:
        self._connection.close()

    def reset(self) -> None:
        """Empty everything and plant the beginnings again."""
        with self.transaction():
            for table in TABLES:
                self._connection.execute(f"DELETE FROM {table}")
            self._plant(self)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the writes within, or none. IMMEDIATE, so that waiting for another process happens here only."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            # A failed COMMIT may have ended the transaction already.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Within a transaction: take back the writes within when they end in an exception."""
        self._connection.execute("SAVEPOINT step")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK TO step")
            raise
        finally:
            self._connection.execute("RELEASE step")

    # --- rows as they are: requests, effects, answers ---------------------------------------------------------------

    def insert(self, table: str, row: Mapping[str, Any]) -> int:
        columns, marks = ", ".join(row), ", ".join("?" * len(row))
        cursor = self._connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(row.values()))
        return cursor.lastrowid or 0

    def update(self, table: str, row_id: int, changes: Mapping[str, Any]) -> None:
        columns = ", ".join(f"{column} = ?" for column in changes)
        self._connection.execute(f"UPDATE {table} SET {columns} WHERE id = ?", (*changes.values(), row_id))

    def rows(self, table: str, where: Mapping[str, Any], *, after: int = 0, limit: int = -1) -> list[Json]:
        """The rows that have these values (None: any value), oldest first, from the first after id `after`."""
        wanted = {column: value for column, value in where.items() if value is not None}
        conditions = "".join(f" AND {column} = ?" for column in wanted)
        cursor = self._connection.execute(
            f"SELECT * FROM {table} WHERE id > ?{conditions} ORDER BY id LIMIT ?", (after, *wanted.values(), limit)
        )
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def saved_answer(self, service: str, route: str, key: str) -> tuple[str, int, str | None] | None:
        """Body digest of the first request with this key, and the status and body it was answered with."""
        row: tuple[str, int, str | None] | None = self._connection.execute(
            "SELECT body_digest, status, body FROM answers WHERE service = ? AND route = ? AND idempotency_key = ?",
            (service, route, key),
        ).fetchone()
        return row

    # --- records ----------------------------------------------------------------------------------------------------

    def get(self, service: str, kind: str, record_id: str) -> Json | None:
        row = self._connection.execute(
            "SELECT body FROM records WHERE service = ? AND kind = ? AND id = ?", (service, kind, record_id)
        ).fetchone()
        return None if row is None else _decoded(row[0])

    def find(self, service: str, kind: str, field: str | None = None, value: Any = None) -> list[Json]:
        """The records of a kind, oldest first; with a field, those that have this value there."""
        condition, parameters = "", [service, kind]
        if field is not None:
            if field not in LOOKUP_FIELDS:
                raise ValueError(f"Records have no index on '{field}'. Indexed: {', '.join(LOOKUP_FIELDS)}.")
            condition, parameters = f" AND json_extract(body, '$.{field}') = ?", [service, kind, value]
        cursor = self._connection.execute(
            f"SELECT body FROM records WHERE service = ? AND kind = ?{condition} ORDER BY seq", parameters
        )
        return [_decoded(row[0]) for row in cursor]

    def put(self, service: str, kind: str, record_id: str, body: Json) -> None:
        self._connection.execute(
            "INSERT INTO records (service, kind, id, body) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (service, kind, id) DO UPDATE SET body = excluded.body",
            (service, kind, record_id, json.dumps(body)),
        )

    def delete(self, service: str, kind: str, record_id: str) -> bool:
        cursor = self._connection.execute(
            "DELETE FROM records WHERE service = ? AND kind = ? AND id = ?", (service, kind, record_id)
        )
        return cursor.rowcount > 0

    # --- search -----------------------------------------------------------------------------------------------------

    def index_terms(self, document_id: str, counts: Mapping[str, int]) -> None:
        """Replace what the index knows of a document; an empty mapping takes it out."""
        self._connection.execute("DELETE FROM terms WHERE document_id = ?", (document_id,))
        rows = ((term, document_id, count) for term, count in counts.items())
        self._connection.executemany("INSERT INTO terms (term, document_id, count) VALUES (?, ?, ?)", rows)

    def search_terms(self, terms: list[str]) -> list[tuple[str, int]]:
        """Documents that hold all the terms, with the number of their occurrences, most first."""
        marks = ", ".join("?" * len(terms))
        cursor = self._connection.execute(
            f"SELECT document_id, sum(count) FROM terms WHERE term IN ({marks}) GROUP BY document_id"
            " HAVING count(*) = ? ORDER BY 2 DESC, 1",
            (*terms, len(terms)),
        )
        return cursor.fetchall()


def _decoded(body: str) -> Json:
    record: Json = json.loads(body)
    return record
