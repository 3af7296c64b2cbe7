"""Opening SQLite files, and turning what SQLite says into what a person needs."""

import os
import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from graphs.errors import CommitError, StoreError

Synchronous = Literal["full", "normal", "off"]

_STATEMENTS = 256
"""Prepared statements each connection keeps; the store has well under this many."""

_BESIDE = 128 * 2**10
"""Bytes that the files beside a database take at the least, when it is opened."""

_BUSY_SECONDS = 5.0
"""How long SQLite itself waits for a lock. The writer sets a shorter time, and goes on trying for longer."""


def connect(path: Path, *, read_only: bool, synchronous: Synchronous = "full") -> sqlite3.Connection:
    """Open one connection. Transactions are ours to begin and end.

    Raises:
        StoreError: the file cannot be opened.
    """
    mode = "ro" if read_only else "rwc"
    if not read_only:
        _make_private(path)
    try:
        db = sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?mode={mode}",  # quoted: a path may hold `?`, `#` and `%`
            uri=True,
            isolation_level=None,
            check_same_thread=False,  # each connection is used by one thread at a time; see Writer and Reader
            cached_statements=_STATEMENTS,
            timeout=_BUSY_SECONDS,
        )
    except sqlite3.Error as error:
        raise cannot_open(path, error) from error
    try:
        db.execute("PRAGMA foreign_keys = ON")
        db.execute(f"PRAGMA synchronous = {synchronous}")
        # Without a limit the WAL file stays as large as it ever was (one big read, one big write).
        db.execute("PRAGMA journal_size_limit = 67108864")
        if read_only:
            db.execute("PRAGMA query_only = ON")
            db.execute("SELECT 1 FROM sqlite_master LIMIT 1")  # opening is lazy: a wrong file is found here
    except sqlite3.Error as error:
        db.close()
        raise cannot_open(path, error) from error
    return db


def _make_private(path: Path) -> None:
    """Make a file that is not there for this user alone; SQLite gives the files beside it the same rights."""
    with suppress(OSError):  # it is there, and keeps its rights; or SQLite says what is in the way
        os.close(os.open(os.path.realpath(path), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def absolute(path: Path) -> Path:
    """The path for good: the process may change its folder later."""
    return path.absolute()


def cannot_open(path: Path, error: sqlite3.Error) -> StoreError:
    """Why a file could not be opened."""
    if _code(error) == sqlite3.SQLITE_NOTADB:
        hint = "It is another kind of file: name the one Baton made, or a new one."
    elif _code(error) == sqlite3.SQLITE_CORRUPT:
        hint = "It is damaged: go back to a backup (`baton backup` makes them)."
    elif _code(error) == sqlite3.SQLITE_FULL or (_code(error) == sqlite3.SQLITE_IOERR and _is_disk_full(path)):
        hint = "Its disk is full: make room there."
    elif path.is_dir():
        hint = "It is a folder: name a file in it."
    elif not path.parent.exists():
        hint = f"There is no folder '{path.parent}': make it first."
    else:
        hint = "Check that the file exists and that this user may read and write it and its folder."
    return StoreError(
        f"The database '{path}' cannot be opened: {error}.", hint=hint, code="store_unopened", file=str(path)
    )


def _is_disk_full(path: Path) -> bool:
    """Whether there is no room for what SQLite makes beside a file; it calls that an I/O error."""
    with suppress(OSError):
        return shutil.disk_usage(path.parent).free < _BESIDE
    return False


def is_closed(path: Path) -> StoreError:
    """The error for who asks something of a store that was closed."""
    return StoreError(f"The database '{path}' is closed.", hint="Open the store again.", code="closed", file=str(path))


def cannot_read(path: Path, error: sqlite3.Error) -> StoreError:
    """Why a question could not be answered."""
    if isinstance(error, sqlite3.ProgrammingError) and "closed" in str(error):  # it has no code of SQLite's
        return is_closed(path)
    if _code(error) == sqlite3.SQLITE_BUSY:
        hint = "Another process holds the file for itself: end it (a tool that vacuums or copies, perhaps)."
    else:
        hint = "Check the file with `PRAGMA integrity_check`, and go back to a backup if it is damaged."
    return StoreError(
        f"The database '{path}' cannot be read: {error}.", hint=hint, code="store_unreadable", file=str(path)
    )


def cannot_commit(path: Path, error: BaseException) -> CommitError:
    """Why a commit failed."""
    if not isinstance(error, sqlite3.Error):
        return CommitError(
            f"A write to '{path}' was given up: {type(error).__name__}: {error}. Nothing of this was kept.",
            hint="This is a defect in Baton: please report it.",
            cause=type(error).__name__,
            file=str(path),
        )
    return CommitError(
        f"The database '{path}' cannot be written: {error}. Nothing of this was kept.",
        hint=_HINTS.get(_code(error), "The work goes on once the store can write again."),
        cause=getattr(error, "sqlite_errorname", None) or type(error).__name__,
        file=str(path),
    )


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another process holds the lock."""
    return _code(error) == sqlite3.SQLITE_BUSY


def breaks_connection(error: BaseException) -> bool:
    """Whether the connection should not be trusted after this: the next transaction gets a new one."""
    return _code(error) in _BREAKING


def _code(error: BaseException) -> int:
    """The primary result code; SQLite's extended ones hold it in their lowest byte."""
    return int(getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


_HINTS = {
    sqlite3.SQLITE_FULL: "Make room on its disk; the work goes on once there is some.",
    sqlite3.SQLITE_READONLY: "Let this user write the file and its folder, or open it elsewhere.",
    sqlite3.SQLITE_BUSY: "Another process holds the file's lock: end it, or wait until it is done.",
    sqlite3.SQLITE_IOERR: "Check the disk (and quotas); the work goes on once it can be written.",
}

_BREAKING = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CORRUPT})
