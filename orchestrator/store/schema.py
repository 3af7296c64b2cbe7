"""The file's tables: made once, changed by numbered SQL files, checked at every opening by one number.

Not by yoyo-migrations: measured on SQLite, a killed migration leaves its lock row behind (the next start then refuses
until somebody breaks the lock), paths are put into its URI unquoted, sqlite3's global adapters are replaced while it
runs, and importing it costs 0.1 s. SQLite changes tables inside transactions and has `user_version` for the number, so
each step here is whole or not there, whoever dies or competes.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from graphs.errors import StoreError
from orchestrator.store.connect import Synchronous, cannot_open, connect
from orchestrator.store.port import ENGINE_FORMAT

SCHEMA = 26
"""The newest migration. Raise it together with a new file `migrations/NNNN_what.sql`; released files never change."""

_APPLICATION = 0x4241544F
"""'BATO' in the file's header, so that `file` and we can tell it from other SQLite files."""

_LANGGRAPH = frozenset({"checkpoints", "writes", "store", "store_migrations", "store_vectors", "vector_migrations"})
"""Tables of LangGraph's savers and stores: a file of theirs is taken over."""

_MIGRATIONS = Path(__file__).parent / "migrations"


def prepare(path: Path, *, read_only: bool, synchronous: Synchronous, patience: float) -> None:
    """Make the file's tables, or bring them up to date.

    Raises:
        StoreError: it cannot be opened, is another application's, or was made by a newer Baton.
    """
    db = connect(path, read_only=read_only, synchronous=synchronous)
    try:
        _check_is_ours(db, path)
        if not read_only and _number(db, path) < SCHEMA:
            db.execute(f"PRAGMA busy_timeout = {int(patience * 1000)}")
            _migrate(db, path)
        _check(db, path, read_only)
    except sqlite3.Error as error:
        raise cannot_open(path, error) from error
    finally:
        db.close()


def _check_is_ours(db: sqlite3.Connection, path: Path) -> None:
    """A slip of the hand must not put our tables into an application's database; LangGraph's own are welcome."""
    if int(db.execute("PRAGMA application_id").fetchone()[0]) == _APPLICATION:
        return
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if foreign := sorted(name for name in tables - _LANGGRAPH if not name.startswith("sqlite_")):
        raise StoreError(
            f"The database '{path}' is not Baton's: it holds the table '{foreign[0]}'.",
            hint="Name the file that Baton made, or a new one.",
            code="store_foreign",
        )


def _check(db: sqlite3.Connection, path: Path, read_only: bool) -> None:
    number = _number(db, path)
    if number < SCHEMA:
        raise StoreError(
            f"The database '{path}' has schema {number}; this Baton needs {SCHEMA}, and opened it only to read.",
            hint="Open it once with the engine (`baton serve` or `baton run`), which brings it up to date.",
            code="schema_too_old",
        )
    kept = int(db.execute("SELECT value FROM meta WHERE key = 'engine_format'").fetchone()[0])
    if kept < ENGINE_FORMAT and not read_only:
        db.execute("UPDATE meta SET value = ? WHERE key = 'engine_format'", (str(ENGINE_FORMAT),))
    if kept > ENGINE_FORMAT:
        raise StoreError(
            f"The database '{path}' has engine format {kept}; this Baton knows formats up to {ENGINE_FORMAT}.",
            hint="Use the newer Baton that wrote it, or a backup made before.",
            code="engine_format_too_new",
        )


def _number(db: sqlite3.Connection, path: Path) -> int:
    number = int(db.execute("PRAGMA user_version").fetchone()[0])
    if number > SCHEMA:
        raise StoreError(
            f"The database '{path}' has schema {number}; this Baton knows schemas up to {SCHEMA}.",
            hint="Use the newer Baton that wrote it, or a backup made before.",
            code="schema_too_new",
        )
    return number


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    # Both must come before the first table; on a file LangGraph made, only the second has an effect.
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")
    db.execute("PRAGMA journal_mode = WAL")
    for file in sorted(_MIGRATIONS.glob("*.sql")):
        number = int(file.name[:4])
        db.execute("BEGIN IMMEDIATE")
        try:
            if _number(db, path) < number:  # asked again under the lock: another process may have been faster
                _adopt(db)
                for statement in _statements(file.read_text("utf-8")):
                    db.execute(statement)
                db.execute("INSERT OR REPLACE INTO meta VALUES ('engine_format', ?)", (str(ENGINE_FORMAT),))
                db.execute(f"PRAGMA application_id = {_APPLICATION}")
                db.execute(f"PRAGMA user_version = {number}")
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise


def _adopt(db: sqlite3.Connection) -> None:
    """Give a file of LangGraph's own saver, before its 3.1, the column its tables have since."""
    columns = {name for (name,) in db.execute("SELECT name FROM pragma_table_info('writes')")}
    if columns and "task_path" not in columns:
        db.execute("ALTER TABLE writes ADD COLUMN task_path TEXT NOT NULL DEFAULT ''")


def _statements(text: str) -> Iterator[str]:
    """The statements of a file. Not executescript, which commits before it begins."""
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
